"""Where worktrees are: outside of every project, the same kind of place for all, and found again after a change.

Tools look upward for settings and modules. Below another project (Maestro's own clone, say) the user's tests would
read that one's. And many tools pass over what lies below a hidden folder. So worktrees lie in ``<data>/worktrees``
unless something above is a project or hidden, then in a folder for this data folder in ``~/maestro-worktrees``, where
that is better; ``MAESTRO_WORKTREES_DIR`` says otherwise.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from maestro.core.kernel import projects
from maestro.errors import InvalidInput, Unavailable
from maestro.settings import Settings, variable

if TYPE_CHECKING:
    from maestro.core.kernel.runtime import Runtime

_log = logging.getLogger(__name__)

_FOLDER = "worktrees"
#: Not "maestro": that is what a clone of Maestro's own repository would be called.
_AT_HOME = "maestro-worktrees"
_SHARED = Path("/var/tmp")  # noqa: S108 - only a folder that is this user's alone is taken there

#: What is wrong with a place, the larger the worse.
_PROJECT_ABOVE, _HIDDEN, _LESS_GOOD = 4, 2, 1
_DIGITS = 11
_TASK, _SCRATCH = "t", "s"
_SCRATCH_NAME = re.compile(rf"{_SCRATCH}\d{{{_DIGITS}}}")

#: The fact that lists where worktrees have been, besides the data folder: sessions go on where they began.
_KNOWN = "worktree-places"


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
    own = settings.data_dir / _FOLDER
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
        folder = base / f"{_FOLDER}-of-{_name_of(settings.data_dir)}"
        if _is_mine(base) and _cannot_write(folder) is None:
            around = projects.above(folder)
            choices.append(Place(folder, f"in {words}, because {' and '.join(reasons)}", tuple(a.path for a in around)))
            faults.append(_faults(folder, around))
    return choices[faults.index(min(faults))]


def name_of_task(key: str) -> str:
    """The folder name of a task's worktree: neutral and as long as all others.

    A tool that matches whole paths must not find ``test`` or ``build`` in one worktree and not in the next, one that
    cuts its lines must cut them alike, and hidden folders are passed over by many.
    """
    return _TASK + _digits(key)


def name_of_scratch(purpose: str) -> str:
    """The folder name of a checkout for a moment; of the same kind as a task's."""
    return _SCRATCH + _digits(purpose)


def is_scratch(name: str) -> bool:
    """Whether a folder beside a session's worktrees is a checkout for a moment, in which nobody works."""
    return _SCRATCH_NAME.fullmatch(name) is not None or name.startswith(".")


def roots(rt: Runtime) -> list[Path]:
    """All folders that hold, or may still hold, worktrees of this installation; the one for new ones first."""
    known: list[Path] = rt.helper("worktree-roots", lambda: _known_roots(rt))
    return known


def of_session(rt: Runtime, session_id: str) -> Path:
    """The folder of a session's worktrees (contract, section 6): where it has some already, else where new ones go."""
    folders = [root / session_id for root in roots(rt)]
    return next((folder for folder in folders if any(folder.glob("*/.git"))), folders[0])


def of_task(rt: Runtime, session_id: str, key: str) -> Path:
    """Where a task's worktree is, or will be. One that an earlier version made has the task's own name."""
    below = of_session(rt, session_id)
    named = below / key
    return named if (named / ".git").exists() else below / name_of_task(key)


def of_scratch(rt: Runtime, session_id: str, purpose: str) -> Path:
    """Where a session's checkout for a moment is laid out."""
    return of_session(rt, session_id) / name_of_scratch(purpose)


def key_of(folder: Path, keys: Iterable[str]) -> str | None:
    """The task whose worktree a folder is, by name; None for any other."""
    return next((key for key in keys if folder.name in {key, name_of_task(key)}), None)


def ours(rt: Runtime) -> list[Path]:
    """Folders in which Maestro itself writes: what changes there is not the user's."""
    return [rt.data_dir, *roots(rt)]


