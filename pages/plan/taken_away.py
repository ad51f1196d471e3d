"""What was taken out of a plan being edited: said in words, and put back on demand, whatever was typed since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """One removal. ``back`` changes the data it was taken from in place; ``key`` is the task to show then."""

    words: str
    back: Callable[[], None]
    key: str = ""
    whole: bool = False  # all changes at once: put back only while nothing else was typed


def take_task(tasks: list[Data], key: str) -> Taken:
    """Take a task away; who waited for it waits for what it waited for."""
    at, gone = next((i, t) for i, t in enumerate(tasks) if t["id"] == key)
    del tasks[at]
    parted: list[tuple[Data, list[str], list[str]]] = []  # a task, what it waited for, what it waits for now
    for task in tasks:
        if key in task["depends_on"]:
            rest = [d for d in task["depends_on"] if d != key]
            now = rest + [d for d in gone["depends_on"] if d not in rest and d != task["id"]]
            parted.append((task, task["depends_on"], now))
            task["depends_on"] = list(now)

    def back() -> None:
        tasks.insert(min(at, len(tasks)), gone)
        for task, before, after in parted:
            if task["depends_on"] == after:
                task["depends_on"] = list(before)
            elif key not in task["depends_on"]:
                task["depends_on"] = [*task["depends_on"], key]

    return Taken(_said(gone, [task["id"] for task, _before, _after in parted]), back, key)


def take_decision(decisions: list[Data], number: int) -> Taken:
    """Take a decision away."""
    gone = decisions.pop(number)
    named = f" “{gone['decision_type']}”" if gone["decision_type"].strip() else ""
    return Taken(f"Removed the decision{named}.", lambda: decisions.insert(min(number, len(decisions)), gone))


def _said(gone: Data, waited: list[str]) -> str:
    said = f"Removed {gone['id']}."
    if not waited:
        return said
    who = waited[0] if len(waited) == 1 else f"{', '.join(waited[:-1])} and {waited[-1]}"
    many = len(waited) > 1
    instead = gone["depends_on"]
    if instead:
        return f"{said} {who} now {'wait' if many else 'waits'} for {', '.join(instead)} instead."
    return f"{said} {who} no longer {'wait' if many else 'waits'} for it."
