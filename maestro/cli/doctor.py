"""``maestro doctor``: whether this machine has what Maestro needs, and what to do where it has not."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
from sqlalchemy.exc import SQLAlchemyError

from maestro import instance, user_folders
from maestro.cli import toolchains
from maestro.core.kernel import claude_login, endpoint, modes, worktree_place
from maestro.core.kernel.runtime import stored_settings
from maestro.db.session import Database
from maestro.errors import InvalidInput, MaestroError
from maestro.keys import APART, KeyStore, place_for_new
from maestro.settings import LoadedSettings, Settings, sound

_GIT_AT_LEAST = (2, 38)  # merge-tree --write-tree
_DISK_AT_LEAST = 2 * 1024**3
_COMMAND_TIMEOUT_S = 20
_HTTP_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``advice`` says what to do when it is not as it should be."""

    ok: bool
    what: str
    advice: str = ""
    plain: bool = False  # told, and neither good nor bad

    @property
    def line(self) -> str:
        """``✓ git 2.39.5`` or ``✗ no git`` with the advice below."""
        head = f"{'·' if self.plain else '✓' if self.ok else '✗'} {self.what}"
        return head if self.ok or not self.advice else f"{head}\n    {self.advice}"


def with_stored(loaded: LoadedSettings) -> Settings:
    """The settings with those that a user stored in this data folder. Nothing is made or changed there."""
    settings = loaded.current
    file = settings.data_dir / "maestro.db"
    if settings.database_url is None and not (file.is_file() and file.stat().st_size):
        return settings
    try:
        db = Database(settings.db_url)
        try:
            return loaded.reload(sound(stored_settings(db, settings.data_dir))[0])
        finally:
            db.close()
    except (SQLAlchemyError, ImportError):  # what the start says about such a database is the start's to say
        return settings


def examine(settings: Settings, repo: Path | None = None) -> Iterator[Finding]:
    """All findings, one after the other; ``repo``: and whether its set-up and checks can run here."""
    looks: tuple[Callable[[Settings], Finding], ...] = (
        _git, _keys, _claude, _assistant, _mode, _configuration, _data_folder, _worktrees, _disk, _running,
    )  # fmt: skip
    for look in looks:
        yield look(settings)
    yield from _toolchains()
    if repo is not None:
        yield from _repository(repo)


def _toolchains() -> Iterator[Finding]:
    """What is there. What is not is no fault: nobody needs them all."""
    missing = []
    for community, found in toolchains.chains():
        words = f"{community}: {', '.join(each.words for each in found)}"
        if found:
            yield Finding(True, words, plain=all(each.version is None for each in found))
        else:
            missing.append(community)
    if missing:
        yield Finding(True, f"not on PATH, for repositories that need it: {', '.join(missing)}", plain=True)


def _repository(repo: Path) -> Iterator[Finding]:
    try:
        found = toolchains.of_repository(repo)
    except MaestroError as error:
        yield Finding(False, f"{repo}: {error.detail}")
        return
    for need in found:
        advice = "Install it, or add it to the PATH of the Maestro process."
        words = f"{need.command}  ({'; '.join(w for w in (need.reason, need.trouble) if w)})"
        yield Finding(not need.trouble, words, advice)
    if not found:
        yield Finding(True, f"nothing was found that work in {repo} needs", plain=True)


def _git(_settings: Settings) -> Finding:
    version = _version(["git", "--version"])
    if version is None:
        return Finding(False, "git was not found", "Install git 2.38 or newer.")
    number = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    advice = "Maestro needs git 2.38 or newer: update it."
    return Finding(number >= _GIT_AT_LEAST, f"git {_number(version)}", advice)


def _claude(settings: Settings) -> Finding:
    path = str(settings.claude_path) if settings.claude_path else _bundled_claude() or shutil.which("claude")
    version = _version([path, "--version"]) if path else None
    if version is None:
        where = f"{path} does not run" if path else "Claude Code was not found"
        return Finding(False, where, "Install claude-agent-sdk, which bundles it, or set MAESTRO_CLAUDE_PATH.")
    return Finding(True, f"Claude Code {_number(version)} ({path})")