def about_hidden(folder: Path, repo: Path) -> str | None:
    """What to say of tests that fail in a worktree below a hidden folder, with the way out.

    Tools and libraries that pass over hidden files judge by the whole path, so the same tests may pass in the user's
    checkout. None where the worktree is no more hidden than that.
    """
    hidden = hidden_in(folder, but=frozenset(repo.resolve().parts))
    if hidden is None:
        return None
    return (
        f"Worktrees are below the hidden folder {hidden}, and some tools skip hidden folders. If these tests pass in "
        f"your checkout, set {variable('worktrees_dir')} to a folder without a leading dot, and start a new session."
    )


def hidden_in(folder: Path, *, but: frozenset[str] = frozenset()) -> str | None:
    """The first hidden folder on the way to ``folder``, itself included, as tools see it; None where there is none."""
    return next((part for part in folder.resolve().parts if part.startswith(".") and part not in but), None)


def make(rt: Runtime) -> None:
    """Make the folder of all worktrees, for this user's eyes only. Raises Unavailable when it cannot be made."""
    folder = rt.worktrees.folder
    try:
        for missing in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        if folder.is_relative_to(_for_me_alone()):
            if not _is_mine(_for_me_alone()):
                raise PermissionError(None, "it belongs to another user")
            _for_me_alone().chmod(0o700)  # an earlier version let others read the names in it
    except OSError as error:
        words = f"The worktrees folder {folder} cannot be created: {error.strerror}."
        raise Unavailable(f"{words} Fix that, or choose another with {variable('worktrees_dir')}.") from error


def settle(rt: Runtime) -> None:
    """Decide once for the life of this app, remember the place, and say where it is when that is not as usual.

    Raises InvalidInput for a ``MAESTRO_WORKTREES_DIR`` that cannot be used.
    """
    from maestro.db.keeping import Fact

    place = rt.worktrees
    if place.warning:
        _log.warning("%s", place.warning)
    usual = rt.data_dir / _FOLDER
    if place.folder == usual:
        return
    _log.info("worktrees are in %s: %s", place.folder, place.why)
    with rt.db.write() as tx:
        row = tx.db.get(Fact, _KNOWN) or Fact(name=_KNOWN, value=[])
        stored = [str(p) for p in row.value]
        told = _stored(rt, place.folder)
        if told not in stored:
            row.value = [*stored, told]
            tx.db.add(row)


def _known_roots(rt: Runtime) -> list[Path]:
    from maestro.db.keeping import Fact

    with rt.db.read() as db:
        row = db.get(Fact, _KNOWN)
    before = [rt.data_dir / str(p) for p in row.value] if row is not None and isinstance(row.value, list) else []
    return list(dict.fromkeys([rt.worktrees.folder, rt.data_dir / _FOLDER, *reversed(before)]))


def _stored(rt: Runtime, folder: Path) -> str:
    """Relative below the data folder, which may be moved."""
    return str(folder.relative_to(rt.data_dir)) if folder.is_relative_to(rt.data_dir) else str(folder)


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


def _for_me_alone() -> Path:
    """This user's folder where everybody may make one."""
    return _SHARED / f"maestro-{os.getuid()}"


def _is_mine(folder: Path) -> bool:
    """Whether nobody else made the folder that is to be this user's alone, not even as a link."""
    if folder != _for_me_alone():
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
    yield _for_me_alone(), str(_SHARED)


def _name_of(data_dir: Path) -> str:
    """A name for a data folder: two installations must not mix."""
    return hashlib.sha256(str(data_dir.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _digits(label: str) -> str:
    """Digits spell no word that a pattern of a tool's could be after."""
    number = int.from_bytes(hashlib.sha256(label.encode("utf-8", "surrogateescape")).digest()[:8])
    return f"{number % 10**_DIGITS:0{_DIGITS}}"


def _listed(paths: Iterable[Path]) -> str:
    names = [str(path) for path in paths]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
