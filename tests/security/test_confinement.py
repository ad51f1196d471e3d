"""What a confined command sees, writes and reaches; run for real. Each line here was possible before."""

from __future__ import annotations

import fcntl
import os
import socket as sockets
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import uuid4

import pytest

from maestro.confinement import home, linux, macos, probing
from maestro.confinement.profile import Profile
from maestro.confinement.proxy import Host, Proxy, hosts
from maestro.confinement.wrapping import command
from tests.repos import make_repo, run_git


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with keys, a repository with a worktree in a data folder below it."""
    user = tmp_path / "a home"
    for name, text in {
        ".ssh/id_ed25519": "PRIVATE KEY", ".aws/credentials": "AWS KEY", ".netrc": "PASSWORD", ".npmrc": "TOKEN",
        ".cargo/bin/tool": "#!/bin/sh\necho a tool\n", ".cargo/credentials.toml": "CARGO TOKEN", "notes.txt": "MINE",
        "data/maestro.db": "ROWS", "data/spools/w1/spec.json": "SPEC", "data/worktrees/other/secret.py": "OTHER",
    }.items():  # fmt: skip
        path = user / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (user / ".cargo/bin/tool").chmod(0o755)
    repo = make_repo(user / "code" / "shop", {"a.txt": "1\n"})
    (repo / ".env").write_text("STRIPE")
    run_git(repo, "worktree", "add", "-q", "--detach", str(user / "data/worktrees/shop 1"))
    return user


def profile(user: Path, **more: object) -> Profile:
    worktree = user / "data/worktrees/shop 1"
    readable = home.readable(user, {"PATH": f"{user}/.cargo/bin:/usr/bin:/bin"})
    hidden = (user / "data", *home.hidden(user, readable))
    return Profile(**{"worktree": worktree, "home": user, "readable": readable, "hidden": hidden, **more})  # type: ignore[arg-type]


def run(what: Profile, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(what, ["/bin/sh", "-c", script]),
        env={**os.environ, "HOME": str(what.home), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_service_of_the_user_cannot_be_reached_by_a_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container engine, a database, an agent for keys: read-only is no matter for connecting."""
    monkeypatch.chdir(place / ".cargo/bin")  # a short name
    connects = "import socket; socket.socket(socket.AF_UNIX).connect('service'); print('through')"
    script = f'cd "{place}/.cargo/bin" && ls && python3 -c "{connects}"'
    with sockets.socket(sockets.AF_UNIX) as service:
        service.bind(str(place / ".cargo/bin/service") if len(str(place)) < 60 else "service")
        service.listen()
        listing = place / "sockets"
        listing.write_text(f"Num\n0: 2 0 10000 1 01 1 {place}/.cargo/bin/service\n")
        monkeypatch.setattr(linux, "_UNIX_SOCKETS", listing)
        inside = run(profile(place), script)
        assert "tool" in inside.stdout
        assert "through" not in inside.stdout
        listing.write_text("Num\n")
        assert "through" in run(profile(place), script).stdout, "what the defence is for"


def test_this_machine_can_confine() -> None:
    """CI installs what is needed: these tests run for real or fail."""
    assert probing.available().works, probing.available().words


@pytest.mark.parametrize(
    "secret",
    [".ssh/id_ed25519", ".aws/credentials", ".netrc", ".npmrc", ".cargo/credentials.toml", "notes.txt", "data/maestro.db",
     "data/spools/w1/spec.json", "data/worktrees/other/secret.py", "code/shop/.env"],
)  # fmt: skip
def test_keys_and_what_is_maestros_cannot_be_read(place: Path, secret: str) -> None:
    assert (place / secret).read_text()
    done = run(profile(place), 'cat "$1"/* "$HOME/$1"'.replace("$1", secret))
    assert done.returncode != 0
    assert (place / secret).read_text() not in done.stdout + done.stderr


