"""The idea card: what is being built, as agreed so far.

The assistant keeps it with a tool and is read tolerantly; the user edits it and is told what is wrong.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from maestro.errors import InvalidInput

_log = logging.getLogger(__name__)

MAX_TITLE = 120
MAX_TEXT = 8_000
MAX_LINE = 1_000
MAX_LINES = 50
MAX_OPTIONS = 12
MAX_REQUIREMENTS = 100

_NO_NUL = r"^[^\x00]*$"
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LINE, pattern=_NO_NUL)]
Lines = Annotated[list[Line], Field(max_length=MAX_LINES)]
_LISTS = ("goals", "out_of_scope", "open_questions")
#: What Maestro itself keeps about the card; no user writes it.
TRACE = frozenset({"sources", "user_wrote", "user_removed", "still_open"})
#: The kinds of ambiguity that an idea is weighed against.
KINDS = (
    "users", "data", "interfaces", "errors", "performance", "security", "compatibility", "tests", "rollout", "out_of_scope",
)  # fmt: skip
_REQUIREMENT_ID = re.compile(r"R([1-9]\d{0,3})")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
#: Under which names models hide the words of a list item or a decision's question.
_WORDS = ("text", "question", "title", "goal", "requirement", "name", "description", "value", "label", "option")


class CardDecision(BaseModel):
    """A choice: what was asked, what was possible, what was chosen (an index into ``options``), and why."""

    model_config = ConfigDict(extra="forbid")

    question: Line
    options: Annotated[list[Line], Field(max_length=MAX_OPTIONS)] = Field(default_factory=list)
    chosen: int | None = Field(None, ge=0)
    reason: str = Field("", max_length=MAX_TEXT, pattern=_NO_NUL)

    @model_validator(mode="after")
    def _chosen_exists(self) -> CardDecision:
        if self.chosen is not None and self.chosen >= len(self.options):
            raise ValueError("chosen must be one of the options, counted from 0")
        return self


class Requirement(BaseModel):
    """One testable statement. Its ``id`` (R1, R2…) stays while its words change: plans name it."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^R[1-9]\d{0,3}$")
    text: Line
    message_id: str | None = Field(None, max_length=100)  # the message it came from


class IdeaCard(BaseModel):
    """The whole card. Empty members mean "not known yet".

    Entries are known by keys (``goals:WORDS``, ``requirements:R1``, ``decisions:QUESTION``, ``title``, ``problem``):
    ``sources`` says from which message each came, ``user_wrote`` which ones the user wrote here, ``user_removed`` which
    ones they took away. ``still_open`` are the kinds of ambiguity that are; None before the assistant weighed the idea.
    """

    model_config = ConfigDict(extra="forbid")

    title: str = Field("", max_length=MAX_TITLE, pattern=r"^[^\x00-\x1f]*$")
    problem: str = Field("", max_length=MAX_TEXT, pattern=_NO_NUL)
    goals: Lines = Field(default_factory=list)
    requirements: Annotated[list[Requirement], Field(max_length=MAX_REQUIREMENTS)] = Field(default_factory=list)
    out_of_scope: Lines = Field(default_factory=list)
    open_questions: Lines = Field(default_factory=list)
    decisions: Annotated[list[CardDecision], Field(max_length=MAX_LINES)] = Field(default_factory=list)
    sources: dict[str, str] = Field(default_factory=dict)
    user_wrote: list[str] = Field(default_factory=list)
    user_removed: list[str] = Field(default_factory=list)
    still_open: list[str] | None = None

    @field_validator("requirements", mode="before")
    @classmethod
    def _with_ids(cls, value: Any) -> Any:
        """Words alone get the next ids."""
        return numbered(value, []) if isinstance(value, list) else value

    @field_validator("requirements", mode="after")
    @classmethod
    def _ids_differ(cls, value: list[Requirement]) -> list[Requirement]:
        ids = [r.id for r in value]
        if twice := next((i for i in ids if ids.count(i) > 1), None):
            raise ValueError(f"{twice} is there twice: every requirement has an id of its own")
        return value


