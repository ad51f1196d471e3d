"""A session that goes on from a finished one: its card, its decisions, its environment, its result."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from maestro.core.brainstorm.idea_card import IdeaCard, stored_card
from maestro.core.commands.reviews import waiting_comments
from maestro.core.commands.sessions import Carried, NewSession, create_session
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import FINAL, allowed_events
from maestro.core.tasks.review_prompts import place_of
from maestro.core.views import SessionView
from maestro.db import models
from maestro.db.after import ReviewComment
from maestro.db.types import utcnow
from maestro.errors import Conflict, GitError, NotAllowed
from maestro.worktrees import refs


class FollowUpSession(BaseModel):
    """What ``POST /sessions/{id}/follow-up-session`` takes."""

    model_config = ConfigDict(extra="forbid")

    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100_000, pattern=r"^[^\x00]*$")] = (
        ""
    )
    begin_from: Literal["auto", "result", "target"] = "auto"  # auto: the target once it is merged, else its result


def create_follow_up(rt: Runtime, session_id: str, new: FollowUpSession) -> SessionView:
    """Create a session (IDLE) that follows a finished one. Comments that were not sent go along.

    Raises NotAllowed before that one is over, Conflict where its result is gone, InvalidInput as ``create_session``.
    """
    with rt.db.read() as db:
        old = lookup.session_row(db, session_id)
        comments = waiting_comments(db, session_id)
    if old.status not in FINAL:
        words = "Only a finished session can be followed by another. This one is still at work."
        raise NotAllowed(words, state=old.status, allowed=allowed_events(old.status))
    repo = lookup.repository(old)
    from_result = new.begin_from == "result" or (new.begin_from == "auto" and not old.merge_json)
    from_result = from_result and old.session_commit is not None
    target = str((old.merge_json or {}).get("target") or old.base_branch or "") or None
    if target is not None and refs.ref_commit(repo, refs.branch_ref(target)) is None:
        target = None
    card = stored_card(old.idea_card)
    kept = IdeaCard(title=card.title, problem=card.problem, out_of_scope=card.out_of_scope, decisions=card.decisions)
    carried = Carried(old.id, kept.model_dump(mode="json"), _there(old) if from_result else None)
    title = f"Follow-up: {old.title}"[:255]
    config = {name: value for name, value in old.agent_config.items() if name != "away"}
    made = create_session(
        rt,
        NewSession(
            title=title,
            description=_description(
                old, [*card.goals, *(r.text for r in card.requirements)], comments, new.description
            ),
            repo_path=old.repo_path,
            base_branch=target,
            agent_type=old.agent_type,
            agent_config=config,
        ),
        demo=old.demo,
        carried=carried,
    )
    with rt.db.write() as tx:
        for comment in comments:
            row = tx.db.get(ReviewComment, comment.id)
            if row is not None and row.sent_at is None:
                row.sent_at = utcnow()
                tx.db.add(row)
        tx.log(old.id, f"The session “{title}” follows this one.", source="you")
        tx.emit("comments_changed", old.id, waiting=0)
    return made


def _there(session: models.Session) -> str:
    repo, commit = lookup.repository(session), str(session.session_commit)
    try:
        return refs.commit_of(repo, commit)
    except GitError as error:
        words = f"The session's result {commit[:12]} is no longer in the repository. Begin from the target instead."
        raise Conflict(words) from error


def _description(session: models.Session, goals: list[str], comments: list[ReviewComment], words: str) -> str:
    done = "\n".join(f"- {goal}" for goal in goals)
    said = "\n".join(f"- {place_of(comment)}: {comment.body}" for comment in comments)
    parts = [
        words,
        f"Comments on the finished work:\n{said}" if said else "",
        f"This continues the session “{session.title}”, whose work is done and part of the code here."
        + (f" It was to reach:\n{done}" if done else ""),
    ]
    return "\n\n".join(part for part in parts if part)
