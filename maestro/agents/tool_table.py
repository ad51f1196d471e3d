"""The tools of all trades that work on a repository in place: tests, linters, type checkers, formatters, builds.

A key is a program with its subcommands. What is not here asks, and so does every option that is not listed.
Left out on purpose: what publishes, installs, downloads by name, watches for ever, runs a program of the user's
words, or names code to load (``-p plugin``, ``--rulesdir``, ``-toolexec``, ``--rootdir``, init scripts).
"""

from __future__ import annotations

from maestro.agents.tool_options import Tool
from maestro.agents.tools_compiled import COMPILED
from maestro.agents.tools_native import NATIVE
from maestro.agents.tools_other import OTHER
from maestro.agents.tools_python import PYTHON
from maestro.agents.tools_web import WEB

#: What may be run, by program and subcommands.
TOOLS: dict[str, Tool] = {**PYTHON, **WEB, **COMPILED, **NATIVE, **OTHER}