def test_what_hides_home_and_what_forbids_writing_need_no_cover_above(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The homes of these tests lie in ``/tmp``, which is covered as a whole: without that the other layers have to hold."""
    monkeypatch.setattr(linux, "_COVERED", ())
    monkeypatch.setattr(linux, "_UNIX_SOCKETS", Path("/dev/null"))  # of whatever else runs on this machine
    names = (".ssh/id_ed25519", "notes.txt", "data/maestro.db", "code/shop/.env")
    done = run(profile(place), "".join(f'cat "$HOME/{name}"; ' for name in names))
    assert done.stdout == ""
    proof = Path("/var/tmp", f"maestro-proof-{uuid4().hex}")
    run(profile(place), f'echo x > "{place.parent}/written"; echo x > "$HOME/written"; echo x > {proof}')
    assert not (place.parent / "written").exists()
    assert not (place / "written").exists()
    assert not proof.exists()


def test_tools_below_home_run_and_the_worktree_is_written(place: Path) -> None:
    done = run(profile(place), '"$HOME/.cargo/bin/tool" && echo new > b.txt && git status --porcelain && pwd')
    assert done.stdout == f"a tool\n?? b.txt\n{place}/data/worktrees/shop 1\n", done.stderr
    assert (place / "data/worktrees/shop 1/b.txt").read_text() == "new\n"


@pytest.mark.parametrize(
    "script",
    [
        'echo x >> "$HOME/.bashrc"; echo x > "$HOME/new"',
        'echo x > "$HOME/.ssh/authorized_keys"; mkdir -p "$HOME/.ssh"; echo x > "$HOME/.ssh/authorized_keys"',
        'echo x > "$HOME/.cargo/bin/tool"; rm -rf "$HOME/.cargo"',
        'git config core.fsmonitor x; echo "[core]" >> "$HOME/code/shop/.git/config"',
        'echo x > "$HOME/code/shop/.git/hooks/post-checkout"; git update-ref refs/heads/main 0; git pack-refs --all',
        'rm -rf "$HOME/data" "$HOME/code"; rm -rf "$HOME"',
        "rm -f .git; echo 'gitdir: /tmp/mine' > .git; mv .git gone",
        'ln -s "$HOME/notes.txt" l; echo x > l; rm l; ln "$HOME/code/shop/.git/config" h; echo x >> h',
        'touch "/var/tmp/$PROOF" "$TMPDIR/$PROOF" "/dev/shm/$PROOF" "/tmp/$PROOF"',
    ],
)
def test_nothing_outside_of_the_worktree_is_written(place: Path, script: str) -> None:
    before = _all_files(place)
    proof = f"maestro-proof-{uuid4().hex}"
    run(profile(place), script, TMPDIR=str(place.parent), PROOF=proof)
    assert _all_files(place) == before
    for folder in ("/var/tmp", "/tmp", "/dev/shm", str(place.parent)):
        assert not Path(folder, proof).exists()


def test_no_process_outside_is_seen(place: Path) -> None:
    done = run(
        profile(place),
        "cat /proc/[0-9]*/environ | tr '\\0' '\\n'; kill -0 $1; ls /proc".replace("$1", str(os.getpid())),
    )
    assert f"\n{os.getpid()}\n" not in done.stdout
    assert "PYTEST_CURRENT_TEST" not in run(profile(place), f"cat /proc/{os.getpid()}/environ").stdout


def test_root_inside_is_not_the_machines_root(place: Path) -> None:
    kernel = "/proc/sys/kernel/core_pattern"  # its own value: where the defense is missing, nothing changes either
    done = run(
        profile(place),
        f'grep CapEff /proc/self/status; mount -o remount,rw,bind /; v=$(cat {kernel}); echo "$v" > {kernel} && echo written',
    )
    assert "0000000000000000" in done.stdout
    assert "written" not in done.stdout
    for name in ("/etc/shadow", "/etc/ssh"):
        if os.geteuid() == 0 and Path(name).exists():
            assert run(profile(place), f"cat {name} {name}/*").stdout == ""


_APART = """
for space in pid net ipc uts mnt; do readlink /proc/self/ns/$space; done
grep CapEff /proc/self/status; cut -d' ' -f6 /proc/$$/stat; hostname; echo "agent=$SSH_AUTH_SOCK bus=$DBUS_SESSION_BUS_ADDRESS"
"""


def test_a_command_has_its_own_spaces_no_power_and_no_terminal(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line holds one switch of bubblewrap; a terminal that is shared could be typed into."""
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/bus")
    spaces = ("pid", "net", "ipc", "uts", "mnt")
    outside = [str(Path(f"/proc/self/ns/{space}").readlink()) for space in spaces]
    told = run(profile(place), _APART).stdout.splitlines()
    assert [space for space, own, ours in zip(spaces, told, outside, strict=False) if own == ours] == []
    assert told[5].split() == ["CapEff:", "0" * 16]
    assert told[6] != "0"  # a process session that began inside
    assert told[8] == "agent= bus="


def test_a_command_ends_with_who_started_it(place: Path) -> None:
    """Also where that is killed and could end nothing itself."""
    what = profile(place)
    lock = what.worktree / "lock"
    lock.touch()
    argv = command(what, ["/bin/sh", "-c", "exec 9<lock; flock -s 9; echo held; sleep 10; echo lived on > lock"])
    script = f"import subprocess; subprocess.run({argv!r})"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=what.worktree) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"held\n"
        starter.kill()
        with lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # waits until nobody inside holds it
    assert lock.read_text() == ""


