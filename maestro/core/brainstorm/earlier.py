"""What was decided in earlier sessions of a repository, and how it turned out: told to the brainstorm and the planner."""

from __future__ import annotations

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.kernel.text import clip
from maestro.db import models

_MOST = 30
_LINE_CHARS = 400


def earlier_decisions(db: DbSession, session: models.Session) -> str:
    """A section for the assistant, or nothing where there is none. The newest first; only of sessions that have ended."""
    query = (
        select(models.Decision, models.Session.title)
        .join(models.Session)
        .where(
            models.Session.repo_path == session.repo_path,
            models.Session.id != session.id,
            col(models.Decision.outcome).is_not(None),
            col(models.Decision.chosen).is_not(None),
        )
        .order_by(col(models.Decision.created_at).desc())
        .limit(_MOST)
    )
    lines = [_line(decision, title) for decision, title in db.exec(query).all()]
    if not lines:
        return ""
    listed = "\n".join(f"- {line}" for line in lines if line)
    return (
        "## Earlier decisions in this repository, and how they turned out\n"
        f"{listed}\n"
        "They are a record, not orders. Where what you propose goes against one of them, say so to the user, with the reason; "
        "in a plan, as a risk that begins with “Goes against an earlier decision:”. Do not repeat what failed without a reason."
    )


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
