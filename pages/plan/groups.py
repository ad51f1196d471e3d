"""Tasks of a plan merged, split, duplicated, moved and linked.

All functions change the list in place, or raise InvalidInput and change nothing.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from maestro.errors import InvalidInput

Data = dict[str, Any]

_MOST_TITLE = 255
_MOST_KEY = 40
_LISTS = ("files", "acceptance", "checks", "scope_out", "patterns", "requirements")


def waits_for(tasks: Sequence[Data], key: str) -> set[str]:
    """All that a task waits for, directly or through others."""
    needs = {t["id"]: t["depends_on"] for t in tasks}
    found: set[str] = set()
    open_ = list(needs.get(key, ()))
    while open_:
        one = open_.pop()
        if one not in found:
            found.add(one)
            open_ += needs.get(one, ())
    return found


def in_order(tasks: Sequence[Data], keys: Iterable[str]) -> list[str]:
    """Those of the keys that are tasks, in the plan's order."""
    wanted = set(keys)
    return [t["id"] for t in tasks if t["id"] in wanted]


def link(tasks: list[Data], source: str, target: str) -> None:
    """``target`` waits for ``source`` from now on."""
    task = _task(tasks, target)
    if source == target or source in task["depends_on"]:
        return
    if target in waits_for(tasks, source):
        raise InvalidInput(f"{source} already waits for {target}, so {target} can't wait for {source}.")
    task["depends_on"] = [*task["depends_on"], source]


def unlink(tasks: list[Data], source: str, target: str) -> None:
    """``target`` no longer waits for ``source``."""
    task = _task(tasks, target)
    task["depends_on"] = [d for d in task["depends_on"] if d != source]


def chain(tasks: list[Data], keys: Iterable[str]) -> None:
    """The tasks run one after another, in plan order."""
    tried = copy.deepcopy(tasks)
    ordered = in_order(tasks, keys)
    for before, after in itertools.pairwise(ordered):
        link(tried, before, after)
    _take_needs(tasks, tried)


def unchain(tasks: list[Data], keys: Iterable[str]) -> None:
    """The tasks no longer wait for one another."""
    chosen = set(keys)
    for task in tasks:
        if task["id"] in chosen and chosen & set(task["depends_on"]):
            task["depends_on"] = [d for d in task["depends_on"] if d not in chosen]


def move(tasks: list[Data], keys: Iterable[str], step: int) -> None:
    """The tasks go up (-1) or down (1) by one place, together."""
    chosen = set(keys)
    places = [at for at, task in enumerate(tasks) if task["id"] in chosen]
    for at in places if step < 0 else reversed(places):
        to = at + step
        if 0 <= to < len(tasks) and tasks[to]["id"] not in chosen:
            tasks[at], tasks[to] = tasks[to], tasks[at]


def place(tasks: list[Data], keys: Iterable[str], before: str | None) -> None:
    """The tasks stand before another one (None: at the end), in their order."""
    chosen = set(keys)
    if before in chosen:
        rest = [t["id"] for t in tasks]
        before = next((k for k in rest[rest.index(before) :] if k not in chosen), None)
    moved = [t for t in tasks if t["id"] in chosen]
    others = [t for t in tasks if t["id"] not in chosen]
    at = next((n for n, t in enumerate(others) if t["id"] == before), len(others))
    tasks[:] = [*others[:at], *moved, *others[at:]]


def duplicate(tasks: list[Data], keys: Iterable[str]) -> list[str]:
    """Copies behind the last of the tasks; among themselves they wait as the originals do. Their keys."""
    ordered = in_order(tasks, keys)
    names: dict[str, str] = {}
    for key in ordered:
        names[key] = free_key([*tasks, *({"id": n} for n in names.values())], key)
    copies = []
    for key in ordered:
        made = copy.deepcopy(_task(tasks, key))
        made["id"] = names[key]
        made["title"] = _cut(f"{made['title']} (copy)") if made["title"].strip() else made["title"]
        made["depends_on"] = [names.get(d, d) for d in made["depends_on"]]
        copies.append(made)
    end = max((at for at, t in enumerate(tasks) if t["id"] in names), default=len(tasks) - 1) + 1
    tasks[end:end] = copies
    return list(names.values())


