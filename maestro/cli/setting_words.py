"""Settings at the command line: read from words, and put into words."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from maestro.cli.connection import Json, Refused
from maestro.policy import Policy


def read(value: str) -> Any:
    """A value as it was typed: JSON where it is that, else the text."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def added(settings: list[Json], line: str) -> Json:
    """The policy in force with one more answer. Raises Refused where that is none."""
    found = next(each["value"] for each in settings if each["name"] == "policy")
    try:
        return Policy.model_validate(found).plus(line).plain()
    except ValueError as error:
        raise Refused(422, f"“{line}” cannot be added to the policy: {_reason(error)}.") from error


def page(settings: list[Json], *, alone: bool) -> str:
    """Settings, a line each; one alone with its help and origin."""
    if not alone:
        return "\n".join(f"{each['name']:34} {_shown(each)}" for each in settings)
    each = settings[0]
    kept = f"{each['origin']}; default: {_shown(each | {'value': each['default']})}"
    return f"{_shown(each, below=True)}\n({kept})\n{each['help']}"


def _shown(setting: Json, *, below: bool = False) -> str:
    value = setting["value"]
    if setting["name"] == "policy" and isinstance(value, dict):
        lines = Policy.model_validate(value).lines()
        return ("\n" if below else "; ").join(lines) or "as the permission mode says"
    if setting["secret"]:
        return "set" if value else "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _reason(error: ValueError) -> str:
    words = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return words.removeprefix("Value error, ").rstrip(".")
