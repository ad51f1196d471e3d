"""Keys that are typed into the settings: in the keyring, else in a file for the user's eyes; never in database or config."""

from __future__ import annotations

import stat
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from maestro import keys, secrets
from maestro.cli.doctor import _keys as looked_at
from maestro.core.commands import preferences
from maestro.core.kernel.endpoint import Endpoint
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.limits import account
from maestro.db import models
from maestro.db.types import utcnow
from maestro.errors import InvalidInput, Unavailable
from maestro.keys import KeyStore
from maestro.secrets import HIDDEN
from maestro.settings import KEYS, LoadedSettings
from tests.app_process import AppProcess
from tests.keyring_file import VARIABLE, FileKeyring

KEY = "sk-typed-into-the-settings-0123456789"
OTHER = "sk-another-one-that-was-typed-987654321"
TARGET = "tgram://123456789:AAEabcdefghijkl/4711"
SLACK = "slack://TokenAAAA1/TokenBBBB2/TokenCCCC3"


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = keyring.get_keyring()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    yield
    keyring.set_keyring(before)
    secrets.register("settings", [])


@pytest.fixture(params=["keyring", "file"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where keys go: a keyring that works, or none."""
    keyring.set_keyring(FileKeyring(tmp_path / "keyring.json") if request.param == "keyring" else NoKeyring())
    return str(request.param)


def opened(tmp_path: Path) -> Runtime:
    return open_runtime(LoadedSettings(flags={"data_dir": tmp_path / "data"}, environment={}))


def in_data(tmp_path: Path, *, but: str = "") -> str:
    files = [p for p in (tmp_path / "data").rglob("*") if p.is_file() and p.name != but]
    return "\n".join(p.read_bytes().decode("latin-1") for p in files)


def test_a_typed_key_is_used_kept_apart_and_forgotten(tmp_path: Path, kept: str) -> None:
    rt = opened(tmp_path)
    found = {s.name: s for s in preferences.change_settings(rt, {"anthropic_api_key": f" {KEY}\n", "max_workers": 2})}
    assert found["anthropic_api_key"].value is True
    assert found["anthropic_api_key"].origin == "stored"
    assert ("keyring" in str(found["anthropic_api_key"].place)) == (kept == "keyring")
    assert rt.settings.anthropic_api_key is not None
    assert rt.settings.anthropic_api_key.get_secret_value() == KEY
    assert KEY not in secrets.clean(f"it said {KEY}")
    rt.db.close()
    assert KEY not in in_data(tmp_path, but="keys.json")
    file = tmp_path / "data/keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (KEY in file.read_text()) == (kept == "file")
    assert ((tmp_path / "keyring.json").exists()) == (kept == "keyring")

    rt = opened(tmp_path)
    assert rt.settings.anthropic_api_key is not None
    assert rt.settings.max_workers == 2
    said = looked_at(rt.settings).what
    assert "anthropic_api_key in " in said
    assert ("keys.json" in said) == (kept == "file")
    preferences.change_settings(rt, {"anthropic_api_key": OTHER})
    preferences.change_settings(rt, {"anthropic_api_key": None})
    assert rt.settings.anthropic_api_key is None
    rt.db.close()
    assert not file.exists()
    if kept == "keyring":
        assert (tmp_path / "keyring.json").read_text() == "{}"
    rt = opened(tmp_path)
    assert rt.settings.anthropic_api_key is None
    rt.db.close()


def test_what_the_database_held_moves_at_the_start(tmp_path: Path, kept: str) -> None:
    rt = opened(tmp_path)
    with rt.db.write() as tx:
        for name, value in {"notify_urls": [TARGET, SLACK], "anthropic_auth_token": KEY, "max_workers": 3}.items():
            tx.db.add(models.StoredSetting(name=name, value=value, updated_at=utcnow()))
    rt.db.close()
    assert "AAEabcdefghijkl" in in_data(tmp_path)
    rt = opened(tmp_path)
    assert rt.settings.notify_urls == [TARGET, SLACK]
    assert rt.settings.anthropic_auth_token is not None
    assert rt.settings.max_workers == 3
    rt.db.close()
    held = in_data(tmp_path, but="keys.json")
    assert "AAEabcdefghijkl" not in held
    assert KEY not in held
    assert "keyring" in str(KeyStore(tmp_path / "data").place("notify_urls")) or kept == "file"


def test_what_config_toml_held_moves_and_the_rest_stays(tmp_path: Path, kept: str) -> None:
    file = tmp_path / "config/maestro/config.toml"
    file.parent.mkdir(parents=True)
    rest = "# mine\nmax_workers = 2  # few\n\npass_env = [\n  'A',\n]\n[table]\nanthropic_api_key = 'not a setting'\n"
    file.write_text(f"anthropic_api_key = '{KEY}'\nnotify_urls = [\n  '{TARGET}',\n  '{SLACK}',\n]\n{rest}")
    file.chmod(0o640)
    told = keys.take_from_config(file, KEYS)
    assert file.read_text() == rest
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert len(told) == 2
    assert KEY not in str(told)
    found = KeyStore(file.parent).read()
    assert found == {"anthropic_api_key": KEY, "notify_urls": [TARGET, SLACK]}
    assert stat.S_IMODE((file.parent / "keys.json").stat().st_mode) == 0o600
    assert keys.take_from_config(file, KEYS) == []
    loaded = LoadedSettings(
        flags={"data_dir": tmp_path / "data"}, environment={}, config=file.parent / "none", kept=found
    )
    rt = open_runtime(loaded)
    assert rt.loaded.origins["anthropic_api_key"] == "keys"
    preferences.change_settings(rt, {"anthropic_api_key": OTHER})
    assert rt.loaded.origins["anthropic_api_key"] == "stored"
    preferences.change_settings(rt, {"anthropic_api_key": None})
    assert rt.loaded.origins["anthropic_api_key"] == "keys"
    preferences.change_settings(rt, {"anthropic_api_key": None})
    assert rt.settings.anthropic_api_key is None
    assert KeyStore(file.parent).place("anthropic_api_key") is None
    rt.db.close()


@pytest.mark.parametrize(
    "text",
    [
        f'anthropic_api_key = """\n{KEY}"""\nmax_workers = 2\n',
        f'"anthropic_api_key" = "{KEY}" # mine\nmax_workers = 2\n',
        f'max_workers = 2\nanthropic_api_key="{KEY}"',
        f'\tanthropic_api_key\t=\t"{KEY}"\r\nmax_workers = 2\r\n',
    ],
)
def test_ways_to_write_a_key_into_config_toml(tmp_path: Path, text: str) -> None:
    keyring.set_keyring(NoKeyring())
    file = tmp_path / "config.toml"
    file.write_text(text, newline="")
    told = keys.take_from_config(file, KEYS)
    left = tomllib.loads(file.read_text())
    assert left["max_workers"] == 2
    if "by hand" in str(told):
        assert left == tomllib.loads(text)
    else:
        assert left == {"max_workers": 2}
        assert KeyStore(tmp_path).read() == {"anthropic_api_key": KEY}


def test_targets_are_shown_masked_and_stay_what_they_are(tmp_path: Path, kept: str) -> None:
    rt = opened(tmp_path)
    web = "https://ann:pa55word@example.com/hook/0123456789abcdef?token=x"
    preferences.change_settings(rt, {"notify_urls": [TARGET, SLACK, web, SLACK.replace("1", "9")]})

    def shown() -> list[str]:
        return next(s.value for s in preferences.list_settings(rt) if s.name == "notify_urls")

    masked = [f"tgram://{HIDDEN}", f"slack://{HIDDEN}", f"https://example.com/{HIDDEN}", f"slack://{HIDDEN} (2)"]
    assert shown() == masked
    preferences.change_settings(rt, {"notify_urls": [masked[3], masked[0], "json://localhost/new-one-of-mine"]})
    assert rt.settings.notify_urls == [SLACK.replace("1", "9"), TARGET, "json://localhost/new-one-of-mine"]
    with pytest.raises(InvalidInput, match="enter the full address"):
        preferences.change_settings(rt, {"notify_urls": [f"discord://{HIDDEN}"]})
    assert "AAEabcdefghijkl" not in secrets.clean("could not send to AAEabcdefghijkl")
    rt.db.close()
    assert "AAEabcdefghijkl" not in in_data(tmp_path, but="keys.json")


@pytest.mark.parametrize("key", ["two words", "sk-ünicode", "line\nbreak", 17])
def test_what_is_no_key_is_refused(tmp_path: Path, kept: str, key: object) -> None:
    rt = opened(tmp_path)
    with pytest.raises(InvalidInput) as refused:
        preferences.change_settings(rt, {"anthropic_api_key": key, "max_workers": 5})
    rt.db.close()
    assert str(key) not in refused.value.detail
    assert not (tmp_path / "data/keys.json").exists()


def test_a_keyring_that_fails_leaves_the_file(tmp_path: Path) -> None:
    class Locked(FileKeyring):
        def set_password(self, service: str, username: str, password: str) -> None:
            raise RuntimeError("locked")

        def get_password(self, service: str, username: str) -> str | None:
            raise RuntimeError("locked")

    keyring.set_keyring(Locked(tmp_path / "keyring.json"))
    store = KeyStore(tmp_path / "data")
    store.put("anthropic_api_key", KEY)
    assert store.read() == {"anthropic_api_key": KEY}
    keyring.set_keyring(FileKeyring(tmp_path / "keyring.json"))
    store.put("anthropic_api_key", OTHER)
    keyring.set_keyring(Locked(tmp_path / "keyring.json"))
    assert store.read() == {}  # the app starts all the same, and says so in its log


def test_a_keyring_that_hangs_is_asked_once_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, asked = threading.Event(), []

    class Silent(FileKeyring):
        def set_password(self, service: str, username: str, password: str) -> None:
            asked.append(username)
            hangs.wait()

        get_password = set_password  # type: ignore[assignment]

    store = KeyStore(tmp_path / "data")
    keyring.set_keyring(FileKeyring(tmp_path / "keyring.json"))
    for name in ("anthropic_api_key", "anthropic_auth_token", "notify_urls"):
        store.put(name, KEY)
    monkeypatch.setattr(keys, "_PATIENCE_S", 0.1)
    monkeypatch.setattr(keys, "_silent_until", 0.0)
    keyring.set_keyring(Silent(tmp_path / "keyring.json"))
    assert store.read() == {}
    store.put("anthropic_api_key", OTHER)
    assert store.read() == {"anthropic_api_key": OTHER}, "typed meanwhile: in the file"
    assert len(asked) == 1, "a start waits once"
    hangs.set()
    monkeypatch.setattr(keys, "_silent_until", 0.0)
    keyring.set_keyring(FileKeyring(tmp_path / "keyring.json"))
    assert store.read() == {"anthropic_api_key": OTHER, "anthropic_auth_token": KEY, "notify_urls": KEY}


def test_a_file_of_keys_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.file.write_text('{"anthropic_api_key": {"value": "' + KEY)
    with pytest.raises(Unavailable, match="Repair the file"):
        store.put("anthropic_auth_token", OTHER)
    assert KEY in store.file.read_text()
    assert store.read() == {}


def test_in_a_running_app(tmp_path: Path) -> None:
    more = {"PYTHON_KEYRING_BACKEND": "tests.keyring_file.FileKeyring", VARIABLE: str(tmp_path / "keyring.json")}
    config = tmp_path / "config/maestro/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'anthropic_auth_token = "{OTHER}"\n')
    with AppProcess(tmp_path / "data", XDG_CONFIG_HOME=str(tmp_path / "config"), **more) as app, app.client() as api:
        answer = api.put("/api/settings", json={"anthropic_api_key": KEY, "notify_urls": [TARGET]}).raise_for_status()
        items = {s["name"]: s for s in answer.json()["items"]}
        assert items["anthropic_api_key"]["value"] is True
        assert items["anthropic_api_key"]["place"].startswith("the system’s keyring")
        assert items["notify_urls"]["value"] == [f"tgram://{HIDDEN}"]
        assert KEY not in answer.text
        assert "AAEabc" not in answer.text
    assert config.read_text() == ""
    kept = (tmp_path / "keyring.json").read_text()
    assert KEY in kept
    assert OTHER in kept
    assert KEY not in in_data(tmp_path)
    assert "AAEabcdefghijkl" not in in_data(tmp_path)


def test_a_password_in_an_address_is_shown_nowhere_and_stays_what_it_is(tmp_path: Path) -> None:
    keyring.set_keyring(NoKeyring())
    rt = opened(tmp_path)
    address = "https://ann:pa55word-of-the-gateway@gateway.example/v1"
    preferences.change_settings(rt, {"anthropic_base_url": address})
    shown = next(s.value for s in preferences.list_settings(rt) if s.name == "anthropic_base_url")
    assert shown == f"https://ann:{HIDDEN}@gateway.example/v1"
    preferences.change_settings(rt, {"anthropic_base_url": shown})
    assert rt.settings.anthropic_base_url == address
    with pytest.raises(InvalidInput, match="full address"):
        preferences.change_settings(rt, {"anthropic_base_url": f"https://bob:{HIDDEN}@gateway.example/v1"})
    one, other = (
        account.name_of(Endpoint("anthropic", base_url=url)) for url in (address, address.replace("pa55", "pass"))
    )
    assert "pa55word" not in one
    assert one != other
    rt.db.close()
