"""The user's own templates: created, read from TOML, saved from a session, deleted."""

from __future__ import annotations

from typing import Any

from maestro.core.brainstorm.idea_card import stored_card
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import template_library
from maestro.errors import Conflict, InvalidInput, NotFound
from maestro.templates import loader
from maestro.templates.loader import Template


def create_template(rt: Runtime, data: Any) -> Template:
    """Store a template of the user's own.

    Raises InvalidInput (naming each field, those of its ``agent_config`` and ``plan`` too), Conflict when the name is taken.
    """
    template = template_library.checked(loader.parse(data))
    loader.store(rt.db, template_library.library(rt), template)
    return template


def save_toml(rt: Runtime, name: str, text: str, *, replace: bool) -> Template:
    """Store a template from its TOML text; ``replace``: also over the one of that name.

    Raises InvalidInput with line and field of each mistake, Conflict when the name is taken, or built in.
    """
    template = template_library.from_toml(text, name)
    loader.store(rt.db, template_library.library(rt), template, replace=replace)
    return template


def toml_of(rt: Runtime, name: str, repo_path: str | None = None) -> str:
    """A template as TOML, also a built-in one and one that cannot be used. Raises NotFound."""
    if template_library.is_name(name) and (text := loader.text_of(template_library.library(rt), name)):
        return text  # as it was written, comments and mistakes included
    try:
        return template_library.find(rt, name, repo_path).template.toml()
    except InvalidInput as error:
        raise NotFound(error.detail) from error


def delete_template(rt: Runtime, name: str) -> None:
    """Delete a template of the user's own. Raises Conflict for a built-in one, NotFound."""
    if any(template.name == name for template in loader.shipped()):
        raise Conflict(f"“{name}” is a built-in template; it cannot be deleted.")
    if not template_library.is_name(name) or not loader.delete(rt.db, template_library.library(rt), name):
        raise NotFound(f"There is no template “{name}” of your own.")


def save_session(rt: Runtime, session_id: str, name: str, title: str = "") -> Template:
    """Make a template of a session: its words, the questions that were decided, its plan, its configuration.

    Raises NotFound before it has a plan, InvalidInput (``name``), Conflict when the name is taken.
    """
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        plan = lookup.plan_row(db, session).plan_json
    card = stored_card(session.idea_card)
    config = {key: value for key, value in session.agent_config.items() if key != "away"}
    data = {
        "name": name,
        "title": title or session.title[:255],
        "description": f"From the session “{session.title}”."[:20_000],
        "idea": session.description,
        "interview": [decision.question[:1000] for decision in card.decisions][:20],
        "agent_type": None if session.agent_type == "claude_code" else session.agent_type,
        "agent_config": config,
        "plan": template_library.of_session(plan),
    }
    return create_template(rt, data)
