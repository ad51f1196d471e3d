"""Session templates: shipped TOML files beside this module, and the user's own from the database."""

from __future__ import annotations

import logging
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlmodel import select

from maestro.db import models
from maestro.db.session import Database
from maestro.errors import Conflict, InvalidInput

_log = logging.getLogger(__name__)


class Template(BaseModel):
    """Words to begin with and an agent configuration for a kind of work."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
    description: Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")] = ""
    idea: Annotated[str, StringConstraints(max_length=200_000, pattern=r"^[^\x00]*$")] = ""
    agent_config: dict[str, Any] = Field(default_factory=dict)


@cache
def shipped() -> tuple[Template, ...]:
    """The templates that come with Maestro."""
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return tuple(Template.model_validate({"name": f.stem} | tomllib.loads(f.read_text("utf-8"))) for f in files)


def all_templates(db: Database) -> list[tuple[Template, bool]]:
    """Every template with whether it is a shipped one, by title."""
    with db.read() as session:
        own = [t for r in session.exec(select(models.TemplateRow)).all() if (t := _stored(r)) is not None]
    pairs = [(t, True) for t in shipped()] + [(t, False) for t in own]
    return sorted(pairs, key=lambda pair: pair[0].title.lower())


def _stored(row: models.TemplateRow) -> Template | None:
    """A template of the user's own; one that cannot be read is left out, and the others stay."""
    try:
        return Template.model_validate(row.body)
    except ValidationError as error:
        _log.warning("the stored template %s cannot be read: %s", row.name, error)
        return None


def find(db: Database, name: str) -> Template:
    """A template by name. Raises InvalidInput."""
    for template, _shipped in all_templates(db):
        if template.name == name:
            return template
    raise InvalidInput(f"There is no template “{name}”.", {"template": "unknown"})


def parse(data: Any) -> Template:
    """Check a template from outside, but for what its ``agent_config`` holds. Raises InvalidInput naming each field."""
    try:
        return Template.model_validate(data)
    except ValidationError as error:
        fields = {".".join(str(p) for p in e["loc"]): e["msg"] for e in error.errors()}
        words = "; ".join(f"{name}: {why}" for name, why in fields.items())
        raise InvalidInput(f"The template is not valid. {words}", fields) from error


def store(db: Database, template: Template) -> None:
    """Store a template of the user's own. Raises Conflict when the name is taken."""
    with db.write() as tx:
        same = select(models.TemplateRow.id).where(models.TemplateRow.name == template.name)
        if tx.db.exec(same).first() is not None or any(t.name == template.name for t in shipped()):
            raise Conflict(f"A template “{template.name}” already exists.")
        tx.db.add(models.TemplateRow(name=template.name, title=template.title, body=template.model_dump()))
        tx.emit("template_created", "", name=template.name)
