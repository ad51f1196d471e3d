"""Words that older versions stored with secrets in them are cleaned once, behind the scenes, a few rows at a time.

What is written today is clean when it is written. How far the cleaning got is kept, so that a stop loses nothing of it; a
change of the rules (``_RULES``) begins anew. What runs or is compared keeps its bytes here as there.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Column, Table, select, update
from sqlmodel import SQLModel

from maestro import secrets
from maestro.core.approvals.asking import without_secrets
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.db.keeping import Fact
from maestro.db.types import TextsOfJson, Words, utcnow

#: Of what ``maestro.secrets`` takes out: one more where it learns a form or a shape.
_RULES = 2
_FACT = "words_cleaned"
#: Rows that are read and written at once.
_AT_ONCE = 200
#: Seconds between two such portions: everybody else's writes come first.
_PAUSE_S = 0.02

_log = logging.getLogger(__name__)


def clean(rt: Runtime) -> None:
    """Clean what has not been cleaned yet by today's rules. Ends early when the app stops."""
    done, changed = _progress(rt), 0
    for table in _tables():
        while (at := done.get(table.name)) != "end":
            if rt.jobs.stopping.wait(_PAUSE_S):
                return
            last, count = _portion(rt, table, at)
            changed += count
            done[table.name] = "end" if last is None else last
            if count:
                done["changed"] = True
            _store(rt, done)
    if done.pop("changed", False):  # perhaps before a stop
        _store(rt, done)
        try:
            rt.db.compact()  # older versions left copies between the rows
        except sqlite3.OperationalError as error:
            _log.warning("the database could not be written anew after it was cleaned: %s", error)
        _log.info("secrets that an older version had stored were taken out of %d rows", changed)


def _tables() -> Iterable[Table]:
    return (table for table in SQLModel.metadata.sorted_tables if _columns(table))


def _columns(table: Table) -> list[Column[Any]]:
    """Columns of words: those that clean themselves, and those that their writers clean."""
    by_writer = {
        models.EventRow.__tablename__: {"payload"},
        models.AgentLog.__tablename__: {"message", "metadata"},
        models.Approval.__tablename__: {"title", "detail"},
    }.get(table.name, set())
    return [c for c in table.columns if isinstance(c.type, Words | TextsOfJson) or c.name in by_writer]


def _portion(rt: Runtime, table: Table, after: Any) -> tuple[Any, int]:
    """Clean the next rows of a table; the key of the last one, None behind the end, and how many were changed."""
    (key,) = table.primary_key.columns
    names = {
        column.name: column
        for column in [*_columns(table), *(c for c in table.columns if c.name in ("kind", "status"))]
    }
    query = (
        select(key.label("_key"), *(column.label(name) for name, column in names.items())).order_by(key).limit(_AT_ONCE)
    )
    if after is not None:
        query = query.where(key > after)
    with rt.db.read() as db:
        rows = [dict(row) for row in db.execute(query).mappings().all()]
    wanted = {row["_key"]: found for row in rows if (found := _cleaned(table, row))}
    if wanted:
        rt.db.erase(*(update(table).where(key == k).values(values) for k, values in wanted.items()))
    return (rows[-1]["_key"] if len(rows) == _AT_ONCE else None), len(wanted)


def _cleaned(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row that hold a secret, as they should be."""
    if table.name == models.Approval.__tablename__:
        return _of_question(row)
    payload = row.get("payload")
    runs = row.get("kind") == "tool" or (isinstance(payload, dict) and payload.get("kind") == "tool")
    change: Callable[[str], str] = secrets.clean_command if runs else secrets.clean
    before = {column.name: row[column.name] for column in _columns(table)}
    after = {name: secrets.everywhere(value, change) for name, value in before.items()}
    return {name: value for name, value in after.items() if value != before[name]}


def _of_question(row: Mapping[str, Any]) -> dict[str, Any]:
    """An open question is left as it is: its answer is compared with it."""
    if row["status"] == "pending" or not isinstance(row["detail"], dict):
        return {}
    title, detail = without_secrets(row["kind"], row["title"], row["detail"])
    message = secrets.everywhere(row["message"])
    after = {"title": title, "detail": detail, "message": message}
    return {name: value for name, value in after.items() if value != row[name]}


def _progress(rt: Runtime) -> dict[str, Any]:
    with rt.db.read() as db:
        fact = db.get(Fact, _FACT)
    kept = fact.value if fact is not None and isinstance(fact.value, dict) else {}
    return dict(kept.get("tables") or {}) if kept.get("rules") == _RULES else {}


def _store(rt: Runtime, tables: dict[str, Any]) -> None:
    with rt.db.write() as tx:
        row = tx.db.get(Fact, _FACT) or Fact(name=_FACT)
        row.value, row.updated_at = {"rules": _RULES, "tables": dict(tables)}, utcnow()
        tx.db.add(row)
