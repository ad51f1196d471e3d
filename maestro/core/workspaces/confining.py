"""Checks, set-up commands and trials confined, where a session's mode says so: what they may see, write and reach."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from uuid import uuid4

from maestro import untrusted
from maestro.confinement import home as homes
from maestro.confinement import probing, redacted, refusals, registries
from maestro.confinement.profile import Profile
from maestro.confinement.proxy import LEADS_INSIDE, Host, Proxy, hosts, upstream_of
from maestro.confinement.refusals import Missed
from maestro.confinement.wrapping import command
from maestro.core.kernel import places
from maestro.core.kernel.agent_config import EffectiveConfig, in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Keyed, Service
from maestro.core.workspaces import bytecode, npm_cache
from maestro.db import models
from maestro.errors import Unavailable
from maestro.worktrees.git import common_dir, git, own_git_dir
from maestro.worktrees.listing import list_worktrees

Kind = Literal["check", "setup"]
#: Where packages lie that set-up commands have fetched, by repository, and what is shown of the user's configuration.
_DOWNLOADS, _SHOWN = "downloads", "shown-configuration"
#: Folders of a git folder that hold no submodule's.
_NO_MODULES = frozenset({"objects", "refs", "logs", "hooks", "info", "lfs"})


@dataclass(frozen=True, slots=True)
class Confined:
    """How a command is run: ``wrap`` its argv. ``refused`` fills with the hosts it was not let through to."""

    wrap: Callable[[Sequence[str]], list[str]] = list
    active: bool = False
    kind: Kind = "check"
    online: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)
    allowed: frozenset[Host] = frozenset()

    def missed(self, output: str, *, passed: bool) -> Missed | None:
        """What of the network the command was kept from; None where nothing was missing."""
        if not self.active:
            return None
        told = [] if passed else refusals.named(output)
        found = list(dict.fromkeys([*self.refused, *(host for host in told if not self._covers(host))]))
        if not found and (passed or not (told or refusals.unnamed(output))):
            return None
        named = bool(told) or refusals.unnamed(output) or (bool(found) and refusals.may_be_of(output, found))
        way = bool(found) or (self.kind == "check" and not self.online)
        return Missed(self._words(found, told), tuple(found[:10]), named, way)

    def _words(self, found: Sequence[str], told: Sequence[str]) -> str:
        if not found and told and self.online:
            return f"{told[0]} may be reached, but only through the proxy that HTTPS_PROXY names, and it was not asked."
        what = "a host was refused"
        if found:
            what = f"{', '.join(found[:10])} {'was' if len(found) == 1 else 'were'} refused"
        inside = [host for host in found if self.refused.get(host) == LEADS_INSIDE]
        if inside:
            return f"{what[0].upper()}{what[1:]}: {inside[0]} {LEADS_INSIDE}. `network_hosts` allows it by name."
        if self.kind == "check" and not self.online:
            way = "turn on “Checks may use the network” in the worktree setup (`check_network`), or fetch it in a setup command"
            return f"Network is off for checks: {what}. To allow it: {way}."
        way = "Only the registries of the repository's tools are reached; `network_hosts` adds more."
        return f"{what[0].upper()}{what[1:]}. {way}"

    def _covers(self, host: str) -> bool:
        """Whether it may be reached, and was looked for another way than through the proxy."""
        with suppress(ValueError):
            return hosts([host]) <= {replace(each, private=False) for each in self.allowed}
        return False


@contextmanager
def confined(
    rt: Runtime,
    session: models.Session,
    folder: Path,
    env: Mapping[str, str],
    kind: Kind,
    writable: Iterable[Path] = (),
) -> Iterator[Confined]:
    """Hold it while a command runs in ``folder`` with ``env``. Raises Unavailable where the mode cannot be kept here."""
    config = in_force(session.agent_config, rt.settings)
    if config.permission_mode != "sandboxed":
        yield Confined(kind=kind)
        return
    support = probing.available()
    if not support.works:
        raise Unavailable(
            f"The mode `sandboxed` is not available here. {support.words} Or choose another permission mode."
        )
    online = kind == "setup" or config.check_network
    allowed = reachable(config, folder) if online else frozenset()
    with Proxy(allowed, upstream=upstream_of(os.environ), closed_ports=_own_ports(rt)) as proxy:
        profile = _profile(rt, session, folder, env, kind, writable, proxy.path, online=online)
        npm = profile.home / npm_cache.FETCHED in profile.overlaid
        downloads = _downloads_folder(rt, session)

        def wrap(argv: Sequence[str]) -> list[str]:
            return command(profile, npm_cache.inside(downloads, argv) if npm else argv)

        yield Confined(wrap, True, kind, online, proxy.refused, allowed)


def reachable(config: EffectiveConfig, folder: Path) -> frozenset[Host]:
    """The hosts that may be reached for a worktree: registries of its tools, the user's own ones, and those named."""
    names = git(folder, "ls-files", "-z").fields
    own = registries.of_user(os.environ, Path.home())
    return registries.of_repository(names) | own | hosts(config.network_hosts, private=True)


