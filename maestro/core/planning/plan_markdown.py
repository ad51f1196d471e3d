"""A plan as a Markdown file, to edit elsewhere and read back: what is written is read as just the same plan.

Headings and lists are the structure. In free text a line that would be a heading begins with a backslash; further lines of
a list's item are indented by two spaces.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from typing import Any

from maestro.core.planning.plan import Plan, PlanDecision, PlanTask
from maestro.core.planning.plan_answer import checked_plan
from maestro.errors import InvalidInput

MOST_CHARS = 2_000_000

_WHOLE = {"Assumptions": "assumptions", "Risks": "risks", "Checks": "checks"}
_LISTS = {
    "Files": "files",
    "Acceptance": "acceptance",
    "Checks": "checks",
    "Requirements": "requirements",
    "Files to imitate": "patterns",
    "Not part of this task": "scope_out",
}
_PROPERTIES = {
    "Depends on": "depends_on",
    "Priority": "priority",
    "Estimate": "estimate_minutes",
    "Asks before it starts": "requires_approval",
    "Agent": "agent",
    "Model": "model",
    "Effort": "effort",
}
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*")
_OPTION = re.compile(r"\[([ xX])\] ?(.*)", re.DOTALL)
_TASK = re.compile(r"([^\s:]+):[ \t]*(.*)")
_MINUTES = re.compile(r"(\d+(?:\.\d+)?)(?:e\+?\d+)?(?: min)?")


def to_markdown(plan: Plan) -> str:
    """The plan as a file."""
    parts = ["# Plan", *_text(2, "Summary", plan.summary)]
    for title, name in _WHOLE.items():
        parts += _list(2, title, getattr(plan, name))
    if plan.decisions:
        parts += ["## Decisions", *(part for decision in plan.decisions for part in _decision(decision))]
    parts += ["## Tasks", *(part for task in plan.tasks for part in _task(task))]
    return "\n\n".join(parts) + "\n"


def from_markdown(text: str) -> Plan:
    """The plan that a file holds. Raises InvalidInput that names lines: ``Line 12: …``."""
    if len(text) > MOST_CHARS:
        raise InvalidInput(f"The file is longer than {MOST_CHARS:,} characters.", {"markdown": "is too long"})
    reader = _Reader(text)
    data = reader.plan()
    try:
        return checked_plan(data)
    except InvalidInput as error:
        fields = {reader.place(path): why for path, why in error.fields.items()} or {"line 1": error.detail}
        raise _wrong(fields) from error


# -- writing -----------------------------------------------------------------------------------------------------------


def _task(task: PlanTask) -> Iterator[str]:
    yield f"### {task.id}: {_one_line(task.title)}"
    said = {
        "Depends on": ", ".join(task.depends_on),
        "Priority": str(task.priority),
        "Estimate": f"{_number(task.estimate_minutes)} min" if task.estimate_minutes is not None else "",
        "Asks before it starts": "yes" if task.requires_approval else "",
        "Agent": _one_line(task.agent or ""),
        "Model": _one_line(task.model or ""),
        "Effort": _one_line(task.effort or ""),
    }
    yield "\n".join(f"- {name}: {value}" for name, value in said.items() if value)
    yield from _text(4, "Description", task.description)
    for title, name in _LISTS.items():
        yield from _list(4, title, getattr(task, name))


def _decision(decision: PlanDecision) -> Iterator[str]:
    yield f"### {_one_line(decision.decision_type)}"
    options = [f"[{'x' if at == decision.chosen else ' '}] {option}" for at, option in enumerate(decision.options)]
    if options:
        yield _items(options)
    yield from _text(4, "Why", decision.rationale)


def _text(level: int, title: str, words: str) -> list[str]:
    lines = _plain(words).split("\n")
    if lines == [""]:
        return []
    last = len(lines) - 1
    escaped = [
        "\\" + line if line.startswith(("#", "\\")) or (not line.strip() and at in {0, last}) else line
        for at, line in enumerate(lines)
    ]
    return [f"{'#' * level} {title}", "\n".join(escaped)]


def _list(level: int, title: str, lines: list[str]) -> list[str]:
    return [f"{'#' * level} {title}", _items(lines)] if lines else []


def _items(lines: list[str]) -> str:
    return "\n".join("- " + _plain(line).replace("\n", "\n  ") for line in lines)


def _plain(words: str) -> str:
    return words.replace("\r\n", "\n").replace("\r", "\n")


def _one_line(words: str) -> str:
    return re.sub(r"\s*\n\s*", " ", _plain(words))


def _number(minutes: float) -> str:
    return str(int(minutes)) if minutes == int(minutes) else repr(minutes)


# -- reading -----------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads a file line by line and remembers where each part stands."""

    def __init__(self, text: str) -> None:
        self._lines = _plain(text.removeprefix("\ufeff")).split("\n")
        self._at = 0
        self._places: dict[str, int] = {"": 1}

    def plan(self) -> dict[str, Any]:
        """The whole; unchecked."""
        data: dict[str, Any] = {"tasks": []}
        self._blank()
        level, title = self._heading()
        if (level, title) != (1, "Plan"):
            raise self._failure("the file must begin with “# Plan”", -1)
        self._nothing_here()
        seen: set[str] = set()
        while self._more():
            level, title = self._heading()
            if level != 2:
                raise self._failure("a section must begin with “## ”", -1)
            self._once(title, seen)
            if title == "Summary":
                data["summary"] = self._words()
            elif title in _WHOLE:
                self._places[_WHOLE[title]] = self._at
                data[_WHOLE[title]] = self._list(_WHOLE[title])
            elif title == "Decisions":
                data["decisions"] = self._parts("decisions", self._decision)
            elif title == "Tasks":
                self._places["tasks"] = self._at
                data["tasks"] = self._parts("tasks", self._task)
            else:
                raise self._unknown("section", title, ["Summary", *_WHOLE, "Decisions", "Tasks"])
        return data

    def place(self, path: str) -> str:
        """``line 12 (tasks.0.title)`` for a path of the plan."""
        known = path
        while known not in self._places:
            known = known.rpartition(".")[0]
        return f"line {self._places[known]}" + (f" ({path})" if path not in {"", "plan"} else "")

    def _parts(self, name: str, read: Callable[[str, str], dict[str, Any]]) -> list[dict[str, Any]]:
        self._nothing_here()
        found: list[dict[str, Any]] = []
        while self._more() and self._peek()[0] == 3:
            _level, title = self._heading()
            path = f"{name}.{len(found)}"
            self._places[path] = self._at
            found.append(read(title, path))
        return found

    def _task(self, title: str, path: str) -> dict[str, Any]:
        named = _TASK.fullmatch(title)
        if named is None:
            raise self._failure("a task begins with “### id: Title”", -1)
        task: dict[str, Any] = {"id": named[1], "title": named[2]}
        for place, item in self._listed():
            self._property(task, path, place, item)
        seen: set[str] = set()
        while self._more() and self._peek()[0] >= 4:
            _level, part = self._heading()
            self._once(part, seen)
            if part == "Description":
                task["description"] = self._words()
            elif part in _LISTS:
                self._places[f"{path}.{_LISTS[part]}"] = self._at
                task[_LISTS[part]] = self._list(f"{path}.{_LISTS[part]}")
            else:
                raise self._unknown("part of a task", part, ["Description", *_LISTS])
        return task

    def _property(self, task: dict[str, Any], path: str, place: int, item: str) -> None:
        name, colon, value = item.partition(":")
        key, value = _PROPERTIES.get(name.strip()), value.strip()
        if not colon or key is None:
            raise self._unknown("property of a task", name.strip(), list(_PROPERTIES), place)
        if key in task:
            raise _wrong({f"line {place}": f"“{name.strip()}” is said twice"})
        self._places[f"{path}.{key}"] = place
        if key == "depends_on":
            task[key] = [part.strip() for part in value.split(",") if part.strip()]
        elif key == "requires_approval":
            if value.lower() not in {"yes", "no"}:
                raise _wrong({f"line {place}": "must be yes or no"})
            task[key] = value.lower() == "yes"
        elif key == "estimate_minutes" and value.endswith(" min"):
            task[key] = value.removesuffix(" min").strip()
        else:
            task[key] = value

    def _decision(self, title: str, path: str) -> dict[str, Any]:
        decision: dict[str, Any] = {"decision_type": title, "options": [], "chosen": 0}
        chosen = []
        for place, item in self._listed():
            option = _OPTION.fullmatch(item)
            if option is None:
                raise _wrong({f"line {place}": "an option is written “- [ ] words”, the chosen one “- [x] words”"})
            if option[1] != " ":
                chosen.append((place, len(decision["options"])))
            decision["options"].append(option[2])
        if len(chosen) > 1:
            raise _wrong({f"line {chosen[1][0]}": "only one option can be chosen"})
        if chosen:
            decision["chosen"] = chosen[0][1]
        elif decision["options"]:
            raise _wrong({f"line {self._places[path]}": "mark the chosen option with [x]"})
        if self._more() and self._peek()[0] == 4:
            _level, part = self._heading()
            if part != "Why":
                raise self._unknown("part of a decision", part, ["Why"])
            decision["rationale"] = self._words()
        return decision

    # -- lines ---------------------------------------------------------------------------------------------------------

    def _more(self) -> bool:
        self._blank()
        return self._at < len(self._lines)

    def _blank(self) -> None:
        while self._at < len(self._lines) and not self._lines[self._at].strip():
            self._at += 1

    def _peek(self) -> tuple[int, str]:
        found = _HEADING.fullmatch(self._lines[self._at]) if self._at < len(self._lines) else None
        return (len(found[1]), found[2]) if found else (0, "")

    def _heading(self) -> tuple[int, str]:
        level, title = self._peek()
        if not level:
            raise self._failure("a heading belongs here")
        self._at += 1
        return level, title

    def _words(self) -> str:
        """Free text up to the next heading."""
        lines = []
        while self._at < len(self._lines) and not self._lines[self._at].startswith("#"):
            lines.append(self._lines[self._at])
            self._at += 1
        while lines and not lines[-1].strip():
            lines.pop()
        while lines and not lines[0].strip():
            lines.pop(0)
        return "\n".join(line.removeprefix("\\") for line in lines)

    def _list(self, path: str) -> list[str]:
        found = list(self._listed())
        self._places |= {f"{path}.{at}": place for at, (place, _item) in enumerate(found)}
        return [item for _place, item in found]

    def _listed(self) -> Iterator[tuple[int, str]]:
        """The items of a list with the number of the line on which each begins."""
        self._blank()
        while self._at < len(self._lines) and not self._lines[self._at].startswith("#"):
            line = self._lines[self._at]
            if not line.startswith("- ") and line != "-":
                raise self._failure(
                    "an entry of a list begins with “- ”; further lines of one are indented by two spaces"
                )
            place = self._at + 1
            item = [line[2:]]
            self._at += 1
            while (blank := self._blanks_before_indented()) is not None:
                item += [""] * blank + [self._lines[self._at + blank][2:]]
                self._at += blank + 1
            yield place, "\n".join(item)
            self._blank()

    def _blanks_before_indented(self) -> int | None:
        """How many empty lines stand before one that goes on with the item; None where none does."""
        at = self._at
        while at < len(self._lines) and not self._lines[at].strip():
            if self._lines[at].startswith("  "):
                return at - self._at
            at += 1
        return at - self._at if at < len(self._lines) and self._lines[at].startswith("  ") else None

    def _nothing_here(self) -> None:
        self._blank()
        if self._at < len(self._lines) and not self._lines[self._at].startswith("#"):
            raise self._failure("a heading belongs here")

    def _once(self, title: str, seen: set[str]) -> None:
        if title in seen:
            raise self._failure(f"“{title}” is there twice", -1)
        seen.add(title)

    def _unknown(self, what: str, name: str, known: list[str], place: int | None = None) -> InvalidInput:
        near = difflib.get_close_matches(name.title(), known, 1, 0.6)
        hint = f"“{near[0]}” is meant" if near else f"there are {', '.join(known)}"
        return _wrong({f"line {place or self._at}": f"there is no {what} “{name}”; {hint}"})

    def _failure(self, why: str, ahead: int = 0) -> InvalidInput:
        return _wrong({f"line {min(self._at + 1 + ahead, len(self._lines))}": why})


def _wrong(fields: dict[str, str]) -> InvalidInput:
    words = "; ".join(f"{where[:1].upper()}{where[1:]}: {why}" for where, why in fields.items())
    return InvalidInput(f"The file is not a plan. {words}", fields)