def merge(tasks: list[Data], keys: Iterable[str]) -> str:
    """One task of several: the first one, with the words, files and checks of all; its key.

    Raises InvalidInput where a task that is not among them runs between two of them.
    """
    ordered = in_order(tasks, keys)
    if len(ordered) < 2:
        raise InvalidInput("Select at least two tasks to merge.")
    chosen = set(ordered)
    needed = {d for key in ordered for d in waits_for(tasks, key)} - chosen
    between = [key for key in in_order(tasks, needed) if waits_for(tasks, key) & chosen]
    if between:
        many = len(between) > 1
        raise InvalidInput(
            f"{' and '.join(between)} {'run' if many else 'runs'} between these tasks. "
            f"Select {'them' if many else 'it'} too, or change what waits for what."
        )
    parts = [_task(tasks, key) for key in ordered]
    first = parts[0]
    first |= _merged(parts, chosen)
    tasks[:] = [t for t in tasks if t is first or t["id"] not in chosen]
    for task in tasks:
        if task is not first and chosen & set(task["depends_on"]):
            task["depends_on"] = _each_once(first["id"] if d in chosen else d for d in task["depends_on"])
    return ordered[0]


def _merged(parts: Sequence[Data], chosen: set[str]) -> Data:
    estimates = [p["estimate_minutes"] for p in parts if p["estimate_minutes"] is not None]
    made: Data = {
        "title": _cut(" + ".join(p["title"].strip() for p in parts if p["title"].strip())),
        "description": "\n\n".join(_each_once(p["description"].strip() for p in parts if p["description"].strip())),
        "depends_on": _each_once(d for p in parts for d in p["depends_on"] if d not in chosen),
        "priority": min((p["priority"] for p in parts if p["priority"] is not None), default=2),
        "estimate_minutes": sum(estimates) if estimates else None,
        "requires_approval": any(p["requires_approval"] for p in parts),
    }
    for name in _LISTS:
        if lines := _each_once(line for p in parts for line in p.get(name, ())):
            made[name] = lines
    return made


def split(tasks: list[Data], key: str, *, title: str, moved: dict[str, list[str]], beside: bool = False) -> str:
    """Two tasks of one; ``moved`` are the lines (by member: acceptance, checks, files) that go to the second. Its key.

    The second waits for the first, and what waited for the task waits for the second; ``beside``: both wait for what
    the task waited for, and what waited for it waits for both.
    """
    task = _task(tasks, key)
    made = copy.deepcopy(task)
    made["id"] = free_key(tasks, key)
    made["title"] = _cut(title.strip() or f"{task['title']} (part 2)")
    for name, lines in moved.items():
        made[name] = [line for line in task[name] if line in lines]
        task[name] = [line for line in task[name] if line not in lines]
    if task["estimate_minutes"] is not None:
        made["estimate_minutes"] = task["estimate_minutes"] = round(task["estimate_minutes"] / 2, 1)
    for other in tasks:
        if key in other["depends_on"]:
            both = [key, made["id"]] if beside else [made["id"]]
            other["depends_on"] = _each_once(n for d in other["depends_on"] for n in (both if d == key else [d]))
    if not beside:
        made["depends_on"] = [key]
    tasks.insert(tasks.index(task) + 1, made)
    return str(made["id"])


def free_key(tasks: Iterable[Data], key: str) -> str:
    """A key like this one that no task has: ``writer-2``."""
    taken = {t["id"].lower() for t in tasks}
    stem, _, number = key.rpartition("-")
    begin, first = (stem, int(number) + 1) if stem and number.isdecimal() and len(number) < 4 else (key, 2)
    names = (f"{begin[: _MOST_KEY - 1 - len(str(n))]}-{n}" for n in range(first, first + len(taken) + 2))
    return next(name for name in names if name.lower() not in taken)


def _task(tasks: Sequence[Data], key: str) -> Data:
    found = next((t for t in tasks if t["id"] == key), None)
    if found is None:
        raise InvalidInput(f"There is no task {key} in this plan; it was removed.")
    return found


def _take_needs(tasks: list[Data], tried: Sequence[Data]) -> None:
    for task, changed in zip(tasks, tried, strict=True):
        if task["depends_on"] != changed["depends_on"]:
            task["depends_on"] = changed["depends_on"]


def _each_once(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _cut(title: str) -> str:
    return title if len(title) <= _MOST_TITLE else title[: _MOST_TITLE - 1].rstrip() + "…"