@pytest.mark.parametrize(
    "secret",
    [
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/sudoers",
        "/etc/ssh",
        "/run",
        "/var/log",
        "/boot",
        "/proc/keys",
        "/proc/kallsyms",
    ],
)
def test_what_is_the_systems_own_is_not_seen(place: Path, secret: str) -> None:
    if Path(secret).is_dir():
        assert run(profile(place), f"ls -A {secret}").stdout == ""
    else:
        assert run(profile(place), f"cat {secret} 2>/dev/null").stdout == ""


def test_what_a_command_leaves_running_ends_with_it(place: Path) -> None:
    run(
        profile(place), "(setsid env -i sh -c 'while sleep 0.02; do echo >> ticks; done' >/dev/null 2>&1 &) ; sleep 0.2"
    )
    ticks = place / "data/worktrees/shop 1/ticks"
    before = ticks.stat().st_size
    assert before > 0
    run(profile(place), "sleep 0.2")
    assert ticks.stat().st_size == before


def test_links_paths_with_spaces_and_missing_paths(place: Path, tmp_path: Path) -> None:
    chain = tmp_path / "opt tools"
    chain.mkdir()
    (chain / "t.txt").write_text("chain\n")
    (place / ".nvm").symlink_to(chain)
    linked = tmp_path / "linked home"
    linked.symlink_to(place)
    worktree = linked / "data/worktrees/shop 1"
    readable = home.readable(linked, {})
    what = Profile(
        worktree=worktree, home=linked, readable=readable, hidden=(linked / "data", tmp_path / "none", chain / "no")
    )
    done = run(what, 'cat "$HOME/.nvm/t.txt" && touch c.txt; cat "$HOME/notes.txt"')
    assert done.stdout == "chain\n"
    assert (worktree / "c.txt").exists()


def test_caches_are_our_own_below_home(place: Path, tmp_path: Path) -> None:
    ours, shown = tmp_path / "ours", tmp_path / "gitconfig"
    ours.mkdir()
    shown.write_text("[user]\n\tname = Ada\n")
    what = profile(place, caches={place / ".cache/pip": ours}, overlaid={place / ".gitconfig": shown})
    done = run(what, 'echo x > "$HOME/.cache/pip/wheel"; echo x >> "$HOME/.gitconfig"; cat "$HOME/.gitconfig"')
    assert done.stdout == shown.read_text() == "[user]\n\tname = Ada\n"
    assert (ours / "wheel").read_text() == "x\n"
    assert not (place / ".cache/pip").exists()


# --- network ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """Maestro's port, say: on the loopback of the machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"inside")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        yield made
        made.shutdown()


_GET = "python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read())' "


def test_the_machines_loopback_is_out_of_reach_and_the_commands_own_is_not(place: Path, server: HTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_port}/"
    assert "inside" not in run(profile(place), _GET + url).stdout
    wait = (
        """until python3 -c 'import socket; socket.create_connection(("127.0.0.1", 18999))' 2>/dev/null; do :; done"""
    )
    own = f"python3 -m http.server --bind 127.0.0.1 18999 >/dev/null 2>&1 & {wait}; "
    assert "a.txt" in run(profile(place), own + _GET + "http://127.0.0.1:18999/").stdout


