"""A profile as Seatbelt knows it: ``sandbox-exec`` with a policy, where later rules win over earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from maestro.confinement import bridge, git_folders
from maestro.confinement.profile import Profile

_SANDBOX_EXEC = "/usr/bin/sandbox-exec"

#: Other users' homes, other disks, what the system keeps of the user.
_COVERED = ("/Users", "/Volumes", "/private/var/root", "/private/var/db/dslocal", "/Library/Keychains")
#: Where everybody may write. There are no mounts on macOS: instead of being private they are closed, except TMPDIR.
_TEMPORARY = ("/private/tmp", "/private/var/tmp", "/private/var/folders")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/dtracehelper", "/dev/ptmx")

_BEGIN = """(version 1)
(allow default)
(deny mach-lookup (global-name "com.apple.SecurityServer") (global-name "com.apple.securityd")
  (global-name "com.apple.securityd.xpc") (global-name "com.apple.pboard") (global-name "com.apple.pasteboard.1")
  (global-name-regex #"^com\\.apple\\.(Safari|accountsd|cloudd|imagent|mail|notes)"))
(deny appleevent-send)
(deny lsopen)
(deny process-info*)
(allow process-info* (target same-sandbox))
(deny sysctl-read (sysctl-name-prefix "kern.procargs"))
(deny signal)
(allow signal (target same-sandbox))
(deny job-creation)
(deny system-socket)
(allow system-socket (socket-domain AF_INET) (socket-domain AF_INET6) (socket-domain AF_UNIX) (socket-domain AF_SYSTEM))"""


def command(profile: Profile, argv: Sequence[str]) -> list[str]:
    """The argv that runs ``argv`` confined. The caller's working folder is the worktree."""
    variables = (
        {"HOME": str(profile.own_home or profile.home)} | _homes_of_tools(profile.home) | dict(profile.variables)
    )
    if profile.proxy is not None:
        variables |= bridge.variables(everything=profile.everything_proxied, port=port_of(profile.proxy))
    settings = [f"{name}={value}" for name, value in variables.items()]
    return [_SANDBOX_EXEC, "-p", policy(profile), "/usr/bin/env", "-u", "SSH_AUTH_SOCK", *settings, *argv]


def _homes_of_tools(home: Path) -> dict[str, str]:
    """Tools that look for what they have installed below HOME, which is another folder inside."""
    usual = {
        "RUSTUP_HOME": ".rustup",
        "PYENV_ROOT": ".pyenv",
        "NVM_DIR": ".nvm",
        "VOLTA_HOME": ".volta",
        "SDKMAN_DIR": ".sdkman",
    }
    return {name: str(home / folder) for name, folder in usual.items() if (home / folder).is_dir()}


def port_of(socket: Path) -> int:
    """The loopback port on which the proxy listens as well; 0 when it does not. The file beside the socket tells."""
    try:
        return int((socket.parent / "port").read_text())
    except (OSError, ValueError):
        return 0


def policy(profile: Profile) -> str:
    """The policy's text. From wide to narrow: the deeper path wins because its rule comes later."""
    lines = [_BEGIN, "(deny file-write*)", _rule("allow file-write*", _each("literal", map(Path, _DEVICES)))]
    lines += list(_files(profile))
    lines += list(_network(profile))
    return "\n".join(lines) + "\n"


def _files(profile: Profile) -> Iterator[str]:
    rules: list[tuple[int, int, str]] = []

    def add(path: Path, rank: int, *texts: str) -> None:
        real = path.resolve()
        rules.extend((len(real.parts), rank, text.format(_quoted(real))) for text in texts)

    for path in (*map(Path, (*_COVERED, *_TEMPORARY)), profile.home, *profile.hidden):
        add(path, 1, "(deny file-read-data file-read-xattr (subpath {}))", "(deny file-write* (subpath {}))")
    readable = [*profile.readable, *git_folders.of(profile.worktree), *profile.overlaid.values()]
    for path in readable:
        add(path, 2, "(allow file-read* (subpath {}))", "(deny file-write* (subpath {}))")
    for path in (
        profile.worktree,
        *profile.writable,
        *profile.caches.values(),
        *([profile.own_home] if profile.own_home else []),
    ):
        add(path, 4, "(allow file-read* file-write* (subpath {}))")
    if not profile.git_writable:
        add(profile.worktree / ".git", 5, "(deny file-write* (subpath {}))")
    yield from (text for _depth, _rank, text in sorted(rules, key=lambda rule: rule[:2]))


def _network(profile: Profile) -> Iterator[str]:
    """Loopback is the machine's own on macOS, and servers of tests need it: all of it but the ports that are closed."""
    yield "(deny network*)"
    yield '(allow network-bind network-inbound (local ip "localhost:*"))'
    yield '(allow network-outbound (remote ip "localhost:*"))'
    for port in profile.closed_ports:
        yield f'(deny network-outbound (remote ip "localhost:{port}"))'
    for path in (profile.worktree, *profile.writable):
        yield f"(allow network-bind network-inbound network-outbound (subpath {_quoted(path.resolve())}))"


def _rule(head: str, filters: Iterable[str]) -> str:
    return f"({head} {' '.join(filters)})"


def _each(kind: str, paths: Iterable[Path]) -> list[str]:
    return [f"({kind} {_quoted(path)})" for path in paths]


def _quoted(path: Path) -> str:
    """As a string of the policy's language."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
