"""Settings a user stores: checked whole, never a trap for the next start, never a key."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from maestro import instance
from maestro.core.commands import preferences
from maestro.core.kernel.runtime import Runtime, open_runtime, stored_settings
from maestro.db import models
from maestro.db.types import utcnow
from maestro.errors import InvalidInput, Unavailable
from maestro.settings import LoadedSettings, Settings


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    runtime = open_runtime(
        LoadedSettings(flags={"data_dir": tmp_path, "port": 0}, environment={"MAESTRO_MAX_WORKERS": "5"}, dotenv=None)
    )
    yield runtime
    runtime.db.close()


def test_a_bad_value_is_refused_even_where_a_flag_or_variable_hides_it_now(rt: Runtime) -> None:
    with pytest.raises(InvalidInput) as refused:
        preferences.change_settings(rt, {"port": 10**6, "max_attempts": 4})
    assert "port" in refused.value.fields
    assert rt.settings.max_attempts == 3


def test_an_empty_path_means_the_bundled_program(rt: Runtime) -> None:
    preferences.change_settings(rt, {"claude_path": ""})
    assert rt.settings.claude_path is None


@pytest.mark.parametrize(
    "value",
    [{"session_token_limit": 10**19}, {"worker_memory_mb": 10**30}, {"host": ""}, {"host": "not a host"}],
    ids=str,
)
def test_what_the_next_start_could_not_use_is_refused(rt: Runtime, value: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        preferences.change_settings(rt, value)
    assert list(refused.value.fields) == list(value)


def test_a_stored_value_that_is_not_valid_any_more_stops_neither_a_start_nor_other_changes(tmp_path: Path) -> None:
    loaded = LoadedSettings(flags={"data_dir": tmp_path}, environment={}, dotenv=None)
    rt = open_runtime(loaded)
    with rt.db.write() as tx:
        for name, value in {"host": "", "session_token_limit": 10**19, "max_attempts": 4}.items():
            tx.db.add(models.StoredSetting(name=name, value=value, updated_at=utcnow()))
    rt.db.close()
    rt = open_runtime(loaded)
    preferences.change_settings(rt, {"max_workers": 2})
    now = rt.settings
    assert (now.host, now.session_token_limit, now.max_attempts, now.max_workers) == ("127.0.0.1", None, 4, 2)
    rt.db.close()


def test_changes_at_the_same_time_are_all_kept(rt: Runtime) -> None:
    values = {"max_attempts": 4, "max_turns": 50, "worker_nice": 7, "check_slots": 3, "stuck_repeats": 9, "port": 9001}
    together = Barrier(len(values))

    def change(name: str) -> None:
        together.wait()
        preferences.change_settings(rt, {name: values[name]})

    with ThreadPoolExecutor(len(values)) as pool:
        list(pool.map(change, values))
    assert stored_settings(rt.db, rt.data_dir) == values
    assert (rt.settings.max_attempts, rt.settings.stuck_repeats) == (4, 9)


def test_the_order_is_flag_environment_stored_default(rt: Runtime) -> None:
    preferences.change_settings(rt, {"max_workers": 7, "port": 9000, "max_attempts": 4})
    assert (rt.settings.port, rt.settings.max_workers, rt.settings.max_attempts) == (0, 5, 4)
    origins = {s.name: s.origin for s in preferences.list_settings(rt)}
    assert (origins["port"], origins["max_workers"], origins["max_attempts"]) == ("flag", "environment", "stored")
    preferences.change_settings(rt, {"max_attempts": None})
    assert rt.settings.max_attempts == 3


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="MAESTRO_DATABASE_URL"):
        LoadedSettings(environment={"MAESTRO_DATABASE_URL": url}, dotenv=None)


def test_files_of_the_start_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"MAESTRO_PORT=9\xff")
    with pytest.raises(InvalidInput, match=r"\.env cannot be read"):
        LoadedSettings(environment={}, dotenv=dotenv)
    (tmp_path / "token").mkdir()
    with pytest.raises(Unavailable, match="token"):
        instance.ensure_token(Settings(data_dir=tmp_path))


def test_the_token_and_unknown_names_are_refused_and_named(rt: Runtime) -> None:
    with pytest.raises(InvalidInput) as refused:
        preferences.change_settings(rt, {"token": "sk-secret", "no_such": 1, "data_dir": "/tmp"})
    assert set(refused.value.fields) == {"token", "no_such", "data_dir"}
    assert "sk-secret" not in refused.value.detail


def test_a_secret_is_shown_only_as_set(tmp_path: Path) -> None:
    loaded = LoadedSettings(flags={"data_dir": tmp_path}, environment={"ANTHROPIC_API_KEY": "sk-secret"}, dotenv=None)
    runtime = open_runtime(loaded)
    assert "sk-secret" not in str([s.model_dump() for s in preferences.list_settings(runtime)])
    assert "sk-secret" not in repr(runtime.settings)
    runtime.db.close()
