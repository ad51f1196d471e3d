"""All templates as a session may use them: checked whole, and a repository's own only as far as it may decide.

A repository's template (``.maestro/templates/`` of the commit that a session begins from) is untrusted content: it is
offered once the repository is trusted, it brings words, hints, a plan and checks, and it can make limits tighter,
never wider. Everything else it says is left out, and told.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from maestro.agents import factory
from maestro.core.brainstorm.template_hints import whose
from maestro.core.kernel.agent_config import AgentConfig, in_force, parse_agent_config
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import trust
from maestro.core.planning.plan import Plan, parse_plan
from maestro.core.planning.plan_answer import checked_plan
from maestro.errors import InvalidInput, MaestroError
from maestro.templates import loader, toml_text
from maestro.templates.loader import Found, Template
from maestro.worktrees import repository, tracked_files

#: Where a repository keeps templates of its own.
FOLDER = ".maestro/templates/"
#: How a repository's template is called, so that it never stands for one of the user's.
PREFIX = "repository/"
_MOST = 50
#: Members that a repository may bring: what its plan would name as well, and what makes less happen at once.
_OF_REPOSITORY = frozenset({"checks", "serial_checks"})
#: Members that it may only lower.
_LIMITS = frozenset(
    {
        "max_workers", "max_attempts", "max_turns", "budget_usd", "task_timeout_minutes", "worker_memory_mb",
        "worker_cpu_percent", "task_budget_usd", "task_token_limit", "session_budget_usd", "session_token_limit",
        "task_model_calls", "session_model_calls", "run_model_calls",
    }
)  # fmt: skip
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PLACEHOLDER = {"id": "t1", "title": "To be planned"}


def library(rt: Runtime) -> Path:
    """The folder of the user's own templates, one TOML file each."""
    return rt.data_dir / "templates"


def listed(rt: Runtime, repo_path: str | None = None) -> list[Found]:
    """Every template, by title; with ``repo_path`` those of that repository, too, once it is trusted.

    One that cannot be used is listed with the reason.
    """
    found = [_whole(rt, each) for each in loader.all_templates(rt.db, library(rt))]
    return found + (_of_repository(rt, repo_path) if repo_path else [])


def find(rt: Runtime, name: str, repo_path: str | None = None) -> Found:
    """A template by name (``repository/NAME`` for one of the repository's). Raises InvalidInput."""
    candidates = _of_repository(rt, repo_path) if name.startswith(PREFIX) else listed(rt)
    wanted = name.removeprefix(PREFIX) if name.startswith(PREFIX) else name
    for each in candidates:
        if each.template.name == wanted:
            if each.problem:
                raise InvalidInput(f"The template “{name}” cannot be used. {each.problem}", {"template": each.problem})
            return each
    raise InvalidInput(f"There is no template “{name}”.", {"template": "unknown"})


def is_name(name: str) -> bool:
    """Whether a name can be a template's; only such a one may name a file."""
    return _NAME.fullmatch(name) is not None


def checked(template: Template) -> Template:
    """The same template when its configuration, agent and plan are right. Raises InvalidInput naming each field."""
    parse_agent_config(template.agent_config)
    if template.agent_type is not None:
        try:
            factory.create(template.agent_type)
        except InvalidInput as error:
            raise InvalidInput(error.detail, {"agent_type": "unknown"}) from error
    skeleton(template)
    return template


def from_toml(text: str, name: str) -> Template:
    """A whole template from its file. Raises InvalidInput with line and field of each mistake."""
    template = loader.parse_toml(text, name)
    try:
        return checked(template)
    except InvalidInput as error:
        raise toml_text.with_lines(text, error) from error


def skeleton(template: Template) -> Plan | None:
    """The plan to start from; one without tasks has a placeholder. Raises InvalidInput naming ``plan.…``."""
    if not template.plan:
        return None
    try:
        return checked_plan({"tasks": [_PLACEHOLDER]} | template.plan)
    except InvalidInput as error:
        fields = {f"plan.{name}": why for name, why in error.fields.items()} or {"plan": error.detail}
        raise InvalidInput(error.detail, fields) from error


def kept(found: Found) -> dict[str, Any]:
    """What a session keeps of its template: it may be edited, or deleted, while the session goes on."""
    template = found.template
    return {
        "name": template.name,
        "title": template.title,
        "origin": found.origin,
        "interview": template.interview,
        "plan": template.plan,
    }


def plan_words(stored: dict[str, Any] | None) -> str:
    """What the planner is told of a session's template; nothing where there is nothing."""
    plan = (stored or {}).get("plan")
    if not isinstance(plan, dict) or not plan:
        return ""
    text = json.dumps(plan, ensure_ascii=False, indent=1)
    return (
        f"Start from this skeleton ({whose(stored)}): keep its order and its checks where they fit the idea, fill in real "
        f"paths and commands, add and leave out tasks as the idea needs.\n{text}"
    )


def _whole(rt: Runtime, found: Found) -> Found:
    if found.problem or found.origin == "shipped":
        return found
    name = found.template.name
    try:
        text = loader.text_of(library(rt), name)
        from_toml(text, name) if text else checked(found.template)
    except InvalidInput as error:
        return Found(found.template, found.origin, error.detail)
    return found


def _of_repository(rt: Runtime, repo_path: str | None) -> list[Found]:
    if not repo_path:
        return []
    try:
        info = repository.inspect(repo_path)
        if not info.head_commit or trust.verdict(rt, info.root, info.head_commit).answer != "trusted":
            return []
        paths = [p for p in tracked_files.list_files(info.root, info.head_commit, FOLDER) if p.endswith(".toml")]
    except MaestroError:
        return []
    return [_repository_template(rt, info.root, str(info.head_commit), path) for path in sorted(paths)[:_MOST]]


def _repository_template(rt: Runtime, root: Path, commit: str, path: str) -> Found:
    name = path.rpartition("/")[2].removesuffix(".toml")
    try:
        data = tracked_files.read_file(root, commit, path, toml_text.MOST_CHARS + 1)
        template = from_toml(data.decode("utf-8", "replace"), name)
    except MaestroError as error:
        return loader.broken(name, "repository", f"{path}: {error.detail}")
    config, left_out = _narrowed(rt, template.agent_config)
    if template.agent_type is not None:
        left_out.append("agent_type")
    return Found(
        template.model_copy(update={"agent_config": config, "agent_type": None}), "repository", "", tuple(left_out)
    )


def _narrowed(rt: Runtime, config: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What a repository may say of a configuration, and the names of what is left out."""
    now = in_force({}, rt.settings)
    taken: dict[str, Any] = {}
    for name, value in config.items():
        known = name in AgentConfig.model_fields
        limit = getattr(now, name, None) if known else None
        lower = name in _LIMITS and isinstance(value, int | float) and (limit is None or value <= limit)
        if name in _OF_REPOSITORY or lower or (name == "permission_mode" and value == "ask"):
            taken[name] = value
    return taken, sorted(set(config) - set(taken))


def of_session(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan skeleton from a session's plan: what it says of the work, without decisions of that session."""
    parsed = parse_plan(plan)
    tasks = [
        {
            k: v
            for k, v in t.model_dump(mode="json").items()
            if v not in ([], None, "", False) and k != "estimate_minutes"
        }
        for t in parsed.tasks
    ]
    return {"summary": parsed.summary, "checks": parsed.checks, "tasks": tasks}
