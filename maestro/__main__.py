"""``python -m maestro`` is the ``maestro`` command."""

import os
import sys

# ``-m`` puts the working directory in front of everything: a repository there would bring its own libraries.
_home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib could be theirs
sys.path[:] = [p for p in sys.path if os.path.isabs(p) and (p == _home or p != os.getcwd())]  # noqa: PTH109, PTH117

from maestro.cli import main  # noqa: E402

main()