def test_only_named_hosts_are_reached_and_the_others_are_told(place: Path, server: HTTPServer) -> None:
    port, heard = server.server_port, list[str]()
    with Proxy(
        [Host("shop.internal", port, private=True), Host("127.0.0.1", port, private=True)], heard.append
    ) as proxy:
        what = profile(place, proxy=proxy.path)
        assert "b'inside'" in run(what, f"no_proxy= NO_PROXY= {_GET} http://127.0.0.1:{port}/").stdout
        done = run(what, _GET + "http://example.org:81/; " + _GET + "https://example.com/")
        assert "403" in done.stderr
        assert "127.0.0.1:1" not in proxy.refused
    assert heard == ["example.org:81", "example.com:443"] == list(proxy.refused)
    assert not proxy.folder.exists()


def ask(proxy: Proxy, request: str) -> bytes:
    """What the proxy answers, without a command in between."""
    with sockets.socket(sockets.AF_UNIX) as client:
        client.connect(str(proxy.path))
        client.sendall(request.encode())
        return b"".join(iter(lambda: client.recv(4096), b""))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "::1", "192.168.1.1", "10.0.0.1", "0.0.0.0", "100.64.0.1"],
)
def test_a_name_that_leads_to_this_machine_is_refused(
    address: str, server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: an allowed name whose owner lets it point at Maestro's port, or at the cloud's keys."""
    real, port = sockets.getaddrinfo, server.server_port
    monkeypatch.setattr(sockets, "getaddrinfo", lambda _host, *rest, **more: real(address, *rest, **more))
    request = f"GET http://rebind.example:{port}/ HTTP/1.1\r\n\r\n"
    with Proxy(hosts([f"rebind.example:{port}"])) as proxy:
        assert b" 403 " in ask(proxy, request)
        assert list(proxy.refused) == [f"rebind.example:{port}"]
    with Proxy([Host("rebind.example", port, private=True)], closed_ports=[port]) as proxy:
        assert b" 403 " in ask(proxy, request)


def test_one_request_is_looked_at_and_one_is_sent(server: HTTPServer) -> None:
    """A second request in the same connection names another host."""
    port = server.server_port
    one = f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    with Proxy([Host("127.0.0.1", port, private=True)]) as proxy:
        answer = ask(proxy, one + one.replace("127.0.0.1", "evil.example"))
    assert answer.count(b"inside") == 1


@pytest.mark.parametrize(
    "word", ["", "a b", "exa mple.org", "example.org:0", "example.org:99999", "http://x", "-x", "*.org", "a..b"]
)
def test_what_is_no_host_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"is not a host|no valid port"):
        hosts([word])


def test_hosts_have_one_spelling() -> None:
    assert hosts(["Example.ORG."]) == {Host("example.org", 443), Host("example.org", 80)}
    assert hosts(["[::1]:8080", "bücher.example:1"]) == {Host("::1", 8080), Host("xn--bcher-kva.example", 1)}


# --- what cannot be run here --------------------------------------------------------------------------------------------


def test_seatbelt_policy_goes_from_wide_to_narrow(place: Path) -> None:
    text = macos.policy(profile(place, writable=(place / 'odd"name',), closed_ports=(8080,)))
    lines = text.splitlines()

    def at(words: str) -> int:
        return next(n for n, line in enumerate(lines) if words in line)

    worktree = place / "data/worktrees/shop 1"
    assert lines[0] == "(version 1)"
    assert at("(deny file-write*)") < at(f'(deny file-read-data file-read-xattr (subpath "{place}"))')
    assert at(f'(subpath "{place}"))') < at(f'(allow file-read* (subpath "{place}/.cargo/bin"))')
    assert at(f'(deny file-read-data file-read-xattr (subpath "{place}/data"))') < at(
        f'(allow file-read* file-write* (subpath "{worktree}"))'
    )
    assert at(f'(allow file-read* file-write* (subpath "{worktree}"))') < at(
        f'(deny file-write* (subpath "{worktree}/.git"))'
    )
    assert f'(allow file-read* (subpath "{place}/code/shop/.git"))' in text
    assert (
        at("(deny network*)")
        < at('(remote ip "localhost:*")')
        < at('(deny network-outbound (remote ip "localhost:8080"))')
    )
    assert r"odd\"name" in text
    assert text.count("(") == text.count(")")


def test_seatbelt_command_runs_with_the_policy(place: Path) -> None:
    argv = macos.command(profile(place, variables={"A": "b c"}), ["make", "test"])
    assert argv[:2] == ["/usr/bin/sandbox-exec", "-p"]
    assert argv[-3:] == ["A=b c", "make", "test"]


def test_words_for_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    monkeypatch.setattr(probing, "_OS_RELEASE", release)
    monkeypatch.setattr("shutil.which", lambda name, **_more: None if name == "bwrap" else f"/usr/bin/{name}")
    for told, line in (
        ("ID=ubuntu\nID_LIKE=debian", "sudo apt install bubblewrap"),
        ('ID="fedora"', "sudo dnf install bubblewrap"),
        ("ID=arch", "sudo pacman -S bubblewrap"),
        ("ID=ours", "install bubblewrap with this system's package manager"),
    ):
        release.write_text(told)
        found = probing.available.__wrapped__()
        assert (found.works, found.missing, found.install) == (False, "bubblewrap is missing.", line)


def test_namespaces_that_are_forbidden_are_found_by_trying(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ubuntu 24.04: bubblewrap is installed and may not make a namespace."""
    refuses, switch = tmp_path / "bwrap", tmp_path / "restrict"
    refuses.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2; exit 1\n")
    refuses.chmod(0o755)
    switch.write_text("1\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(probing, "_APPARMOR", switch)
    found = probing.available.__wrapped__()
    assert not found.works
    assert "AppArmor" in found.words
    assert "/etc/apparmor.d/bwrap" in found.words


def test_a_program_folder_shows_its_tool_and_no_key(tmp_path: Path) -> None:
    for folder in ("venv/bin", "tools/x/bin", ".local/bin", "bin", ".ssh"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "venv/pyvenv.cfg").write_text("")
    path = ":".join(
        str(tmp_path / name) for name in ("venv/bin", "tools/x/bin", ".local/bin", "bin", ".ssh", "", "tools/../bin")
    )
    shown = {p for p in home.readable(tmp_path, {"PATH": path}) if p.exists()}
    assert {tmp_path / "venv", tmp_path / "tools/x", tmp_path / ".local/bin", tmp_path / "bin"} <= shown
    assert not {tmp_path, tmp_path / ".local", tmp_path / ".ssh", tmp_path / "tools"} & shown


def test_what_is_seen_anyway_is_not_mounted(place: Path) -> None:
    argv = linux.command(profile(place), ["true"])
    assert "/usr/bin" not in argv


def _all_files(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and not path.is_symlink() else ""
        for path in folder.rglob("*")
        if "/worktrees/shop 1/" not in str(path)
    }


def test_a_busy_name_server_is_asked_once_for_many_connections_and_asked_again(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Package managers open dozens of connections at once."""
    real, asked = sockets.getaddrinfo, list[object]()

    def busy(_host: str, *rest: object, **more: object) -> object:
        asked.append(rest)
        if len(asked) == 1:
            raise sockets.gaierror(sockets.EAI_AGAIN, "Temporary failure in name resolution")
        return real("127.0.0.1", *rest, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(sockets, "getaddrinfo", busy)
    monkeypatch.setattr("maestro.confinement.proxy.time.sleep", lambda _seconds: None)
    request = f"GET http://packages.example:{server.server_port}/ HTTP/1.1\r\n\r\n"
    with Proxy([Host("packages.example", server.server_port, private=True)]) as proxy:
        answers = list[bytes]()
        threads = [threading.Thread(target=lambda: answers.append(ask(proxy, request))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [b" 200 " in answer for answer in answers] == [True] * 20
    assert len(asked) == 2
