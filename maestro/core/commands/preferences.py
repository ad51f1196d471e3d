"""Settings and templates of the person's own."""

from __future__ import annotations

from typing import Any

from maestro import user_folders
from maestro.core.agent_config import parse_agent_config
from maestro.core.runtime import Runtime, setting_rows
from maestro.core.views import SettingView
from maestro.db import models
from maestro.db.types import utcnow
from maestro.errors import InvalidInput
from maestro.policy import Policy
from maestro.settings import NEEDS_RESTART, SECRET, STORABLE, LoadedSettings, Settings, sound, variable
from maestro.templates import loader


def list_settings(rt: Runtime) -> list[SettingView]:
    """Every setting with its value, default, origin and help; of secrets only whether they are set."""
    return [_view(rt, name) for name in Settings.model_fields]


def change_settings(rt: Runtime, values: dict[str, Any]) -> list[SettingView]:
    """Store settings; ``None`` goes back to the default.

    Raises InvalidInput (naming each field) for unknown names, for what cannot be stored (keys never are),
    and for values out of range; nothing is stored then.
    """
    wrong = {name: _refusal(name) for name in values if name not in STORABLE}
    if wrong:
        raise InvalidInput(
            "Some settings cannot be stored: " + "; ".join(f"{k} ({v})" for k, v in wrong.items()), wrong
        )
    with rt.db.write() as tx:  # read in here, so that of two changes at once neither is lost
        stored, _wrong = sound(setting_rows(tx.db))
        wanted = {k: v for k, v in (stored | values).items() if v is not None}
        # On their own first: what a flag or variable hides now would stop the next start that comes without it.
        LoadedSettings(stored=wanted, environment={})
        for name, value in values.items():
            if value is not None:
                tx.db.merge(models.StoredSetting(name=name, value=value, updated_at=utcnow()))
            elif row := tx.db.get(models.StoredSetting, name):
                tx.db.delete(row)
        tx.emit("settings_changed", "", names=sorted(values))
        tx.db.flush()
        rt.loaded.reload(wanted)
    return list_settings(rt)


def create_template(rt: Runtime, data: Any) -> loader.Template:
    """Store a session template of the person's own.

    Raises InvalidInput (naming each field, those of its ``agent_config`` too), and Conflict when the name is taken.
    """
    template = loader.parse(data)
    parse_agent_config(template.agent_config)
    loader.store(rt.db, template)
    return template


def _refusal(name: str) -> str:
    if name in SECRET:
        return (
            f"keys are never stored: set {variable(name)} in the environment, or {name} in {user_folders.config_file()}"
        )
    if name in Settings.model_fields:
        return f"set {variable(name)} or a flag at start"
    return "no such setting"


def _view(rt: Runtime, name: str) -> SettingView:
    field = Settings.model_fields[name]
    value = getattr(rt.settings, name)
    secret = name in SECRET
    return SettingView(
        name=name,
        variable=variable(name),
        value=bool(value) if secret else _plain(value),
        default=None if secret else _plain(field.get_default(call_default_factory=True)),
        origin=rt.loaded.origins[name],
        storable=name in STORABLE,
        secret=secret,
        needs_restart=name in NEEDS_RESTART,
        help=field.description or "",
        choices=_choices(field.annotation),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Policy):
        return value.plain()
    return value if isinstance(value, (str, int, float, bool, list, type(None))) else str(value)


def _choices(annotation: Any) -> list[str] | None:
    choices = getattr(annotation, "__args__", None)
    if choices and all(isinstance(c, str) for c in choices):
        return list(choices)
    return None
