"""Set-up commands and checks leave the user's repository as it was: what they wrote into it is put back.

All worktrees share one configuration and one folder of hooks, and installers (husky, lefthook, pre-commit…) write
there. While commands run in a repository's worktrees one copy of it is the measure for all of them; what differs is
theirs when git, asked to trace their processes, says so, or when nobody else can have been it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from maestro import untrusted
from maestro.errors import GitError, MaestroError
from maestro.worktrees import held as holding
from maestro.worktrees import held_refs
from maestro.worktrees.git import common_dir, git
from maestro.worktrees.held import File, Held
from maestro.worktrees.tampering import included

#: Kept configuration, as text; and how much of what git told of its calls is looked through.
_HELD_BYTES = 256_000_000
_TRACE_BYTES = 64_000_000
_HELD, _TRACE, _ABOUT = "held.json", "trace", "about.json"

#: Settings that make git run or read something. Others are as likely the user's own doing.
_STEERING = re.compile(
    r"core\.(hookspath|fsmonitor|sshcommand|editor|pager|attributesfile|excludesfile|worktree|bare|gitproxy|askpass)"
    r"|(alias|filter|include|includeif|credential|gpg|extensions|submodule|lfs|protocol|uploadpack|init|interactive)\..*"
    r"|(diff|merge|difftool|mergetool)\..*\.(command|textconv|driver|cmd|path)|url\..*|pager\..*|sequence\.editor"
)
#: Commands of git that write its configuration or its hooks by the way.
_WRITERS = frozenset(
    {
        "annex", "branch", "checkout", "clone", "crypt", "fetch", "flow", "init", "lfs", "maintenance", "pull", "push",
        "remote", "scalar", "secret", "sparse-checkout", "submodule", "svn", "switch", "town", "worktree",
    }
)  # fmt: skip
_ASKS_WHERE = frozenset({"--git-dir", "--git-common-dir", "--absolute-git-dir", "--git-path"})
#: What installers of hooks leave in the scripts they write.
_INSTALLERS = re.compile(
    rb"husky|lefthook|pre-commit|simple-git-hooks|SKIP_SIMPLE_GIT_HOOKS|yorkie|overcommit|git-lfs|captainhook|grumphp"
    rb"|cargo-husky|rusty-hook|prek|ghooks|githooks",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PutBack:
    """One file that a command had changed, and where what it wrote is kept (None: it had deleted the file)."""

    path: Path
    how: str  # "changed", "new", "gone"
    settings: list[str]
    kept: Path | None

    @property
    def words(self) -> str:
        """What happened to the file, in a few words."""
        named = f" ({', '.join(self.settings[:5])})" if self.settings else ""
        return (
            f"{self.path} was {'made' if self.how == 'new' else 'deleted' if self.how == 'gone' else 'changed'}{named}"
        )


@dataclass
class _Window:
    """Commands that run in the worktrees of one repository now."""

    shared: Path
    included: list[str]
    held: Held
    folder: Path
    commands: list[str] = field(default_factory=list)
    running: int = 0
    done: list[PutBack] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)


@dataclass
class Command:
    """One command in the shelter: what it is given, and what it had changed."""

    env: dict[str, str]
    others: bool = False  # somebody else's processes (workers) may have written there, too
    put_back: list[PutBack] = field(default_factory=list)


_windows: dict[Path, _Window] = {}
_lock = threading.RLock()


@contextmanager
def command(worktree: Path, words: str, notes: Path, aside: Path) -> Iterator[Command]:
    """Around one command in ``worktree``: gives its environment first, and then what it had changed and is put back.

    ``notes``: Maestro's folder for what a kill must not lose. ``aside``: where what was written is kept.
    """
    shared = common_dir(worktree)
    with _lock:
        window = _windows.get(shared) or _open(worktree, shared, notes)
        window.running += 1
        window.commands.append(words)
    made = Command({"GIT_TRACE2_EVENT": str(window.folder / _TRACE), "GIT_TRACE2_EVENT_BRIEF": "1"})
    try:
        yield made
    finally:
        with _lock:
            window.running -= 1
            _settle(window, aside, alone=not made.others)
            _settle_refs(window)
            made.put_back, window.done = window.done, []
            if not window.running:
                _windows.pop(shared, None)
                shutil.rmtree(window.folder, ignore_errors=True)


def settle(shared: Path, aside: Path) -> bool:
    """Put back, now, what the commands that still run have changed without doubt; True where there was anything.

    Their ends tell it. Nothing happens where none run.
    """
    with _lock:
        window = _windows.get(shared)
        if window is None:
            return False
        before = len(window.done)
        _settle(window, aside, alone=False)
        return len(window.done) > before


def take_up(notes: Path, aside: Path) -> list[PutBack]:
    """After a kill: put back what commands that ran then had changed without doubt."""
    done: list[PutBack] = []
    for folder in sorted(notes.glob("*")) if notes.is_dir() else []:
        try:
            about = json.loads(untrusted.text(folder / _ABOUT))
            held = holding.from_text(untrusted.text(folder / _HELD, _HELD_BYTES))
            window = _Window(Path(about["shared"]), about["included"], held, folder)
        except (OSError, ValueError, KeyError, TypeError):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        if window.shared.is_dir():
            _settle(window, aside, alone=False)
            done += window.done
        shutil.rmtree(folder, ignore_errors=True)
    return done


def _open(worktree: Path, shared: Path, notes: Path) -> _Window:
    also = included(worktree, shared)
    folder = notes / hashlib.sha256(str(shared).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    window = _Window(shared, also, holding.read(shared, also), folder, refs=held_refs.read(shared))
    for name, text in (
        (_HELD, holding.to_text(window.held)),
        (_ABOUT, json.dumps({"shared": str(shared), "included": also})),
    ):
        (folder / name).touch(mode=0o600)  # a configuration may hold passwords
        (folder / name).write_text(text)
    _windows[shared] = window
    return window


def _settle(window: _Window, aside: Path, *, alone: bool) -> None:
    """Put back what differs and is the commands' doing (see ``_is_theirs`` and ``_moved_head``).

    ``alone``: nobody but they, and the user, can have been it.
    """
    if not window.shared.is_dir():
        return
    now = holding.read(window.shared, window.included)
    differing = [n for n in sorted(window.held.keys() | now.keys()) if window.held.get(n) != now.get(n)]
    if not differing:
        return
    traced = _traced(window)
    for name in differing:
        was, there = window.held.get(name), now.get(name)
        keys = _differing_settings(was, there) if Path(name).name.startswith("config") else []
        theirs = (
            _moved_head(window, now, traced)
            if name == "HEAD"
            else _is_theirs(window, name, there, keys, traced, alone=alone)
        )
        if theirs:
            how = "new" if was is None else "gone" if there is None else "changed"
            with suppress(GitError):  # it is tried again at the next look
                kept = holding.put_back(window.shared, name, was, aside)
                window.done.append(PutBack(window.shared / name, how, keys, kept))
        else:
            _adopt(window, name, there)


def _settle_refs(window: _Window) -> None:
    traced = _traced(window)
    if not window.shared.is_dir() or not held_refs.may_have_moved(traced):
        return
    with suppress(MaestroError):
        for name, how, kept in held_refs.put_back(window.shared, window.refs, traced):
            window.done.append(PutBack(Path(name), how, [f"kept as {kept}"] if kept else [], None))


def _adopt(window: _Window, name: str, there: File | None) -> None:
    """The user has changed this meanwhile, or a worker, which raises an alarm: from now on it is the measure."""
    if there is None:
        window.held.pop(name, None)
    else:
        window.held[name] = there


def _steers(keys: list[str]) -> bool:
    """Whether a changed setting makes git run or read something; what cannot be read as settings may."""
    return not keys or any(_STEERING.fullmatch(key) for key in keys)


def _is_theirs(
    window: _Window, name: str, there: File | None, keys: list[str], traced: list[list[str]], *, alone: bool
) -> bool:
    if name == holding.MOVES:
        return False
    words = " ".join(window.commands)
    if str(window.shared) in words or (window.shared.name == ".git" and str(window.shared.parent) in words):
        return True
    if any("rev-parse" in argv and _ASKS_WHERE.intersection(argv) for argv in traced):
        return True
    if Path(name).name.startswith("config"):
        return any(_writes(argv, keys) for argv in traced) or (alone and _steers(keys))
    if there is not None and _INSTALLERS.search(there.data):
        return True
    return alone and (name.startswith("hooks/") or name == "info/attributes")


def _moved_head(window: _Window, now: Held, traced: list[list[str]]) -> bool:
    """Whether the commands have put the user's checkout on another branch, and on none of its files.

    Whoever uses git for it leaves a line in the log of ``HEAD``: mostly the user. What leaves none has written the file.
    """
    if window.held.get(holding.MOVES) == now.get(holding.MOVES):
        return holding.MOVES in now or "HEAD" not in now
    was, there = (held_refs.branch_of(held.get("HEAD")) for held in (window.held, now))
    named = there is not None and any(held_refs.switches_to(argv, there) for argv in traced)
    if was is None or there is None or not named:
        return False
    made, commits = there not in window.refs, held_refs.read(window.shared)
    return made or commits.get(there) == commits.get(was)


def _writes(argv: list[str], keys: list[str]) -> bool:
    """Whether a call of git may have written these settings."""
    words = [word.lower() for word in argv]
    if "config" in words:
        return any(key in words or key.rpartition(".")[0] in words for key in keys)
    return any(word in _WRITERS for word in words[1:])


def _traced(window: _Window) -> list[list[str]]:
    """The command lines of the calls of git that the commands' processes made, those in other repositories left out."""
    calls: dict[str, list[str]] = {}
    elsewhere: set[str] = set()
    with suppress(OSError):
        for line in untrusted.head(window.folder / _TRACE, _TRACE_BYTES).splitlines():
            if b'"event":"start"' not in line and b'"event":"def_repo"' not in line:
                continue
            with suppress(ValueError, MaestroError, OSError):
                event = json.loads(line)
                if event["event"] == "start":
                    calls[str(event.get("sid"))] = [str(word) for word in event.get("argv") or []]
                elif common_dir(Path(str(event.get("worktree")))) != window.shared:
                    elsewhere.add(str(event.get("sid")))
    return [argv for sid, argv in calls.items() if sid not in elsewhere]


def _differing_settings(was: File | None, there: File | None) -> list[str]:
    before, after = _settings(was), _settings(there)
    return sorted({key.lower() for key, _ in before ^ after})


def _settings(file: File | None) -> set[tuple[str, str]]:
    if file is None:
        return set()
    with tempfile.NamedTemporaryFile() as copy:
        copy.write(file.data)
        copy.flush()
        # From a folder that is no repository: git must not read what is looked at as its own configuration.
        fields = git(Path("/"), "config", "--file", copy.name, "--list", "-z", check=False).fields
    return {(key, value) for key, _, value in (entry.partition("\n") for entry in fields)}
