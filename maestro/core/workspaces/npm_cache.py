"""npm's cache as a check sees it: packages are only read; what npm writes whenever it looks something up is a copy.

The copy is made inside of the confinement: what set-up commands left may be links to anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from maestro import untrusted

#: The cache's folder below home, and where what the set-up fetched is seen instead.
FOLDER = ".npm"
FETCHED = ".npm-of-set-up"
_STAMP = ".set-up"

_SCRIPT = (
    """
stamp=$1 from="$HOME/%(fetched)s" to="$HOME/%(folder)s"; shift
if [ "$(cat "$to/.stamp" 2>/dev/null)" != "$stamp" ]; then
  ( rm -rf "$to"; mkdir -p "$to/_cacache"; cp -a "$from/_npx" "$to/"; cp -a "$from/_cacache/index-v5" "$to/_cacache/"
    ln -s "$from/_cacache/content-v2" "$to/_cacache/content-v2"; echo "$stamp" > "$to/.stamp" ) >/dev/null 2>&1
fi
exec "$@"
""".strip()
    % {"fetched": FETCHED, "folder": FOLDER}
)


def filled(downloads: Path) -> None:
    """A set-up is about to fetch: what was copied before is copied again."""
    with suppress(OSError):
        untrusted.write(downloads / _STAMP, uuid4().hex)


def inside(downloads: Path, argv: Sequence[str]) -> list[str]:
    """What runs inside: the copy, where it is not there from an earlier check, then the command in its place."""
    stamp = untrusted.note(downloads / _STAMP, 64) or "first"
    return ["/bin/sh", "-c", _SCRIPT, "maestro-npm", stamp, *argv]
