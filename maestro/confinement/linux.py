"""A profile as an argv of bubblewrap."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro import programs
from maestro.confinement import bridge, git_folders
from maestro.confinement.profile import Profile

#: Other users' homes, what is mounted at need, sockets of the machine's services.
_SHARED_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - covered, not used
_COVERED = ("/home", "/root", "/mnt", "/media", "/run", *_SHARED_TEMPORARY, "/var/snap", "/var/lib/docker", "/var/lib/lxd",
            "/var/lib/incus", "/var/lib/containers", "/var/lib/kubelet", "/var/spool", "/var/mail", "/var/backups",
            "/var/log", "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/ssh", "/etc/ssl/private",
            "/etc/kubernetes", "/etc/rancher", "/etc/letsencrypt", "/etc/wireguard", "/etc/openvpn", "/etc/sudoers",
            "/etc/sudoers.d", "/etc/NetworkManager", "/etc/krb5.keytab", "/boot", "/lost+found")  # fmt: skip
#: Of what is covered, what programs need: NixOS has its programs there.
_BACK = ("/run/current-system", "/run/wrappers", "/run/opengl-driver", "/run/binfmt")

#: Of ``/proc``, what is the whole machine's and not the command's: root in a namespace is root for these files' owner.
_KERNEL = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi", "mtrr", "driver", "tty")
_SECRET_OF_KERNEL = ("keys", "kcore", "kmsg", "kallsyms", "timer_list", "sched_debug", "latency_stats")

#: Doors of the user's session that lead nowhere from inside.
_UNSET = ("SSH_AUTH_SOCK", "SSH_AGENT_PID", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
          "XDG_RUNTIME_DIR", "DOCKER_HOST", "GPG_AGENT_INFO")  # fmt: skip


_MOST_LINKS = 40
_UNIX_SOCKETS = Path("/proc/net/unix")

#: At one place the later of these is seen.
_COVER, _LINK, _READ, _OURS, _WRITTEN, _GUARDED = range(6)


@dataclass(frozen=True, slots=True)
class _Mount:
    """One place as the command sees it; ``rank`` decides where two are at the same place: the last one is seen."""

    place: Path
    rank: int
    options: tuple[str, ...]

    @property
    def covers(self) -> bool:
        return "--tmpfs" in self.options


def command(profile: Profile, argv: Sequence[str], program: str | None = None) -> list[str]:
    """The argv that runs ``argv`` confined, in the worktree.

    It is started there: bubblewrap by its whole path, else a file of that name in the worktree could run in its place.
    """
    mounts = _mounts(profile)
    options = [option for mount in mounts for option in mount.options]
    variables = dict(profile.variables)
    if profile.proxy is not None:
        variables |= bridge.variables(everything=profile.everything_proxied)
    environment = [part for name in _UNSET for part in ("--unsetenv", name)]
    environment += [part for name, value in variables.items() for part in ("--setenv", name, value)]
    return [
        program or programs.find("bwrap") or "/usr/bin/bwrap",
        *(
            "--unshare-user-try",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--unshare-net",
            "--unshare-cgroup-try",
        ),
        *("--cap-drop", "ALL", "--die-with-parent", "--new-session"),
        *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *_of_the_kernel()),
        *options,
        *environment,
        *("--chdir", str(profile.worktree.resolve())),
        "--",
        *(bridge.inside(profile.proxy, argv) if profile.proxy is not None else argv),
    ]


def _of_the_kernel() -> Iterator[str]:
    for name in _KERNEL:
        if Path("/proc", name).exists():
            yield from ("--ro-bind", f"/proc/{name}", f"/proc/{name}")
    for name in _SECRET_OF_KERNEL:
        if Path("/proc", name).exists():
            yield from ("--ro-bind", "/dev/null", f"/proc/{name}")


def _mounts(profile: Profile) -> list[_Mount]:
    """Parents before children, and of the same place what is to be seen last; nothing that is seen so anyway."""
    wanted = [*_covers(profile), *_own(profile), *_seen(profile)]
    ordered = list(dict.fromkeys(sorted(wanted, key=lambda m: (len(m.place.parts), m.rank, str(m.place)))))
    kept: list[_Mount] = []
    home = profile.home.resolve()
    for mount in ordered:
        around = [other for other in kept if mount.place.is_relative_to(other.place)]
        covered = bool(around) and around[-1].covers
        if mount.rank == _LINK and around and around[-1].place == home and profile.own_home is not None:
            covered = not os.path.lexists(profile.own_home / mount.place.relative_to(home))
        if covered or mount.rank not in (_READ, _LINK):
            kept.append(mount)
        elif mount.rank == _READ and around and around[-1].rank > _READ and mount.place != around[-1].place:
            kept.append(mount)  # only read, in a folder that is written
    return kept


def _covers(profile: Profile) -> Iterator[_Mount]:
    hidden = [Path(path) for path in _COVERED] + [profile.home, *profile.hidden]
    covered = [path for path in dict.fromkeys(p.resolve() for p in hidden) if path != Path("/") and path.exists()]
    yield from _sockets(profile, covered)
    for path in covered:
        if path.is_dir():
            mode = "1777" if str(path) in _SHARED_TEMPORARY else "0755" if path == profile.home.resolve() else "0711"
            yield _Mount(path, _COVER, ("--perms", mode, "--tmpfs", str(path)))
        else:
            yield _Mount(path, _COVER, ("--ro-bind", "/dev/null", str(path)))


def _sockets(profile: Profile, covered: Iterable[Path]) -> Iterator[_Mount]:
    """Doors of services that lie where nothing is covered: read-only folders keep nobody from connecting."""
    own = [profile.worktree.resolve(), *(path.resolve() for path in profile.writable)]
    shown = [path.resolve() for path in profile.readable]
    try:
        lines = _UNIX_SOCKETS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()[1:]
    except OSError:
        return
    named = (line.split(None, 7)[7] for line in lines if len(line.split(None, 7)) == 8)
    for path in dict.fromkeys(Path(name) for name in named if name.startswith("/")):
        place = path.resolve()
        hidden = any(place.is_relative_to(c) for c in covered) and not any(place.is_relative_to(s) for s in shown)
        if place.is_socket() and not hidden and not any(place.is_relative_to(mine) for mine in own):
            yield _Mount(place, _COVER, ("--ro-bind", "/dev/null", str(place)))


def _own(profile: Profile) -> Iterator[_Mount]:
    worktree = profile.worktree.resolve()
    yield _bound("--bind", worktree, _WRITTEN)
    yield from _links(profile.worktree)
    yield from _links(profile.home)
    if profile.own_home is not None:
        home = profile.home.resolve()
        yield _Mount(home, _OURS, ("--bind", str(profile.own_home.resolve()), str(home)))
    for path in profile.writable:
        yield from _with_links(path, "--bind", _WRITTEN)
    if not profile.git_writable and (worktree / ".git").exists():
        yield _bound("--ro-bind", (worktree / ".git"), _GUARDED)
    for place, ours in profile.overlaid.items():
        if ours.exists():
            yield _Mount(_real(place), _OURS, ("--ro-bind", str(ours.resolve()), str(_real(place))))
    for place, ours in profile.caches.items():
        if ours.exists():
            yield _Mount(_real(place), _OURS, ("--bind", str(ours.resolve()), str(_real(place))))


def _seen(profile: Profile) -> Iterator[_Mount]:
    readable = [*profile.readable, *git_folders.of(profile.worktree), *(Path(path) for path in _BACK)]
    if profile.proxy is not None:
        readable.append(profile.proxy.parent)
    for path in dict.fromkeys(readable):
        yield from _with_links(path, "--ro-bind", _READ)


def _with_links(path: Path, option: str, rank: int) -> Iterator[_Mount]:
    """A path as it is, and the links by which it is named."""
    target = path.resolve()
    if target == Path("/") or not target.exists():
        return
    yield _bound(option, target, rank)
    yield from _links(path)


def _links(path: Path) -> Iterator[_Mount]:
    """The links by which a path is reached: what lies around them may be covered."""
    todo, here, followed = [*path.parts[1:]], Path("/"), 0
    while todo and followed < _MOST_LINKS:
        part = todo.pop(0)
        here = here.parent if part == ".." else here / part
        if here.is_symlink():
            followed += 1
            to = here.readlink()
            yield _Mount(here, _LINK, ("--symlink", str(to), str(here)))
            todo = [*(to.parts[1:] if to.is_absolute() else to.parts), *todo]
            here = Path("/") if to.is_absolute() else here.parent


def _bound(option: str, path: Path, rank: int) -> _Mount:
    return _Mount(path, rank, (option, str(path), str(path)))


def _real(path: Path) -> Path:
    """With the links on the way followed, and not the last one."""
    return path.parent.resolve() / path.name
