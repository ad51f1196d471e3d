"""Session templates: what one holds, the shipped TOML files beside this module, and the user's library."""

from __future__ import annotations

import logging
import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlmodel import select

from maestro import untrusted
from maestro.db import models
from maestro.db.session import Database
from maestro.errors import Conflict, InvalidInput
from maestro.templates import toml_text

_log = logging.getLogger(__name__)

Origin = Literal["shipped", "own", "repository"]
_MOST_FILES = 500
_Hint = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]


class Template(BaseModel):
    """What a kind of work begins with: words, hints for the interview, a plan to start from, an agent configuration."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
    description: Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")] = ""
    idea: Annotated[str, StringConstraints(max_length=200_000, pattern=r"^[^\x00]*$")] = ""
    interview: list[_Hint] = Field(default_factory=list, max_length=20)
    agent_type: Annotated[str, StringConstraints(max_length=50)] | None = None
    agent_config: dict[str, Any] = Field(default_factory=dict)
    plan: dict[str, Any] = Field(default_factory=dict)

    def toml(self) -> str:
        """As a file of the library holds it; the file's name is the template's."""
        return toml_text.write(self.model_dump(exclude={"name"}, exclude_defaults=True))


@dataclass(frozen=True, slots=True)
class Found:
    """A template and where it is from; ``problem``: why it cannot be used (line and field)."""

    template: Template
    origin: Origin
    problem: str = ""
    left_out: tuple[str, ...] = ()  # members of a repository's template that are not taken from it


@cache
def shipped() -> tuple[Template, ...]:
    """The templates that come with Maestro."""
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return tuple(Template.model_validate({"name": f.stem} | tomllib.loads(f.read_text("utf-8"))) for f in files)


def all_templates(db: Database, library: Path | None = None) -> list[Found]:
    """Every template, by title: shipped, the user's library, and those of the user's that earlier versions stored."""
    found = [Found(t, "shipped") for t in shipped()]
    found += _of_library(library) if library is not None else []
    names = {f.template.name for f in found}
    with db.read() as session:
        stored = [t for r in session.exec(select(models.TemplateRow)).all() if (t := _stored(r)) is not None]
    found += [Found(t, "own") for t in stored if t.name not in names]
    return sorted(found, key=lambda each: each.template.title.lower())


def _of_library(folder: Path) -> list[Found]:
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix == ".toml" and not p.name.startswith("."))[:_MOST_FILES]
    except OSError:
        return []
    found = []
    for path in files:
        try:
            text = untrusted.text(path, toml_text.MOST_CHARS)
        except OSError as error:
            found.append(broken(path.stem, "own", f"{path} cannot be read: {error.strerror or error}"))
            continue
        try:
            found.append(Found(parse_toml(text, path.stem), "own"))
        except InvalidInput as error:
            found.append(broken(path.stem, "own", error.detail))
    return found


def broken(name: str, origin: Origin, problem: str) -> Found:
    """A template that cannot be used, listed with the reason."""
    return Found(Template.model_construct(name=name, title=name, **_EMPTY), origin, problem)


_EMPTY: dict[str, Any] = {
    "description": "",
    "idea": "",
    "interview": [],
    "agent_type": None,
    "agent_config": {},
    "plan": {},
}


def _stored(row: models.TemplateRow) -> Template | None:
    """A template of the user's own; one that cannot be read is left out, and the others stay."""
    try:
        return Template.model_validate(row.body)
    except ValidationError as error:
        _log.warning("the stored template %s cannot be read: %s", row.name, error)
        return None


def parse(data: Any) -> Template:
    """Check a template from outside, but for its ``agent_config`` and ``plan``. Raises InvalidInput naming each field."""
    try:
        return Template.model_validate(data)
    except ValidationError as error:
        fields = {".".join(str(p) for p in e["loc"]): e["msg"] for e in error.errors()}
        words = "; ".join(f"{name}: {why}" for name, why in fields.items())
        raise InvalidInput(f"The template is not valid. {words}", fields) from error


def parse_toml(text: str, name: str) -> Template:
    """A template from its file. Raises InvalidInput with line and field of each mistake."""
    data = toml_text.read(text)
    try:
        return parse({"name": name} | data)
    except InvalidInput as error:
        raise toml_text.with_lines(text, error) from error


def path_of(library: Path, name: str) -> Path:
    """The file of a template of the user's."""
    return library / f"{name}.toml"


def text_of(library: Path, name: str) -> str:
    """The file of a template of the user's as it is, whatever is wrong with it; empty where it cannot be read."""
    try:
        return untrusted.text(path_of(library, name), toml_text.MOST_CHARS)
    except OSError:
        return ""


def store(db: Database, library: Path, template: Template, *, replace: bool = False) -> None:
    """Store a template of the user's own as a file. Raises Conflict when the name is taken, or (``replace``) built in."""
    if any(t.name == template.name for t in shipped()):
        raise Conflict(f"“{template.name}” is a built-in template. Choose another name.")
    path = path_of(library, template.name)
    with db.write() as tx:
        same = tx.db.exec(select(models.TemplateRow).where(models.TemplateRow.name == template.name)).first()
        if not replace and (same is not None or os.path.lexists(path)):
            raise Conflict(f"A template “{template.name}” already exists.")
        library.mkdir(parents=True, exist_ok=True, mode=0o700)
        untrusted.write(path, template.toml())
        if same is not None:
            tx.db.delete(same)
        tx.emit("template_changed" if replace else "template_created", "", name=template.name)


def delete(db: Database, library: Path, name: str) -> bool:
    """Delete a template of the user's own; whether there was one."""
    path = path_of(library, name)
    with db.write() as tx:
        same = tx.db.exec(select(models.TemplateRow).where(models.TemplateRow.name == name)).first()
        there = same is not None or os.path.lexists(path)
        if same is not None:
            tx.db.delete(same)
        path.unlink(missing_ok=True)
        if there:
            tx.emit("template_deleted", "", name=name)
    return there