def _assistant(settings: Settings) -> Finding:
    kind = endpoint.describe(settings)
    if kind == "none":
        return Finding(False, "no model is configured", endpoint.NOT_CONFIGURED)
    words = {
        "anthropic": "an API key or endpoint is configured",
        "claude_code": claude_login.describe(),
        "demo": "the demo's scripted model is chosen",
    }
    return Finding(True, words[kind])


def _mode(settings: Settings) -> Finding:
    found = modes.in_force(settings)
    words = f"permission mode {found.mode} ({found.why}): {found.means}"
    if not found.kept:
        return Finding(False, words, f"{found.missing} To change that: {found.install or 'choose another mode'}")
    if found.missing:
        line = f" To install a sandbox: {found.install}" if found.install else ""
        words += f"\n    No sandbox available: {found.missing}{line}"
    return Finding(True, words, plain=found.mode != "sandboxed")


def _keys(settings: Settings) -> Finding:
    store, own = KeyStore(settings.data_dir), KeyStore(user_folders.config_file().parent)
    places = {name: store.place(name) or own.place(name) for name in sorted(APART)}
    told = [f"{name} in {place}" for name, place in places.items() if place]
    return Finding(
        True, f"keys: {'; '.join([*told, f'new keys are stored in {place_for_new(settings.data_dir)}'])}", plain=True
    )


def _configuration(_settings: Settings) -> Finding:
    file = user_folders.config_file()
    return Finding(True, f"your settings file: {file}" + ("" if file.exists() else " (does not exist yet)"), plain=True)


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    probe = folder / ".doctor"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        advice = "Choose another with --data-dir or MAESTRO_DATA_DIR."
        return Finding(False, f"the data folder {folder} cannot be written: {error.strerror}", advice)
    return Finding(True, f"the data folder {folder} can be written")


def _worktrees(settings: Settings) -> Finding:
    try:
        place = worktree_place.decide(settings)
    except InvalidInput as error:
        return Finding(False, "the worktrees folder cannot be used", error.detail)
    if place.warning:
        found = ", ".join(str(path) for path in place.above)
        return Finding(False, f"worktrees go to {place.folder} ({place.why}), below {found}", place.warning)
    hidden = worktree_place.hidden_in(place.folder)
    note = f"; {hidden} is hidden: some tools skip hidden folders" if hidden else ""
    return Finding(True, f"worktrees go to {place.folder} ({place.why}){note}; no project above it")


def _disk(settings: Settings) -> Finding:
    try:
        wanted = [settings.data_dir, worktree_place.decide(settings).folder]
    except InvalidInput:
        wanted = [settings.data_dir]
    there = [next(p for p in (folder, *folder.parents) if p.exists()) for folder in wanted]
    free = min(shutil.disk_usage(folder).free for folder in there)
    advice = "Worktrees and logs need disk space: free some, or move the data folder."
    return Finding(free >= _DISK_AT_LEAST, f"{free / 1024**3:.1f} GB free for worktrees and logs", advice)


def _running(settings: Settings) -> Finding:
    holder = instance.holder(settings.data_dir)
    if holder is None:
        return Finding(True, "no Maestro is running on this data folder")
    if not holder.url:
        return Finding(True, f"Maestro is starting (process {holder.pid})")
    advice = f"Process {holder.pid} holds the data folder: stop it, then start Maestro again."
    try:
        answers = httpx.get(f"{holder.url}/api/health", trust_env=False, timeout=_HTTP_TIMEOUT_S).is_success
    except httpx.HTTPError:
        answers = False
    return Finding(answers, f"Maestro {'runs' if answers else 'does not respond'} at {holder.url}", advice)


def _bundled_claude() -> str | None:
    found = find_spec("claude_agent_sdk")  # found, not loaded: that takes a second
    if found is None or found.origin is None:
        return None
    bundled = Path(found.origin).parent / "_bundled" / "claude"
    return str(bundled) if bundled.is_file() else None


def _version(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_COMMAND_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _number(version: str) -> str:
    match = re.search(r"\d[\w.]*", version)
    return match[0] if match else version