def profile_of(rt: Runtime, session: models.Session, folder: Path, env: Mapping[str, str]) -> Profile:
    """What any confined command of a session sees: tools, its own git data, nothing of the user's or Maestro's."""
    home = Path(env.get("HOME") or Path.home())
    readable = homes.readable(home, env, [*rt.settings.confined_read], caches=False)
    readable += (rt.data_dir / "shims", *(Path(p) for p in (sys.prefix, sys.base_prefix) if not home.is_relative_to(p)))
    hidden = (
        rt.data_dir,
        *_database(rt),
        *places.roots(rt),
        *_checkouts(rt, Path(session.repo_path)),
        *homes.hidden(home, readable),
        *homes.elsewhere(os.environ),
    )
    return Profile(
        worktree=folder,
        home=home,
        readable=readable,
        hidden=tuple(path for path in hidden if path not in readable),
        overlaid=_shown(rt, home) | _git_settings(rt, folder),
        closed_ports=_own_ports(rt),
    )


def _profile(
    rt: Runtime,
    session: models.Session,
    folder: Path,
    env: Mapping[str, str],
    kind: Kind,
    writable: Iterable[Path],
    proxy: Path,
    *,
    online: bool,
) -> Profile:
    base = profile_of(rt, session, folder, env)
    named = [Path(env[name]) for name in ("TMPDIR", bytecode.VARIABLE) if name in env]
    for path in named:
        path.mkdir(parents=True, exist_ok=True)
    own_home = bytecode.ready_home(rt, session.id, folder)
    caches, overlaid, readable = _downloads(rt, session, base.home, kind, online=online)
    return replace(
        base,
        writable=(*named, *writable, *_of_large_files(session, kind)),
        readable=(*base.readable, *readable),
        overlaid={**base.overlaid, **overlaid},
        caches=caches,
        own_home=own_home,
        proxy=proxy,
        everything_proxied=online,
        variables={"UV_LINK_MODE": "copy"} | _git_of_user(base),
    )


def _checkouts(rt: Runtime, repo: Path) -> list[Path]:
    """The user's checkouts of the repository, this one and any other: what is not tracked there is nobody else's."""
    ours = [root.resolve() for root in places.roots(rt)]
    listed = (entry.path.resolve() for entry in list_worktrees(repo) if not entry.bare)
    return [repo, *(path for path in listed if not any(path.is_relative_to(root) for root in ours))]


def _database(rt: Runtime) -> list[Path]:
    """The database's files, where they are not in the data folder, or only a link to them is."""
    found = rt.settings.db_url.partition("sqlite:///")[2].partition("?")[0]
    place = Path(found).resolve()
    if not found.startswith("/") or place.is_relative_to(rt.data_dir.resolve()):
        return []
    return [place.with_name(place.name + end) for end in ("", "-wal", "-shm", "-journal")]


