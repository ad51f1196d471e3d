"""Which folder all worktrees of an installation go to: outside of every project.

Tools look upward for settings and modules. Below another project (Maestro's own clone, say) the user's tests would
read that one's. And many tools pass over what lies below a hidden folder. So worktrees lie in ``<data>/worktrees``
unless something above is a project or hidden, then in a folder for this data folder in ``~/maestro-worktrees``, where
that is better; ``MAESTRO_WORKTREES_DIR`` says otherwise.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.core.kernel import projects
from maestro.errors import InvalidInput
from maestro.settings import Settings, variable

FOLDER = "worktrees"
#: Not "maestro": that is what a clone of Maestro's own repository would be called.
_AT_HOME = "maestro-worktrees"
_SHARED = Path("/var/tmp")  # noqa: S108 - only a folder that is this user's alone is taken there

#: What is wrong with a place, the larger the worse.
_PROJECT_ABOVE, _HIDDEN, _LESS_GOOD = 4, 2, 1

#: The fact that lists where worktrees have been, besides the data folder: sessions go on where they began.
KNOWN = "worktree-places"


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of all worktrees. ``why`` it is this one; ``above``: what tools would find over it all the same."""

    folder: Path
    why: str
    above: tuple[Path, ...] = ()

    @property
    def warning(self) -> str | None:
        """What is wrong with the place, and what to do; None when nothing is."""
        if not self.above:
            return None
        name = variable("worktrees_dir")
        return (
            f"Worktrees are in {self.folder}, below a project: {_listed(self.above)}. Tools that search parent folders read it, "
            f"so checks may prove the wrong thing. Set {name} to a folder outside of every project."
        )


def decide(settings: Settings) -> Place:
    """Where this installation's worktrees go from now on. Makes nothing.

    Raises InvalidInput for a ``MAESTRO_WORKTREES_DIR`` that cannot be used.
    """
    if settings.worktrees_dir is not None:
        return _told(settings.worktrees_dir, insists=settings.worktrees_inside_project)
    own = settings.data_dir / FOLDER
    found = projects.above(own)
    hidden = hidden_in(own)
    if not found and hidden is None:
        return Place(own, "in the data folder")
    reasons = [f"{_listed([a.path for a in found])} is above the data folder"] if found else []
    if hidden is not None:
        reasons.append(f"many tools skip everything below a hidden folder such as {hidden}")
    choices = [Place(own, "in the data folder: no better place was found", tuple(a.path for a in found))]
    faults = [_faults(own, found)]
    for base, words in _elsewhere():
        folder = base / f"{FOLDER}-of-{_name_of(settings.data_dir)}"
        if is_mine(base) and _cannot_write(folder) is None:
            around = projects.above(folder)
            choices.append(Place(folder, f"in {words}, because {' and '.join(reasons)}", tuple(a.path for a in around)))
            faults.append(_faults(folder, around))
    return choices[faults.index(min(faults))]


def hidden_in(folder: Path, *, but: frozenset[str] = frozenset()) -> str | None:
    """The first hidden folder on the way to ``folder``, itself included, as tools see it; None where there is none."""
    return next((part for part in folder.resolve().parts if part.startswith(".") and part not in but), None)


def _told(folder: Path, *, insists: bool) -> Place:
    name = variable("worktrees_dir")
    if (why := _cannot_write(folder)) is not None:
        raise _refused(f"{folder} {why}. Name a folder that can be written, or unset {name}")
    found = tuple(a.path for a in projects.above(folder))
    if found and not insists:
        raise _refused(
            f"{folder} is below a project: {_listed(found)}. Tools that search parent folders would read it. Choose a "
            f"folder outside of every project, or set {variable('worktrees_inside_project')}=true if you want it there"
        )
    return Place(folder, f"{name} names it", found)


def _refused(words: str) -> InvalidInput:
    return InvalidInput(f"A setting is not valid: {variable('worktrees_dir')}: {words}.", {"worktrees_dir": words})


def _cannot_write(folder: Path) -> str | None:
    """Why nothing can be made in a folder, which need not exist yet; None when it can."""
    there = next((p for p in (folder, *folder.parents) if os.path.lexists(p)), folder)
    if not there.is_dir():
        return "is not a folder" if there == folder else f"cannot be made: {there} is not a folder"
    if not os.access(there, os.W_OK | os.X_OK):
        return "cannot be written" if there == folder else f"cannot be made: {there} cannot be written"
    return None


def for_this_user() -> Path:
    """This user's folder where everybody may make one."""
    return _SHARED / f"maestro-{os.getuid()}"


def is_mine(folder: Path) -> bool:
    """Whether nobody else made the folder that is to be this user's alone, not even as a link."""
    if folder != for_this_user():
        return True
    try:
        found = folder.lstat()
    except OSError:
        return True  # not there yet
    return found.st_uid == os.getuid() and stat.S_ISDIR(found.st_mode)


def _faults(folder: Path, found: Sequence[projects.Above]) -> int:
    """How much is wrong with a place; 0: nothing."""
    project = 0 if not found else _LESS_GOOD if all(a.mild for a in found) else _PROJECT_ABOVE
    hidden = _HIDDEN if hidden_in(folder) else 0
    # Some systems clear there what nobody used for a month: rather a home folder under version control.
    shared = _LESS_GOOD if folder.is_relative_to(_SHARED) else 0
    return project + hidden + shared


def _elsewhere() -> Iterator[tuple[Path, str]]:
    """Folders of the user's own, outside of the data folder, the best one first."""
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
        if Path(told := os.environ.get(name, "")).is_absolute():
            yield Path(told) / "maestro", name
    try:
        home = Path.home()
    except RuntimeError:
        home = None
    if home is not None:
        yield home / _AT_HOME, "your home folder"
        usual = "Library/Application Support" if sys.platform == "darwin" else ".local/share"
        yield home / usual / "maestro", "the user's data folder"
    # Kept over a restart of the machine, unlike /tmp.
    yield for_this_user(), str(_SHARED)


def _name_of(data_dir: Path) -> str:
    """A name for a data folder: two installations must not mix."""
    return hashlib.sha256(str(data_dir.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _listed(paths: Iterable[Path]) -> str:
    names = [str(path) for path in paths]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
