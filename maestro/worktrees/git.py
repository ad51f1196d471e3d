"""The only door to git; GitPython's command wrapper starts it (``git_command``).

Worktrees share their repository's configuration, so whatever an agent writes there is read by *our*
next call as well. Each call therefore switches off what a repository could use to run code here (``git_environment``), and
merges do without the repository's own merge drivers. Clean and smudge filters named by ``.gitattributes`` must still
run: without them LFS and git-crypt files would be stored wrongly. ``preflight`` looks at them before a session is made,
``tampering`` watches for changes there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from maestro import untrusted
from maestro.errors import GitError
from maestro.worktrees import blocked

_SHOWN_LINES = 6
_LOOK_INSIDE = ("status", "diff", "diff-files", "diff-index")
_GRACE_S = 2.0
_STOP_EVERY_S = 0.1
#: A call that takes longer may be held by a pipe.
_SOON_S = 3.0


@dataclass(frozen=True)
class GitResult:
    """What one git call answered."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text, without its last newline; bytes that are not UTF-8 survive."""
        return self.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    @property
    def fields(self) -> list[str]:
        """Standard output of a ``-z`` call, split at its NUL bytes."""
        return [part.decode("utf-8", "surrogateescape") for part in self.stdout.split(b"\0") if part]


def git(
    repo: Path,
    *args: str,
    check: bool = True,
    input: bytes | None = None,  # noqa: A002 - the word subprocess uses
    env: Mapping[str, str] | None = None,
    timeout_s: float = 120,
    index: Path | None = None,
    stop: Callable[[], bool] | None = None,
) -> GitResult:
    """Run git in ``repo`` (the root of a checkout) and wait for it.

    ``index`` names another index file than the checkout's own. Raises GitError when git fails (unless
    ``check`` is off), takes longer than ``timeout_s`` seconds or is called off by ``stop``, Unavailable when
    there is no git.
    """
    extra = {**(env or {}), **({"GIT_INDEX_FILE": str(index)} if index is not None else {})}
    process = _start(repo, args, extra, input is not None, subprocess.PIPE)
    with process:
        try:
            stdout, stderr = _wait(repo, process, input, timeout_s, stop)
        except subprocess.TimeoutExpired:
            _stop(process)
            why = "was canceled" if stop and stop() else f"took longer than {timeout_s:g} s and was stopped"
            raise GitError(f"git {_command(args)} {why}.") from None
        except BaseException:
            _stop(process)
            raise
    result = GitResult(process.returncode, stdout, stderr)
    if check and result.code != 0:
        raise failure(_command(args), result)
    return result


def _wait(
    repo: Path, process: subprocess.Popen[bytes], data: bytes | None, timeout_s: float, stop: Callable[[], bool] | None
) -> tuple[bytes, bytes]:
    """What a call printed; TimeoutExpired at its limit, or when ``stop`` says so, GitError when a pipe holds it."""
    if stop is None:
        try:
            return process.communicate(data, timeout=min(timeout_s, _SOON_S))
        except subprocess.TimeoutExpired:
            _refuse_blocked(blocked.anywhere(repo))
        return process.communicate(timeout=timeout_s - _SOON_S)
    began = time.monotonic()
    deadline, looked = began + timeout_s, False
    while True:
        try:
            return process.communicate(data, timeout=_STOP_EVERY_S)
        except subprocess.TimeoutExpired:
            data = None  # it has been sent
            if not looked and time.monotonic() > began + _SOON_S:
                looked = True
                _refuse_blocked(blocked.anywhere(repo))
            if stop() or time.monotonic() > deadline:
                raise


def git_head(
    repo: Path, *args: str, limit_bytes: int, timeout_s: float = 120, ok: tuple[int, ...] = (0,)
) -> tuple[bytes, bool]:
    """The first ``limit_bytes`` of what git prints, and whether more was cut off.

    Raises GitError as ``git`` does; exit codes in ``ok`` count as success.
    """
    with tempfile.TemporaryFile() as errors:
        process = _start(repo, args, {}, False, errors.fileno())
        done = threading.Event()
        why: list[str] = []

        def watch() -> None:
            held = None if done.wait(min(_SOON_S, timeout_s)) else blocked.anywhere(repo)
            if held is not None:
                why.append(blocked.words(held))
            elif not done.wait(max(timeout_s - _SOON_S, 0)):
                why.append(f"git {_command(args)} took longer than {timeout_s:g} s and was stopped.")
            if why:
                _stop(process)

        threading.Thread(target=watch, daemon=True).start()
        with process:
            try:
                assert process.stdout is not None
                data: bytes = process.stdout.read(limit_bytes + 1)
                cut = len(data) > limit_bytes
                if cut:
                    _stop(process)
                process.wait()
            finally:
                done.set()
        if why:
            raise GitError(why[0])
        if not cut and process.returncode not in ok:
            errors.seek(0)
            raise failure(_command(args), GitResult(process.returncode, data, errors.read()))
    return data[:limit_bytes], cut