def _downloads(
    rt: Runtime, session: models.Session, home: Path, kind: Kind, *, online: bool
) -> tuple[dict[Path, Path], dict[Path, Path], list[Path]]:
    """Folders of packages: written by set-up commands, read by checks, so that no check decides what the next set-up gets."""
    ours = _downloads_folder(rt, session)
    if kind == "setup":
        for name in homes.DOWNLOADS:
            (ours / name).mkdir(parents=True, exist_ok=True)
        npm_cache.filled(ours)
        return {home / name: ours / name for name in homes.DOWNLOADS}, {}, []
    if online:
        return {}, {}, []
    filled = {name for name in homes.DOWNLOADS if _has_something(ours / name)}
    elsewhere = {npm_cache.FOLDER: npm_cache.FETCHED} if sys.platform != "darwin" else {}
    seen = {home / elsewhere.get(name, name): ours / name for name in filled}
    return {}, seen, [home / name for name in homes.DOWNLOADS if name not in filled]


def _downloads_folder(rt: Runtime, session: models.Session) -> Path:
    repo = hashlib.sha256(os.fsencode(common_dir(Path(session.repo_path)).resolve())).hexdigest()[:12]
    return rt.data_dir / _DOWNLOADS / repo


def _has_something(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _copies(rt: Runtime) -> Keyed[Path, dict[Path, Path]]:
    return Keyed(lambda home: redacted.copies(home, rt.data_dir / _SHOWN))


#: By HOME.
_COPIES = Service(with_runtime=_copies)


def _shown(rt: Runtime, home: Path) -> dict[Path, Path]:
    """The user's configuration of tools without its keys, as it is now."""
    return rt.service(_COPIES).of(home)


def _git_settings(rt: Runtime, folder: Path) -> dict[Path, Path]:
    """The repository's own git settings, and its submodules', without the passwords that addresses in them may hold."""
    shared = common_dir(folder)
    places = [shared / "config", *_of_submodules(shared), *_of_submodules(own_git_dir(folder))]
    return {place: ours for place in dict.fromkeys(places) if (ours := _without_passwords(rt, place)) is not None}


def _of_submodules(git_dir: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(git_dir / "modules"):
        folders[:] = [name for name in folders if name not in _NO_MODULES]
        if "config" in files:
            yield Path(here, "config")


def _without_passwords(rt: Runtime, place: Path) -> Path | None:
    """Where a file of git's settings is that holds none; None where the real one holds none either."""
    try:
        shown = redacted.git_settings(untrusted.text(place))
    except OSError:
        return None
    if shown is None:
        return None
    ours = rt.data_dir / _SHOWN / "git" / hashlib.sha256(shown.encode()).hexdigest()[:24]
    if not ours.is_file():
        ours.parent.mkdir(parents=True, exist_ok=True)
        made = ours.with_name(f"{ours.name}.{uuid4().hex}")
        made.write_text(shown, encoding="utf-8")
        made.replace(ours)
    return ours


def _git_of_user(profile: Profile) -> dict[str, str]:
    return {"GIT_CONFIG_GLOBAL": str(profile.home / ".gitconfig")} if os.environ.get("GIT_CONFIG_GLOBAL") else {}


def _of_large_files(session: models.Session, kind: Kind) -> list[Path]:
    """git-lfs keeps what it fetches beside the objects; it runs nothing from there."""
    if kind != "setup" or shutil.which("git-lfs") is None:
        return []
    folder = common_dir(Path(session.repo_path)) / "lfs"
    return [folder] if folder.is_dir() else []


def _own_ports(rt: Runtime) -> tuple[int, ...]:
    port = urlsplit(rt.url).port if rt.url else rt.settings.port
    return (port,) if port else ()
