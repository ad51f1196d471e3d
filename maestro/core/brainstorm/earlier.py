"""What was decided in earlier sessions of a repository, and how it turned out: told to the brainstorm and the planner."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.kernel.text import clip
from maestro.db import models

#: How a risk begins that tells of it.
AGAINST = "Goes against an earlier decision:"
_MOST = 30
_MOST_COMPARED = 1000
_LINE_CHARS = 400


def earlier_decisions(db: DbSession, session: models.Session) -> str:
    """A section for the assistant, or nothing where there is none. The newest first; only of sessions that have ended."""
    lines = [_line(decision, title) for decision, title in _found(db, session, _MOST)]
    if not lines:
        return ""
    listed = "\n".join(f"- {line}" for line in lines if line)
    return (
        "## Earlier decisions in this repository, and how they turned out\n"
        f"{listed}\n"
        "They are a record, not orders. Where what you propose goes against one of them, say so to the user, with the reason; "
        f"in a plan, as a risk that begins with “{AGAINST}”. Do not repeat what failed without a reason."
    )


def against(db: DbSession, session: models.Session, chosen: Sequence[tuple[str, Sequence[str], int]]) -> list[str]:
    """Which of these choices (kind or question, options, the chosen one) go against an earlier decision, in words.

    They do where the same was asked, what was chosen then was an option again, and another was taken.
    """
    known: dict[tuple[str, str], tuple[models.Decision, str]] = {}
    for decision, title in reversed(_found(db, session, _MOST_COMPARED)):
        picked = _picked(decision)
        for about in (_same(decision.context), _same(decision.decision_type)) if picked else ():
            for option in decision.options:  # a later choice stands in the place of an earlier one
                known.pop((about, _same(str(option))), None)
            known[about, _same(picked)] = (decision, title)
    said = []
    for about, options, index in chosen:
        for option in options:
            found = known.get((_same(about), _same(option)))
            if found and about and 0 <= index < len(options) and _same(options[index]) != _same(option):
                decision, title = found
                said.append(
                    f"{AGAINST} “{options[index]}” instead of “{option}” for “{about}”, "
                    f"which was decided in “{title}” (outcome: {decision.outcome})."
                )
    return list(dict.fromkeys(said))


def _found(db: DbSession, session: models.Session, most: int) -> Sequence[tuple[models.Decision, str]]:
    """Decisions of ended sessions of the same repository with their sessions' titles, the newest first."""
    query = (
        select(models.Decision, models.Session.title)
        .join(models.Session)
        .where(
            models.Session.repo_path == session.repo_path,
            models.Session.id != session.id,
            col(models.Decision.outcome).is_not(None),
            col(models.Decision.chosen).is_not(None),
        )
    )
    return db.exec(query.order_by(col(models.Decision.created_at).desc()).limit(most)).all()


def _picked(decision: models.Decision) -> str:
    chosen = decision.chosen
    return str(decision.options[chosen]) if chosen is not None and 0 <= chosen < len(decision.options) else ""


def _same(words: str) -> str:
    return " ".join(words.casefold().split())


def _line(decision: models.Decision, title: str) -> str:
    chosen = decision.chosen
    if chosen is None or not 0 <= chosen < len(decision.options):
        return ""
    about = decision.context or decision.decision_type
    others = ", ".join(str(o) for n, o in enumerate(decision.options) if n != chosen)
    parts = [
        f"{about}: {decision.options[chosen]}",
        f"(instead of {others})" if others else "",
        f"because {decision.rationale}" if decision.rationale else "",
        f"— {decision.outcome}" + (f": {decision.outcome_reason}" if decision.outcome_reason else ""),
        f"[{title}]",
    ]
    return clip(" ".join(" ".join(part.split()) for part in parts if part), _LINE_CHARS).replace("\n", " ")
