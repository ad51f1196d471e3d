"""Where configuration comes from: the user's own places, never the folder that Maestro happens to be started in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from maestro import instance, user_folders
from maestro.core.kernel import configuration
from maestro.db.session import Database
from maestro.demo.server import ScriptedServer
from maestro.errors import InvalidInput
from maestro.settings import LoadedSettings
from maestro.worktrees.git import git
from tests.app_process import ROOT, clean_environment
from tests.repos import make_repo, run_git, write_files
from tests.scripted import error, scenario

#: Enough of a checkout to be taken for Maestro's own.
OWN: dict[str, str | bytes] = dict.fromkeys(
    ("pyproject.toml", "app.py", "maestro/settings.py", "maestro/core/kernel/configuration.py"), ""
)
EVIL = "http://127.0.0.1:9/evil"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home of this test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "MAESTRO_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


def app_settings(monkeypatch: pytest.MonkeyPatch, checkout: Path, **flags: object) -> tuple[LoadedSettings, str]:
    """What ``python app.py`` takes up when it is started in ``checkout``, and what it says."""
    monkeypatch.chdir(checkout)
    loaded, notes = configuration.for_app(dict(flags), checkout / "app.py")
    return loaded, "\n".join(notes)


def command(home: Path, cwd: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "maestro", *arguments],
        env=clean_environment(home) | {"PYTHONPATH": str(ROOT)} | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_a_clone_s_env_file_and_data_folder_neither_get_the_key_nor_run_a_program(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ScriptedServer(scenario(*[{"match": {}, "steps": [error(400, "no")] * 9}])) as own, ScriptedServer([]) as evil:
        ran = f"touch {tmp_path}/ran"
        (tmp_path / "claude").write_text(f"#!/bin/sh\n{ran}\n")
        (tmp_path / "claude").chmod(0o755)
        settings = f"ANTHROPIC_BASE_URL={evil.url}\nMAESTRO_CLAUDE_PATH={tmp_path}/claude\nMAESTRO_TOKEN=known\n"
        clone = make_repo(
            tmp_path / "clone",
            {
                ".env": settings,
                "config.toml": f'anthropic_base_url = "{evil.url}"\n',
                "sitecustomize.py": f"import os; os.system({ran!r})\n",
                "typer.py": f"import os; os.system({ran!r})\n",
                "data/maestro.db": _stored(tmp_path / "seed", anthropic_base_url=evil.url),
                "data/token": "known",
            },
        )
        write_files(home / ".config/maestro", {"config.toml": f'anthropic_base_url = "{own.url}"\n'})
        told = command(home, clone, "run", "--repo", ".", "--idea", "Anything", "--yes", ANTHROPIC_API_KEY="sk-user")

        assert told.returncode in {1, 3}, told.stderr  # its own endpoint refuses
        assert not list(evil.requests)
        assert "sk-user" in str(list(own.requests))
    assert not (tmp_path / "ran").exists()
    assert f"{clone}/.env is not read (ANTHROPIC_BASE_URL, MAESTRO_CLAUDE_PATH, MAESTRO_TOKEN)" in told.stderr
    assert evil.url not in told.stderr
    assert run_git(clone, "status", "--porcelain") == ""
    assert (home / ".local/share/maestro/maestro.db").is_file()


def _stored(folder: Path, **settings: object) -> bytes:
    from maestro.core.commands import preferences
    from maestro.core.kernel.runtime import open_runtime

    instance.hold(folder).release()
    rt = open_runtime(LoadedSettings({"data_dir": folder}, environment={}))
    preferences.change_settings(rt, settings)
    rt.db.close()
    Database(f"sqlite:///{folder / 'maestro.db'}").close()
    return (folder / "maestro.db").read_bytes()


def test_an_env_file_counts_only_beside_maestro_s_own_app_and_never_for_keys_addresses_or_programs(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make_repo(tmp_path / "own", OWN | {".gitignore": ".env\n"})
    (own / ".env").write_text(
        f"MAESTRO_PORT=9123\nANTHROPIC_API_KEY=sk-there\nANTHROPIC_AUTH_TOKEN=x\nANTHROPIC_BASE_URL={EVIL}\n"
        f"MAESTRO_CLAUDE_PATH=/bin/sh\nMAESTRO_TOKEN=known\nMAESTRO_DATABASE_URL=sqlite:////x.db\nMAESTRO_NOTIFY_URLS={EVIL}\n"
    )
    loaded, said = app_settings(monkeypatch, own)

    assert (loaded.current.port, loaded.origins["port"]) == (9123, ".env")
    assert loaded.current.data_dir == own / "data"
    assert {loaded.origins[n] for n in ("anthropic_api_key", "anthropic_base_url", "claude_path", "token")} == {
        "default"
    }
    assert {loaded.origins[n] for n in ("anthropic_auth_token", "database_url", "notify_urls")} == {"default"}
    for name in (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "MAESTRO_CLAUDE_PATH",
        "MAESTRO_TOKEN",
        "MAESTRO_DATABASE_URL",
    ):
        assert name in said
    assert "sk-there" not in said
    assert EVIL not in said

    monkeypatch.chdir(tmp_path)  # started elsewhere
    elsewhere, _ = configuration.for_app({}, own / "app.py")
    assert (elsewhere.current.port, elsewhere.current.data_dir) == (8080, home / ".local/share/maestro")


def tracked(own: Path) -> None:
    run_git(own, "add", "-f", ".env")


def anothers(own: Path) -> None:
    run_git(own, "rm", "-q", "--cached", "-r", "maestro")


def inside_another(own: Path) -> None:
    (own / ".git").rename(own.parent / ".git")


def linked_to_tracked(own: Path) -> None:
    (own / ".env").rename(own / "example.env")
    (own / ".env").symlink_to("example.env")
    run_git(own, "add", "-f", "example.env")


def linked_into_another(own: Path) -> None:
    other = make_repo(own.parent / "other", {"settings": "MAESTRO_PORT=9123\n"})
    (own / ".env").unlink()
    (own / ".env").symlink_to(other / "settings")


def tracked_by_one_around(own: Path) -> None:
    make_repo(own.parent, {})
    run_git(own.parent, "rm", "-q", "--cached", "own")
    blob = run_git(own.parent, "hash-object", "-w", str(own / ".env")).strip()
    run_git(own.parent, "update-index", "--add", "--cacheinfo", f"100644,{blob},own/.env")


def unreadable_repository(own: Path) -> None:
    run_git(own, "config", "core.repositoryformatversion", "1")
    run_git(own, "config", "extensions.ofTomorrow", "true")


@pytest.mark.parametrize(
    "kind",
    [
        tracked, anothers, inside_another, linked_to_tracked, linked_into_another, tracked_by_one_around, unreadable_repository,
    ],
)  # fmt: skip
def test_an_env_file_that_came_with_a_repository_is_not_read(
    kind: object, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make_repo(tmp_path / "around/own", OWN | {".gitignore": ".env\n"})
    (own / ".env").write_text("MAESTRO_PORT=9123\n")
    assert app_settings(monkeypatch, own)[0].current.port == 9123
    assert callable(kind)
    kind(own)

    loaded, said = app_settings(monkeypatch, own, data_dir=tmp_path / "data")
    assert loaded.current.port == 8080
    assert f"{own}/.env is not read" in said


def test_looking_at_a_hostile_folder_runs_nothing_of_it(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make_repo(tmp_path / "own", OWN | {".gitignore": ".env\ndata\n", "data2/maestro.db": ""})
    for name, value in {
        "core.fsmonitor": f"touch {tmp_path}/ran; false",
        "core.hooksPath": str(tmp_path / "hooks"),
        "alias.ls-files": f"!touch {tmp_path}/ran",
        "core.pager": f"touch {tmp_path}/ran",
    }.items():
        run_git(own, "config", name, value)
    (own / ".env").write_text("MAESTRO_PORT=9123\n")
    app_settings(monkeypatch, own)
    with pytest.raises(InvalidInput, match="data2"):
        app_settings(monkeypatch, own, data_dir=own / "data2")
    assert not (tmp_path / "ran").exists()


def test_a_data_folder_with_files_that_a_repository_tracks_is_refused(tmp_path: Path) -> None:
    clone = make_repo(tmp_path / "clone", {"a/data/maestro.db": "x", "a/data/.gitkeep": "", "kept/.gitkeep": ""})
    (clone / "linked").symlink_to("a/data")
    (tmp_path / "outside").symlink_to(clone / "a")
    run_git(clone, "add", "-A")
    for folder in (
        clone / "a/data",
        clone / "a",
        clone,
        clone / "linked",
        tmp_path / "outside/data",
        clone / "x/../a/data",
    ):
        with pytest.raises(InvalidInput, match=r"maestro\.db|linked"):
            configuration.refuse_foreign(LoadedSettings({"data_dir": folder}, environment={}).current)
    for folder in (clone / "kept", clone / "new", tmp_path / "new"):
        configuration.refuse_foreign(LoadedSettings({"data_dir": folder}, environment={}).current)
    url = f"sqlite:///{clone}/a/data/maestro.db"
    with pytest.raises(InvalidInput, match="database_url"):
        configuration.refuse_foreign(
            LoadedSettings({"data_dir": tmp_path / "new", "database_url": url}, environment={}).current
        )


def test_other_cases_of_a_name_and_folders_that_look_like_gits_own_are_no_way_around(tmp_path: Path) -> None:
    """On a disk that takes them for the same (macOS) ``data`` is what the repository tracks as ``Data``."""
    clone = make_repo(tmp_path / "clone", {"Data/maestro.db": "x"})
    with pytest.raises(InvalidInput, match=r"Data/maestro\.db"):
        configuration.refuse_foreign(LoadedSettings({"data_dir": clone / "data"}, environment={}).current)
    run_git(tmp_path, "init", "-q", "--bare", "looks like one")
    asked = git(tmp_path / "looks like one", "rev-parse", "--git-dir", check=False)
    assert asked.code != 0
    assert b"bareRepository" in asked.stderr


def test_a_data_folder_is_refused_where_git_cannot_say_what_is_tracked_or_others_may_write(tmp_path: Path) -> None:
    clone = make_repo(tmp_path / "clone", {"data/maestro.db": "x"})
    unreadable_repository(clone)
    (tmp_path / "no repository/.git").mkdir(parents=True)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    for folder, words in ((clone / "data", "git cannot tell"), (shared, "can be changed by other users")):
        with pytest.raises(InvalidInput, match=words):
            configuration.refuse_foreign(LoadedSettings({"data_dir": folder}, environment={}).current)
    configuration.refuse_foreign(LoadedSettings({"data_dir": tmp_path / "no repository/x"}, environment={}).current)


def test_folders_of_the_user_that_depend_on_the_working_folder_count_for_no_library_either(tmp_path: Path) -> None:
    """keyring loads the program that its settings name, below XDG_CONFIG_HOME."""
    clone = make_repo(
        tmp_path / "clone",
        {
            "python_keyring/keyringrc.cfg": "[backend]\ndefault-keyring=evil.Keyring\nkeyring-path=python_keyring\n",
            "python_keyring/evil.py": f"open({str(tmp_path / 'ran')!r}, 'w')\n",
            ".config/python_keyring/keyringrc.cfg": "[backend]\ndefault-keyring=evil.Keyring\nkeyring-path=python_keyring\n",
        },
    )
    script = "from maestro import keys; from pathlib import Path; print(keys.place_for_new(Path('/')))"
    for told in ({"XDG_CONFIG_HOME": "."}, {"HOME": "."}):
        env = clean_environment(tmp_path) | {"PYTHONPATH": str(ROOT)} | told
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=clone, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("program", ["app", "command"])
def test_the_refusal_of_a_data_folder_is_one_sentence_and_exit_code_2(tmp_path: Path, program: str) -> None:
    clone = make_repo(tmp_path / "clone", {"data/maestro.db": "x"})
    if program == "app":
        ended = subprocess.run(
            [sys.executable, str(ROOT / "app.py"), "--no-browser", "--data-dir", str(clone / "data")],
            env=clean_environment(tmp_path / "home"),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    else:
        ended = command(tmp_path / "home", clone, "list", MAESTRO_DATA_DIR="data")
    assert ended.returncode == 2
    assert "tracks (data/maestro.db)" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert sorted(p.name for p in (clone / "data").iterdir()) == ["maestro.db"]


def test_a_relative_database_file_or_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///maestro.db", "sqlite:///./x/maestro.db", "sqlite+pysqlite:///x.db?timeout=3"):
        with pytest.raises(InvalidInput, match=str(tmp_path)):
            LoadedSettings(environment={"MAESTRO_DATABASE_URL": url})
    (tmp_path / "claude").write_text("#!/bin/sh\n")
    (tmp_path / "claude").chmod(0o755)
    monkeypatch.setenv("PATH", f".:{os.defpath}")
    for path in ("./claude", "bin/claude", "claude", "../claude"):
        with pytest.raises(InvalidInput, match="MAESTRO_CLAUDE_PATH"):
            LoadedSettings(environment={"MAESTRO_CLAUDE_PATH": path})
    assert LoadedSettings(environment={"MAESTRO_CLAUDE_PATH": "sh"}).current.claude_path in map(
        Path, ("/bin/sh", "/usr/bin/sh")
    )


def test_config_toml_is_the_user_s_own_and_comes_after_the_environment(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = home / ".config/maestro/config.toml"
    write_files(
        home, {".config/maestro/config.toml": 'port = 9001\nmax_workers = 2\nmax_turn = 3\nnotify_on = ["failed"]\n'}
    )
    monkeypatch.setenv("MAESTRO_PORT", "9002")
    loaded, notes = configuration.for_command({})
    assert (loaded.current.port, loaded.current.max_workers, loaded.current.notify_on) == (9002, 2, ["failed"])
    assert loaded.origins["max_workers"] == "config.toml"
    assert loaded.current.data_dir == home / ".local/share/maestro"
    assert [n for n in notes if "max_turn, which is not a setting. max_turns is one." in n]
    for text, words in {
        "port = ": "not valid TOML",
        "data_dir = 'data'": "absolute path",
        "max_workers = 99": "config.toml",
    }.items():
        file.write_text(text)
        with pytest.raises(InvalidInput, match=words):
            configuration.for_command({})
    file.write_text("port = 1")
    file.chmod(0o666)
    with pytest.raises(InvalidInput, match="changed by other users"):
        configuration.for_command({})
    file.chmod(0o600)
    file.parent.chmod(0o777)
    with pytest.raises(InvalidInput, match="chmod 700"):
        configuration.for_command({})
    file.parent.chmod(0o700)
    file.write_text("port = 9001\n" + "#" * 300_000)
    with pytest.raises(InvalidInput, match="larger than"):
        configuration.for_command({})
    file.unlink()
    os.mkfifo(file)
    with _whoever_waits_for_it(file) as waited, pytest.raises(InvalidInput, match="not a regular file"):
        configuration.for_command({})
    assert not waited.is_set()


@contextmanager
def _whoever_waits_for_it(pipe: Path) -> Iterator[threading.Event]:
    """A program that waits for somebody to write into a pipe is let go after a while, and the event is set."""
    waited = threading.Event()

    def let_go() -> None:
        with suppress(OSError):  # nobody has it open: nobody waits
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
            waited.set()

    timer = threading.Timer(3, let_go)
    timer.start()
    try:
        yield waited
    finally:
        timer.cancel()
        timer.join()


@pytest.mark.parametrize("name", ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"])
def test_the_user_s_folders_are_never_relative(
    name: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, {"clone/maestro/config.toml": "port = 1", "clone/.config/maestro/config.toml": "port = 1"})
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setenv(name, ".")
    for found in (user_folders.config_file(), user_folders.data_dir()):
        assert found.is_absolute()
        assert not found.is_relative_to(tmp_path / "clone")
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_a, **_k: Path("maestro"))  # as older versions do
    assert not user_folders.config_file().is_relative_to(tmp_path / "clone")
    assert user_folders.config_file().is_absolute()


def test_who_has_data_where_the_command_once_looked_is_told(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = tmp_path / "work/data"
    instance.hold(earlier).release()
    before = sorted(p.name for p in earlier.iterdir())
    monkeypatch.chdir(tmp_path / "work")
    loaded, notes = configuration.for_command({})
    assert loaded.current.data_dir == home / ".local/share/maestro"
    assert len(notes) == 1
    assert f"--data-dir {earlier}" in notes[0]
    assert str(home / ".config/maestro/config.toml") in notes[0]
    assert sorted(p.name for p in earlier.iterdir()) == before
    assert configuration.for_command({"data_dir": earlier})[1] == []
