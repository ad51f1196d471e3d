"""Settings a person stores: checked whole, never a trap for the next start, never a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maestro.core.commands import preferences
from maestro.core.runtime import Runtime, open_runtime
from maestro.errors import InvalidInput
from maestro.settings import LoadedSettings


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


def test_the_order_is_flag_environment_stored_default(rt: Runtime) -> None:
    preferences.change_settings(rt, {"max_workers": 7, "port": 9000, "max_attempts": 4})
    assert (rt.settings.port, rt.settings.max_workers, rt.settings.max_attempts) == (0, 5, 4)
    origins = {s.name: s.origin for s in preferences.list_settings(rt)}
    assert (origins["port"], origins["max_workers"], origins["max_attempts"]) == ("flag", "environment", "stored")
    preferences.change_settings(rt, {"max_attempts": None})
    assert rt.settings.max_attempts == 3


def test_keys_and_unknown_names_are_refused_and_named(rt: Runtime) -> None:
    with pytest.raises(InvalidInput) as refused:
        preferences.change_settings(rt, {"anthropic_api_key": "sk-secret", "no_such": 1, "data_dir": "/tmp"})
    assert set(refused.value.fields) == {"anthropic_api_key", "no_such", "data_dir"}
    assert "sk-secret" not in refused.value.detail


def test_a_secret_is_shown_only_as_set(tmp_path: Path) -> None:
    loaded = LoadedSettings(flags={"data_dir": tmp_path}, environment={"ANTHROPIC_API_KEY": "sk-secret"}, dotenv=None)
    runtime = open_runtime(loaded)
    assert "sk-secret" not in str([s.model_dump() for s in preferences.list_settings(runtime)])
    assert "sk-secret" not in repr(runtime.settings)
    runtime.db.close()
