"""Starting and stopping ``python app.py``: one app a data folder, clean ends, sentences instead of tracebacks."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from maestro import instance
from maestro.settings import Settings
from tests.app_process import ROOT, AppProcess, clean_environment, wait_for


def start(tmp_path: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "--no-browser", *flags],
        env=clean_environment(tmp_path / "home", **environment),
        cwd=tmp_path / "home",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    with AppProcess(tmp_path_factory.mktemp("app") / "data") as process:
        yield process


def test_a_start_prints_its_address_first_and_keeps_its_secrets_private(app: AppProcess) -> None:
    assert app.output.splitlines()[0] == f"Maestro is ready: {app.origin}/?token={app.token}"
    assert app.token == (app.data_dir / "token").read_text()
    assert len(app.token) >= 40
    assert mode(app.data_dir) == 0o700
    assert [mode(app.data_dir / name) for name in ("token", "lock", "maestro.db")] == [0o600] * 3
    assert json.loads((app.data_dir / "lock").read_text()) == {"pid": app.pid, "url": app.origin}


def test_a_second_start_on_the_same_folder_names_the_holder(app: AppProcess, tmp_path: Path) -> None:
    second = start(tmp_path, "--port", "0", "--data-dir", str(app.data_dir))

    assert second.returncode == 1
    assert second.stdout == ""
    assert f"process {app.pid}" in second.stderr
    assert app.origin in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert httpx.get(f"{app.origin}/api/health", trust_env=False).status_code == 200


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_and_keeps_the_token(tmp_path: Path, sent: signal.Signals) -> None:
    app = AppProcess(tmp_path / "data").start()
    token = app.token
    with app.client() as client, app.events():  # open connections do not hold it up
        client.get("/api/sessions")
        assert app.terminate(timeout_s=30, sent=sent) == 0
    assert instance.holder(app.data_dir) is None
    assert "Traceback" not in app.output + (app.data_dir / "logs" / "maestro.log").read_text()

    assert instance.known_token(Settings(data_dir=app.data_dir)) == token


def test_after_a_crash_the_next_start_has_the_folder_and_the_same_token(tmp_path: Path) -> None:
    app = AppProcess(tmp_path / "data").start()
    token = app.token
    app.kill()
    with app:
        assert app.token == token
        assert httpx.get(f"{app.origin}/api/health", trust_env=False).status_code == 200


def test_a_configured_token_opens_the_door_and_is_not_stored(tmp_path: Path) -> None:
    token = "configured/token+with=signs&more"
    with AppProcess(tmp_path / "data", MAESTRO_TOKEN=token) as app:
        assert app.url.endswith("configured%2Ftoken%2Bwith%3Dsigns%26more")
        with app.stranger(headers={"Authorization": f"Bearer {token}"}) as client:
            assert client.get("/api/sessions").status_code == 200
            assert client.get(app.url).status_code == 303
    files = [p for p in app.data_dir.rglob("*") if p.is_file()]
    assert not [p for p in files if token.encode() in p.read_bytes()]


@pytest.mark.parametrize(
    ("flags", "environment", "code", "words"),
    [
        (["--port", "many"], {}, 2, "port"),
        ([], {"MAESTRO_PORT": "70000"}, 2, "MAESTRO_PORT"),
        ([], {"MAESTRO_ASSISTANT": "oracle"}, 2, "MAESTRO_ASSISTANT"),
        ([], {"MAESTRO_TOKEN": "with space"}, 2, "MAESTRO_TOKEN"),
        ([], {"MAESTRO_DATABASE_URL": "nonsense"}, 2, "MAESTRO_DATABASE_URL"),
        ([], {"MAESTRO_DATABASE_URL": "postgresql+psycopg://localhost/x"}, 2, "package psycopg"),
        (["--nonsense"], {}, 2, "--nonsense"),
        (["--host", ""], {}, 2, "host"),
        (["--host", "192.0.2.1", "--allow-remote"], {}, 1, "192.0.2.1"),
        (["--host", "192.0.2.1"], {}, 2, "--allow-remote"),
        (["--host", "0.0.0.0"], {}, 2, "--allow-remote"),
    ],
)
def test_what_is_wrong_with_a_start_is_said_in_words(
    tmp_path: Path, flags: list[str], environment: dict[str, str], code: int, words: str
) -> None:
    ended = start(tmp_path, "--data-dir", str(tmp_path / "data"), *flags, **environment)

    assert ended.returncode == code
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_a_folder_that_cannot_be_made_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = start(tmp_path, "--data-dir", str(tmp_path / "file" / "data"))

    assert ended.returncode == 1
    assert str(tmp_path / "file" / "data") in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_folder_that_cannot_be_written_ends_the_start() -> None:
    ended = subprocess.run(  # nobody may make files there, root included
        [sys.executable, str(ROOT / "app.py"), "--no-browser", "--data-dir", "/proc/maestro"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "/proc/maestro cannot be written" in ended.stderr


def test_a_file_that_is_no_database_ends_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "maestro.db").write_text("this was never a database, " * 100)
    ended = start(tmp_path, "--data-dir", str(data))

    assert ended.returncode == 1
    assert "database" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_ends_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = start(tmp_path, "--port", str(port), "--data-dir", str(tmp_path / "data"))

    assert ended.returncode == 1
    assert f"Port {port} is in use" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_start_loads_nothing_heavy(tmp_path: Path) -> None:
    with AppProcess(tmp_path / "data", PYTHONPROFILEIMPORTTIME="1") as app, app.client() as client:
        assert client.get("/api/sessions").status_code == 200
    loaded = {line.rsplit("|", 1)[-1].strip() for line in app.output.splitlines() if line.startswith("import time:")}
    assert "fastapi" in loaded
    assert loaded.isdisjoint({"anthropic", "claude_agent_sdk", "plotly", "apprise", "typer"})


def test_workers_outlive_the_app_until_it_is_told_to_stop_them(tmp_path: Path) -> None:
    with AppProcess(tmp_path / "data", MAESTRO_ASSISTANT="demo") as app:
        with app.client() as api, app.events() as events:
            path = f"/api/sessions/{api.post('/api/sessions/demo').raise_for_status().json()['id']}"
            events.until("message", role="ai", status="complete")
            api.post(f"{path}/plan").raise_for_status()
            events.until("state_changed", to="plan_review")
            api.post(f"{path}/plan/approve").raise_for_status()
            worker = psutil.Process(events.until("worker_spawned")["pid"])
        assert app.terminate() == 0
        assert worker.is_running()

        app.flags = ("--stop-workers",)
        app.start()
        with app.client() as api:
            living = [w["pid"] for w in api.get(f"{path}/workers").json()["items"] if w["alive"]]
        assert living
        assert app.terminate() == 0
        wait_for(lambda: not any(psutil.pid_exists(pid) for pid in living), 120, "the end of the workers")