def numbered(items: list[Any], known: list[Requirement]) -> list[Any]:
    """Requirements given as words or objects with their ids: those they bring, those of ``known`` words, else new ones."""
    entries = [dict(i) if isinstance(i, dict) else {"text": i} if isinstance(i, str) else i for i in items]
    taken = {e["id"] for e in entries if isinstance(e, dict) and isinstance(e.get("id"), str)}
    by_text: dict[str, str | None] = {r.text: r.id for r in known if r.id not in taken}
    numbers = [int(m[1]) for i in [*taken, *(r.id for r in known)] if (m := _REQUIREMENT_ID.fullmatch(i))]
    following = max(numbers, default=0) + 1
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("id") is not None:
            continue
        words = entry["text"].strip() if isinstance(entry.get("text"), str) else ""
        entry["id"] = by_text.pop(words, None) or f"R{following}"
        if entry["id"] == f"R{following}":
            following += 1
    return entries


#: The tool's input: any part of the card; what is given replaces what was there.
UPDATE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "A few words, no full stop."},
        "problem": {"type": "string", "description": "What is missing or wrong today, and for whom."},
        "goals": {"type": "array", "items": {"type": "string"}, "description": "What it is for, one each."},
        "requirements": {
            "type": "array",
            "description": "What must be true when it is done: one testable statement each.",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "description": "R1, R2…; leave it out for a new one."},
                    "text": {"type": "string"},
                },
                "required": ["text"],
            },
        },
        "still_open": {
            "type": "array",
            "items": {"type": "string", "enum": list(KINDS)},
            "description": "The kinds of ambiguity that are still open.",
        },
        "out_of_scope": {"type": "array", "items": {"type": "string"}},
        "open_questions": {"type": "array", "items": {"type": "string"}},
        "decisions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "question": {"type": "string"},
                    "options": {"type": "array", "items": {"type": "string"}},
                    "chosen": {"type": ["integer", "null"], "description": "Index into options; null while undecided."},
                    "reason": {"type": "string"},
                },
                "required": ["question", "options"],
            },
        },
    },
}


def stored_card(data: dict[str, Any]) -> IdeaCard:
    """The card of a session row; a new session has an empty one, and so has one whose card cannot be read."""
    try:
        return IdeaCard.model_validate(data)
    except ValidationError as error:
        _log.warning("a stored idea card cannot be read: %s", error)
        return IdeaCard()


def edit(card: IdeaCard, data: Any) -> IdeaCard:
    """The card after a user's edit: given members replace theirs. Raises InvalidInput naming each wrong field."""
    if not isinstance(data, dict):
        raise InvalidInput("The idea card must be an object.")
    given = {name: value for name, value in data.items() if name not in TRACE}
    if isinstance(given.get("requirements"), list):
        given["requirements"] = numbered(given["requirements"], card.requirements)
    try:
        return IdeaCard.model_validate(card.model_dump() | given)
    except ValidationError as error:
        fields = {".".join(str(p) for p in e["loc"]): e["msg"].removeprefix("Value error, ") for e in error.errors()}
        raise InvalidInput("The idea card is not valid.", fields) from error


def merge_update(card: IdeaCard, data: Any) -> tuple[IdeaCard, list[str]]:
    """The card after the assistant's tool call, and the members that changed.

    Sloppiness is mended, not refused: lists given as text, items given as objects, an option named
    instead of counted, a card wrapped in another object, too much of anything. What makes no sense is left out.
    """
    given = _unwrap(data)
    update: dict[str, Any] = {}
    if title := " ".join(words_read(given.get("title")).split()):
        update["title"] = title[:MAX_TITLE]
    if given.get("problem") is not None:
        update["problem"] = words_read(given["problem"])[:MAX_TEXT]
    for name in _LISTS:
        if given.get(name) is not None:
            update[name] = lines_read(given[name])
    if given.get("requirements") is not None:
        update["requirements"] = _requirements(given["requirements"], card.requirements)
    if (still_open := kinds_read(given.get("still_open"))) is not None:
        update["still_open"] = still_open
    if given.get("decisions") is not None:
        found = [_decision(d) for d in _items(given["decisions"])]
        update["decisions"] = [d for d in found if d][:MAX_LINES]
    merged = IdeaCard.model_validate(card.model_dump() | update)
    return merged, [name for name in IdeaCard.model_fields if getattr(merged, name) != getattr(card, name)]


