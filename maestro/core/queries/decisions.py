"""Choices that were made, and what they can be searched by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel
from sqlmodel import col, select

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import DecisionView, readable
from maestro.db import models

#: How a search names decisions whose work is not over: they have no outcome yet.
OPEN = "open"


class DecisionCounts(BaseModel):
    """How many decisions there are, by what a search can name; most first."""

    repositories: dict[str, int] = {}  # by path
    kinds: dict[str, int] = {}  # in lower case
    outcomes: dict[str, int] = {}  # success, partial, failure, unknown, open
    sources: dict[str, int] = {}  # brainstorm, plan, worker


def list_decisions(
    rt: Runtime,
    session_id: str | None = None,
    *,
    limit: int = 200,
    repo: str | None = None,
    kind: str | None = None,
    outcome: str | None = None,
    source: str | None = None,
    q: str | None = None,
) -> list[DecisionView]:
    """Choices made in a session, or in all, newest first. ``outcome`` may be ``open``; all words of ``q`` must be there."""
    with rt.db.read() as db:
        query = select(models.Decision, models.Session.title, models.Session.repo_path).join(models.Session)
        if session_id is not None:
            lookup.session_row(db, session_id)
            query = query.where(models.Decision.session_id == session_id)
        if repo:
            query = query.where(models.Session.repo_path == repo)
        if source:
            query = query.where(models.Decision.source == source)
        if outcome:
            query = query.where(col(models.Decision.outcome).is_(None if outcome == OPEN else outcome))
        rows = db.exec(query.order_by(col(models.Decision.created_at).desc()))
        words, found = (q or "").lower().split(), list[DecisionView]()
        for decision, title, path in rows:
            more = {"session_title": title, "repo_path": path}
            view = readable(DecisionView, decision.model_dump(warnings=False) | more)
            if (kind and view.decision_type.strip().lower() != kind.strip().lower()) or not _has(view, words):
                continue
            found.append(view)
            if len(found) >= limit:
                break
        return found


def count_decisions(rt: Runtime) -> DecisionCounts:
    """What the decisions of all sessions can be searched by."""
    with rt.db.read() as db:
        of = models.Decision
        rows = db.exec(
            select(models.Session.repo_path, of.decision_type, of.outcome, of.source).join(models.Session)
        ).all()
    return DecisionCounts(
        repositories=_counted(path for path, _kind, _outcome, _source in rows),
        kinds=_counted(kind.strip().lower() for _path, kind, _outcome, _source in rows),
        outcomes=_counted(outcome or OPEN for _path, _kind, outcome, _source in rows),
        sources=_counted(source for _path, _kind, _outcome, source in rows),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _has(view: DecisionView, words: list[str]) -> bool:
    if not words:
        return True
    parts = (
        view.decision_type,
        view.context,
        view.rationale,
        view.outcome_reason or "",
        view.session_title,
        *view.options,
    )
    text = " ".join(parts).lower()
    return all(word in text for word in words)
