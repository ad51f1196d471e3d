"""Settings of the user's own."""

from __future__ import annotations

import re
from typing import Any

from maestro import user_folders
from maestro.core.kernel.runtime import Runtime, setting_rows
from maestro.core.kernel.services import Service
from maestro.core.views import SettingView
from maestro.db import models
from maestro.db.types import utcnow
from maestro.errors import InvalidInput
from maestro.keys import APART, KeyStore, place_for_new
from maestro.policy import Policy
from maestro.secrets import HIDDEN, clean, masked_urls
from maestro.settings import NEEDS_RESTART, SECRET, STORABLE, LoadedSettings, Settings, sound, variable

#: Settings that may hold a password.
_ADDRESSES = frozenset({"anthropic_base_url", "database_url"})
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)


def list_settings(rt: Runtime) -> list[SettingView]:
    """Every setting with its value, default, origin and help; of secrets only whether they are set."""
    return [_view(rt, name) for name in Settings.model_fields]


def change_settings(rt: Runtime, values: dict[str, Any]) -> list[SettingView]:
    """Store settings; ``None`` goes back to the default.

    Keys and notification targets go to the keyring, never into the database. An address may be given as it is shown,
    masked: it stays what it is. Raises InvalidInput (naming each field) for unknown names, for what cannot be stored,
    and for values out of range; nothing is stored then.
    """
    wrong = {name: _refusal(name) for name in values if name not in STORABLE}
    if wrong:
        raise InvalidInput(
            "Some settings cannot be stored: " + "; ".join(f"{k} ({v})" for k, v in wrong.items()), wrong
        )
    with rt.db.write() as tx:  # read in here, so that of two changes at once neither is lost
        store = KeyStore(rt.data_dir)
        stored, _wrong = sound(setting_rows(tx.db) | store.read())
        values = _meant(values, rt.settings)
        wanted = {k: v for k, v in (stored | values).items() if v is not None}
        # On their own first: what a flag or variable hides now would stop the next start that comes without it.
        LoadedSettings(stored=wanted, environment={})
        for name, value in values.items():
            if name in APART:
                _keep(rt, store, name, value)
            elif value is not None:
                tx.db.merge(models.StoredSetting(name=name, value=value, updated_at=utcnow()))
            elif row := tx.db.get(models.StoredSetting, name):
                tx.db.delete(row)
        tx.emit("settings_changed", "", names=sorted(values))
        tx.db.flush()
        rt.loaded.reload(wanted)
    return list_settings(rt)


def _meant(values: dict[str, Any], now: Settings) -> dict[str, Any]:
    """What was typed: keys without blanks around them, masked addresses as what they stand for. Raises InvalidInput."""
    meant = dict(values)
    for name in APART & SECRET & values.keys():
        given = values[name].strip() if isinstance(values[name], str) else values[name]
        if isinstance(given, str) and not all("!" <= c <= "~" for c in given):
            words = "a key contains only ASCII characters and no spaces: copy it again"
            raise InvalidInput(f"A setting is not valid: {name}: {words}", {name: words})
        meant[name] = given or None
    if isinstance(given := values.get("notify_urls"), list):
        meant["notify_urls"] = [_unmasked(url, now.notify_urls) for url in given]
    address = values.get("anthropic_base_url")
    if HIDDEN in str(address):
        meant["anthropic_base_url"] = _unhidden(address, now.anthropic_base_url)
    elif isinstance(address, str) and address.strip() and not _WEB_ADDRESS.fullmatch(address.strip()):
        words = "must begin with http:// or https:// and name a host, like http://localhost:8080"
        raise InvalidInput(f"A setting is not valid: anthropic_base_url: {words}", {"anthropic_base_url": words})
    return meant


def _unhidden(url: Any, known: str | None) -> str:
    if known and str(url).strip() == clean(known):
        return known
    words = "the password in this address is masked: enter the full address"
    raise InvalidInput(f"A setting is not valid: anthropic_base_url: {words}", {"anthropic_base_url": words})


def _unmasked(url: Any, known: list[str]) -> Any:
    if not isinstance(url, str) or HIDDEN not in url:
        return url
    for number, shown in enumerate(masked_urls(known)):
        if shown == url.strip():
            return known[number]
    words = "this address is masked and does not match a stored one: enter the full address"
    raise InvalidInput(f"A setting is not valid: notify_urls: {words}", {"notify_urls": words})


def _keep(rt: Runtime, store: KeyStore, name: str, value: Any) -> None:
    """Keep a key for this data folder; forgotten, it is also forgotten where all of the user's folders find it."""
    if value is None and store.place(name) is None and rt.loaded.origins[name] == "keys":
        KeyStore(user_folders.config_file().parent).put(name, None)
        rt.loaded.forget(name)
    store.put(name, value)


def _refusal(name: str) -> str:
    if name in Settings.model_fields:
        return f"set {variable(name)} or a flag at start"
    return "no such setting"


def _view(rt: Runtime, name: str) -> SettingView:
    field = Settings.model_fields[name]
    value = getattr(rt.settings, name)
    if name == "notify_urls":
        value = masked_urls(value)
    elif name in _ADDRESSES and value:
        value = clean(value)
    secret = name in SECRET
    return SettingView(
        name=name,
        variable=variable(name),
        value=bool(value) if secret else _plain(value),
        default=None if secret else _plain(field.get_default(call_default_factory=True)),
        origin=rt.loaded.origins[name],
        storable=name in STORABLE,
        secret=secret,
        place=_place(rt, name),
        needs_restart=name in NEEDS_RESTART,
        help=field.description or "",
        choices=_choices(field.annotation),
    )


#: Where a key would be kept that has no place yet.
_NEW_KEYS = Service(with_runtime=lambda rt: place_for_new(rt.data_dir))


def _place(rt: Runtime, name: str) -> str | None:
    """Where a key is, or would be kept if it were typed now."""
    if name not in APART:
        return None
    kept = KeyStore(rt.data_dir).place(name) or KeyStore(user_folders.config_file().parent).place(name)
    return kept or str(rt.service(_NEW_KEYS))


def _plain(value: Any) -> Any:
    if isinstance(value, Policy):
        return value.plain()
    return value if isinstance(value, (str, int, float, bool, list, type(None))) else str(value)


def _choices(annotation: Any) -> list[str] | None:
    choices = getattr(annotation, "__args__", None)
    if choices and type(None) in choices:  # one of some words, or none
        choices = getattr(choices[0], "__args__", None)
    if choices and all(isinstance(c, str) for c in choices):
        return list(choices)
    return None