def as_text(card: IdeaCard) -> str:
    """The card for a model to read."""
    words = card.model_dump(mode="json", exclude=set(TRACE))
    for requirement in words["requirements"]:
        requirement.pop("message_id")
    return json.dumps(words, ensure_ascii=False, indent=1)


def kinds_read(value: Any) -> list[str] | None:
    """Which of ``KINDS`` a model named; None where it sent no list."""
    if not isinstance(value, list | str):
        return None
    named = {words_read(item).lower().replace(" ", "_").replace("-", "_") for item in _items(value)}
    return [kind for kind in KINDS if kind in named]


def _unwrap(data: Any) -> dict[str, Any]:
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            return {}
    if not isinstance(data, dict):
        return {}
    if not data.keys() & IdeaCard.model_fields.keys():
        inner = next((v for v in data.values() if isinstance(v, dict)), None)
        return inner or {}
    return data


def _items(value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except ValueError:
            return [line for line in value.splitlines() if line.strip()]
        value = parsed
    return value if isinstance(value, list) else [value]


def lines_read(value: Any) -> list[str]:
    """The lines in whatever a model sent as a list: none twice, none empty."""
    lines = [_BULLET.sub("", words_read(item)).strip()[:MAX_LINE].strip() for item in _items(value)]
    return list(dict.fromkeys(line for line in lines if line))[:MAX_LINES]


def words_read(value: Any) -> str:
    """The words in whatever a model sent; nothing for what has none."""
    if isinstance(value, str):
        return "".join(c for c in value if c in "\n\t" or c.isprintable()).strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        return next((words for k in _WORDS if (words := words_read(value.get(k)))), "")
    if isinstance(value, list):
        return "\n".join(filter(None, map(words_read, value)))
    return ""


def _requirements(value: Any, known: list[Requirement]) -> list[dict[str, Any]]:
    """What the model sent as requirements: ids that are none, or are there twice, go; so does what has no words."""
    found: list[dict[str, Any]] = []
    for item in _items(value):
        text = _BULLET.sub("", words_read(item)).strip()[:MAX_LINE].strip()
        given = words_read(item.get("id")) if isinstance(item, dict) else ""
        leads = re.match(r"(R[1-9]\d{0,3})\s*[:.)–-]\s+(?=\S)", text)
        if leads:
            given, text = given or leads[1], text[leads.end() :]
        if not text or any(f["text"] == text for f in found):
            continue
        sound = bool(_REQUIREMENT_ID.fullmatch(given)) and all(f["id"] != given for f in found)
        found.append({"id": given if sound else None, "text": text})
    before = {r.id: r.message_id for r in known}
    return [e | {"message_id": before.get(e["id"])} for e in numbered(found[:MAX_REQUIREMENTS], known)]


def _decision(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        value = {"question": value}
    question = words_read(value)[:MAX_LINE].strip()
    if not question:
        return None
    options = lines_read(value.get("options") or [])[:MAX_OPTIONS]
    reason = words_read(value.get("reason") or value.get("rationale"))[:MAX_TEXT]
    return {"question": question, "options": options, "chosen": _index(value.get("chosen"), options), "reason": reason}


def _index(chosen: Any, options: list[str]) -> int | None:
    if isinstance(chosen, str):
        if chosen in options:
            return options.index(chosen)
        chosen = int(chosen) if chosen.isascii() and chosen.isdigit() else None
    if isinstance(chosen, int) and not isinstance(chosen, bool) and 0 <= chosen < len(options):
        return chosen
    return None
