"""What a model gives as a plan: the tool it is asked with, plans in plain text, and what goes back when one is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from maestro.assistants.base import Tool, ToolFailed
from maestro.core.planning import own_agent
from maestro.core.planning.plan import MAX_TASKS, Plan, parse_plan
from maestro.core.planning.plan_shapes import read_shapes
from maestro.errors import InvalidInput

#: The first answer and two more tries.
MOST_ANSWERS = 3

_LINES = {"type": "array", "items": {"type": "string"}}
_TASK: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "Short and speaking: letters, digits, - and _ (csv-writer)."},
        "title": {"type": "string"},
        "description": {"type": "string", "description": "All the agent needs: what, where, how it fits in."},
        "depends_on": _LINES | {"description": "Ids of tasks whose work this one needs."},
        "files": _LINES | {"description": "Paths or git ignore patterns it will change or create."},
        "acceptance": _LINES | {"description": "Statements that can be proven, in the words of the goals they cover."},
        "checks": _LINES | {"description": "Commands, run at the repository's root, that pass only when it is done."},
        "priority": {"type": "integer", "description": "0 to 9, lower runs first among ready tasks."},
        "estimate_minutes": {"type": "number"},
        "requires_approval": {
            "type": "boolean",
            "description": "True when the user should approve it before it starts.",
        },
        "requirements": _LINES | {"description": "Ids (R1) of the idea card's requirements that it fulfils."},
        "patterns": _LINES | {"description": "Files of the repository to imitate."},
        "scope_out": _LINES | {"description": "What this task must leave alone."},
        "model": {"type": "string", "description": "Only where this task needs another model than the session's."},
        "effort": {"type": "string", "enum": list(own_agent.EFFORTS), "description": "Only where it should differ."},
        "agent": {"type": "string", "description": "Only where this task needs another kind of agent."},
    },
    "required": ["id", "title", "description", "depends_on", "files", "acceptance", "checks"],
}
_DECISION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "decision_type": {"type": "string", "description": "What was decided: library, file format, interface…"},
        "options": _LINES,
        "chosen": {"type": "integer", "description": "Index into options."},
        "rationale": {"type": "string"},
    },
    "required": ["decision_type", "options", "chosen", "rationale"],
}
PLAN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string", "description": "What will be built and how, in a few sentences."},
        "assumptions": _LINES,
        "risks": _LINES,
        "decisions": {"type": "array", "items": _DECISION},
        "checks": _LINES | {"description": "Commands that must pass when everything is done."},
        "tasks": {"type": "array", "items": _TASK, "minItems": 1, "maxItems": MAX_TASKS},
    },
    "required": ["summary", "tasks"],
}


class PlanAnswers:
    """The answers of one generation: at most ``MOST_ANSWERS``, the first right one counts."""

    def __init__(
        self, fits: Callable[[Plan], None] = lambda _plan: None, complete: Callable[[Any], Any] = lambda answer: answer
    ) -> None:
        """``fits`` raises InvalidInput for a plan that its session cannot carry out.

        ``complete`` adds what an answer leaves out on purpose.
        """
        self._fits, self._complete = fits, complete
        self.plan: Plan | None = None
        self.refusals: list[str] = []
        self.raw = ""  # the latest answer as it came

    @property
    def settled(self) -> bool:
        """Whether there is a plan, or no further try."""
        return self.plan is not None or len(self.refusals) >= MOST_ANSWERS

    def tool(self) -> Tool:
        """``submit_plan``: its input is the contract's plan."""
        return Tool(
            name="submit_plan",
            description="Hand in the plan. It is checked; when something is wrong you are told and hand in a whole plan again.",
            schema=PLAN_SCHEMA,
            handler=self._submit,
            summary=lambda _given: "Submitted a plan",
        )

    def take_text(self, text: str) -> None:
        """A reply that ended without the tool: a plan as JSON in it counts, anything else is a wrong answer."""
        if text.strip():
            self.raw = text
        found = plan_in_text(text)
        if found is None:
            self.refuse("no plan was handed in: call submit_plan, or answer with the plan as one JSON object")
        else:
            self._take(found)

    def refuse(self, reason: str) -> None:
        """Count a wrong answer."""
        self.refusals.append(reason)

    def correction(self) -> str:
        """What the model is told after a wrong answer."""
        return f"This plan cannot be used: {self.refusals[-1]}. Mend this and hand in the whole plan again."

    def _submit(self, given: dict[str, Any]) -> str:
        if self.plan is not None:
            return "The plan is accepted already."
        self.raw = json.dumps(given, ensure_ascii=False, indent=1)
        self._take(_mended(given))
        if self.plan is None:
            raise ToolFailed(self.correction())
        return "The plan is accepted."

    def _take(self, data: Any) -> None:
        try:
            plan = checked_plan(self._complete(read_shapes(data)))
            self._fits(plan)
            self.plan = plan
        except InvalidInput as error:
            self.refuse("; ".join(f"{field}: {reason}" for field, reason in list(error.fields.items())[:30]))


def checked_plan(data: Any) -> Plan:
    """``parse_plan`` for data from outside: other shapes are read first (``plan_shapes``), keys that it does not know
    are refused with the name that was meant, and NUL characters inside lists and choices of nothing as well."""
    plan = parse_plan(read_shapes(data))
    own_agent.refuse_unknown(plan)
    fields = {path: "must not contain NUL characters" for path, text in _texts(plan.model_dump()) if "\0" in text}
    if fields:
        raise InvalidInput("The plan is not valid: NUL characters in " + ", ".join(fields), fields)
    # Here and not in the format: a plan that was stored without this look must still be readable.
    for number, decision in enumerate(plan.decisions):
        if not 0 <= decision.chosen < max(len(decision.options), 1):
            field, why = f"decisions.{number}.chosen", "must be the place of one of the options, counted from 0"
            raise InvalidInput(f"The plan is not valid: {field}: {why}", {field: why})
    return plan


def plan_in_text(text: str) -> Any | None:
    """The last JSON object in ``text`` that has ``tasks``; None when there is none."""
    decoder = json.JSONDecoder()
    found, at = None, 0
    while (start := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            at = start + 1
            continue
        value = _mended(value)
        if isinstance(value, dict) and "tasks" in value:
            found = value
    return found


def _mended(given: Any) -> Any:
    """A plan without the wrappings models put around it: another object, or JSON as text."""
    if isinstance(given, dict) and "tasks" not in given and isinstance(inner := given.get("plan"), dict | str):
        given = inner
    if isinstance(given, str):
        given = _parsed(given)
    if isinstance(given, dict):
        return {k: _parsed(v) if isinstance(v, str) and re.match(r"\s*\[", v) else v for k, v in given.items()}
    return given


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from _texts(member, f"{path}.{name}" if path else str(name))