def _command(args: tuple[str, ...]) -> str:
    """The git command among the arguments, for words about it."""
    return next((arg for number, arg in enumerate(args) if arg != "-c" and args[max(number - 1, 0)] != "-c"), "")


def failure(command: str, result: GitResult) -> GitError:
    """The error for a failed call: what was run, and git's own last words."""
    words = result.stderr.decode("utf-8", "replace").strip().splitlines()[-_SHOWN_LINES:]
    said = "\n".join(words) or f"it ended with exit code {result.code} and said nothing"
    return GitError(f"git {command} failed: {said}", exit_code=result.code)


def _start(
    repo: Path, args: tuple[str, ...], extra: Mapping[str, str], has_input: bool, stderr: int
) -> subprocess.Popen[bytes]:
    from maestro.worktrees.git_command import Command  # GitPython takes a tenth of a second to load

    if any("\0" in arg for arg in args) or "\0" in str(repo):
        raise GitError("A name passed to git contains a NUL byte.")
    _refuse_blocked(blocked.by(repo))
    return Command(repo).start(_not_inside(args), extra, has_input=has_input, stderr=stderr)


def _not_inside(args: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments, told not to look into submodules: their own configuration says what git would run there.

    An option, as ``.gitmodules`` overrules the setting of the same name.
    """
    at = next((number for number, arg in enumerate(args) if arg == _command(args)), 0)
    if args[at : at + 1] and args[at] in _LOOK_INSIDE and not any(a.startswith("--ignore-submodules=") for a in args):
        return (*args[: at + 1], "--ignore-submodules=dirty", *args[at + 1 :])
    return args


def _refuse_blocked(place: Path | None) -> None:
    if place is not None:
        raise GitError(blocked.words(place))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a call and all it started; politely first, so that git removes its lock files."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)


def merge_environment(repo: Path) -> dict[str, str]:
    """Variables that replace merge drivers of the repository's own configuration by git's text merge.

    Drivers of the user's global configuration stay: no worker's commit can put one there.
    """
    found = git(
        repo, "config", "-z", "--show-scope", "--name-only", "--get-regexp", r"^merge\..*\.driver$", check=False
    ).fields
    scopes, names = found[::2], found[1::2]
    local = sorted({name for scope, name in zip(scopes, names, strict=True) if scope in ("local", "worktree")})
    settings = {"GIT_CONFIG_COUNT": str(len(local))}
    for number, name in enumerate(local):
        settings[f"GIT_CONFIG_KEY_{number}"] = name
        settings[f"GIT_CONFIG_VALUE_{number}"] = "git merge-file -q --marker-size=%L %A %O %B"
    return settings if local else {}


def identity_environment(repo: Path) -> dict[str, str]:
    """Variables that name Maestro as author and committer, when the user configured no identity."""
    configured = all(git(repo, "config", "--get", key, check=False).text.strip() for key in ("user.name", "user.email"))
    if configured:
        return {}
    return {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Maestro"), ("EMAIL", "maestro@localhost"))
    }


def common_dir(repo: Path) -> Path:
    """The git folder that all worktrees of ``repo`` share."""
    found = _git_folder(repo)
    if found is not None and (found / "HEAD").is_file():
        if not (found / "commondir").exists():
            return found
        with suppress(OSError, ValueError):
            return (found / untrusted.text(found / "commondir").rstrip("\n")).resolve(strict=True)
    return Path(git(repo, "rev-parse", "--path-format=absolute", "--git-common-dir").text).resolve()


def own_git_dir(worktree: Path) -> Path:
    """The git folder of this one worktree (HEAD, index, the state of a merge or rebase)."""
    found = _git_folder(worktree)
    if found is not None and (found / "HEAD").is_file():
        return found
    return Path(git(worktree, "rev-parse", "--absolute-git-dir").text)


def _git_folder(root: Path) -> Path | None:
    """What ``.git`` in the root of a checkout is or points to: asked so often that starting git for it is felt.

    None where that is not plain to see; git itself has the word then.
    """
    with suppress(OSError, ValueError):
        place = root / ".git"
        if place.is_dir():
            return place.resolve()
        pointer = untrusted.text(place, errors="surrogateescape")
        if pointer.startswith("gitdir: "):
            return (root / pointer.removeprefix("gitdir: ").rstrip("\n")).resolve(strict=True)
    return None


_locks: dict[Path, threading.RLock] = {}
_locks_guard = threading.Lock()


@contextmanager
def repository_lock(repo: Path) -> Iterator[None]:
    """Hold the one lock of this repository: parallel ``worktree add`` fails, and refs move in turn.

    Re-entrant within a thread; it holds for this process only.
    """
    key = common_dir(repo)
    with _locks_guard:
        lock = _locks.setdefault(key, threading.RLock())
    with lock:
        yield
