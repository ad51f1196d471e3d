"""Plans as others write them: harmless other shapes are read, keys by another name are refused with the right one.

An unknown key is never passed over: ``dependencies`` for ``depends_on`` would lose the order of the work unseen.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from pydantic import BaseModel

from maestro.core.planning.plan import Plan, PlanDecision, PlanTask
from maestro.errors import InvalidInput

#: What others call it, in the plan, a task or a decision; written in one way (``_plain``), singular and plural.
_OTHER_NAMES: dict[type[BaseModel], dict[str, str]] = {
    Plan: {
        "summary": "description overview goal objective idea title name",
        "checks": "commands verification verify validation tests test_commands acceptance",
        "tasks": "steps task_list subtasks todos items",
        "decisions": "choices",
        "risks": "concerns caveats",
        "assumptions": "presumptions",
    },
    PlanTask: {
        "id": "key task_id identifier slug ref number",
        "title": "name task summary heading label",
        "description": "details detail body prompt instructions content text what",
        "depends_on": "dependencies dependency depends deps dep requires needs after blocked_by blockers prerequisites"
        " prereqs predecessors waits_for wait_for parents upstream depends_upon dependent_on"
        " run_after start_after after_tasks upstream_tasks",
        "files": "paths targets target_files touched_files touches changes modifies outputs scope scope_in",
        "acceptance": "acceptance_criteria criteria done_when definition_of_done success_criteria goals",
        "checks": "commands verification verify validation tests test_commands test_command command",
        "priority": "prio importance order rank",
        "estimate_minutes": "estimate estimated_minutes minutes estimated_time duration duration_minutes effort_minutes",
        "requires_approval": "approval needs_approval approval_required ask_first confirm",
        "scope_out": "out_of_scope excluded excludes not_in_scope",
        "requirements": "required_by covers",
        "agent": "agent_type worker subagent agent_name",
        "model": "llm model_name llm_model",
        "effort": "reasoning_effort effort_level reasoning thinking",
    },
    PlanDecision: {
        "decision_type": "type kind decision topic title name question",
        "options": "alternatives choices candidates",
        "chosen": "choice selected decided chosen_index selected_index",
        "rationale": "reason reasoning why because justification",
    },
}
_WORDS = {Plan: "a plan", PlanTask: "a task", PlanDecision: "a decision"}
_LISTS: dict[type[BaseModel], frozenset[str]] = {
    Plan: frozenset({"assumptions", "risks", "checks"}),
    PlanTask: frozenset({"depends_on", "files", "acceptance", "checks", "scope_out", "patterns", "requirements"}),
    PlanDecision: frozenset({"options"}),
}
_LIKE_ENOUGH = 0.8
#: Words for a priority; 2 is the usual one, lower runs first.
_PRIORITIES = {
    word: number
    for number, words in enumerate(
        (
            "critical urgent highest blocker first p0",
            "high important p1",
            "medium normal default usual moderate p2",
            "low minor p3",
            "lowest trivial p4",
        )
    )
    for word in words.split()
}
_TIME = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(m|mins?|minutes?|h|hrs?|hours?)")
#: Words that tell what is meant wherever they stand in a key.
_TELLING = frozenset({"dependencies", "dependency", "depends", "files", "paths", "checks", "acceptance", "approval"})


def read_shapes(data: Any) -> Any:
    """The plan in its own shape, unchecked. Raises InvalidInput that names each unknown key and what it is called here."""
    wrong: dict[str, str] = {}
    made = _part(data, Plan, "", wrong)
    if isinstance(made, dict):
        for name, model in (("tasks", PlanTask), ("decisions", PlanDecision)):
            parts = made.get(name)
            if isinstance(parts, dict):  # one of them for a list of one
                parts = [parts]
            if isinstance(parts, list):
                made[name] = [_part(p, model, f"{name}.{n}.", wrong) for n, p in enumerate(parts)]
    if wrong:
        words = "; ".join(f"{field}: {why}" for field, why in wrong.items())
        raise InvalidInput(f"The plan is not valid: {words}", wrong)
    return made


def _part(data: Any, model: type[BaseModel], path: str, wrong: dict[str, str]) -> Any:
    if not isinstance(data, dict):
        return data
    for key in data:
        if key not in model.model_fields:
            wrong[f"{path}{key}"] = _meant(key, model)
    read = {name: _value(value, name, model) for name, value in data.items()}
    return {name: value for name, value in read.items() if value is not None}


def _meant(key: object, model: type[BaseModel]) -> str:
    plain = _plain(str(key))
    known = {other: name for name, others in _OTHER_NAMES[model].items() for other in others.split()}
    known = {form: name for other, name in known.items() for form in (other, other + "s")}
    known |= {name: name for name in model.model_fields} | {f"{name}s": name for name in model.model_fields}
    near = difflib.get_close_matches(plain, known, 1, _LIKE_ENOUGH)
    parts = {known[word] for word in plain.split("_") if word in _TELLING and word in known}  # files_touched
    name = known.get(plain) or (known[near[0]] if near else parts.pop() if len(parts) == 1 else None)
    if name:
        return f"this key is called {name} here"
    return f"{_WORDS[model]} has no such key; its keys are {', '.join(model.model_fields)}"


def _plain(key: str) -> str:
    """``dependsOn``, ``depends-on`` and ``Depends on`` as ``depends_on``."""
    return re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key.strip())).strip("_").lower()


def _value(value: Any, name: str, model: type[BaseModel]) -> Any:
    """A value in its own shape; None for one that says nothing."""
    if name in _LISTS[model]:
        return _list(value, ids=name == "depends_on")
    if name == "id":
        return _id(value)
    if name in {"priority", "estimate_minutes", "requires_approval", "chosen"} and value == "":
        return None
    if name == "priority" and isinstance(value, str):
        return _PRIORITIES.get(re.sub(r"[\s_-]+|priority", "", value.lower()), value)
    if name == "estimate_minutes" and isinstance(value, str):
        return _minutes(value)
    return value


def _minutes(value: str) -> Any:
    """A time with its unit in minutes: ``10 min``, ``1.5 h``; anything else stays what it is."""
    found = _TIME.fullmatch(value.strip().lower())
    return float(found[1]) * (60 if found[2].startswith("h") else 1) if found else value


def _list(value: Any, *, ids: bool) -> Any:
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _parsed(value)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        value = [value]
    if not isinstance(value, list):
        return value
    kept = [v for v in value if v is not None and not (isinstance(v, str) and not v.strip())]
    return [_id(v) for v in kept] if ids else kept


def _id(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) < 10**15:
        return str(value)
    return value.strip() if isinstance(value, str) else value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
