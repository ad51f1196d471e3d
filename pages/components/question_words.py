"""What each kind of question is called and what its answers mean: one entry a kind, the rest of the pages reads it here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from maestro.core.views import ApprovalView


@dataclass(frozen=True, slots=True)
class Words:
    """How a question is asked. ``*_means`` says on hover what follows from an answer, ``*_said`` what followed."""

    icon: str = "hand"
    name: str = ""  # of the kind, where the title does not say it
    allow: str = "Allow"
    allow_means: str = "It goes ahead."
    allow_said: str = "Allowed."
    deny: str = "Deny"
    deny_means: str = "The agent is told no, with your words, and finds another way."
    deny_said: str = "Denied."
    hint: str = "A word with the answer (optional)"
    long: bool = False  # the word with the answer may be of several lines
    stops_work: bool = False  # the deny button ends something: it is drawn as danger
    ends_session: bool = False  # denying ends the whole session: it is asked first


_KINDS = {
    "tool": Words(stops_work=True),
    "task_start": Words(
        icon="play",
        allow="Start it",
        allow_means="A worker takes it up.",
        allow_said="The task starts.",
        deny="Skip it",
        deny_means="The session goes on without this task.",
        deny_said="Skipped.",
        hint="",
    ),
    "task_failed": Words(
        icon="circle-x",
        allow="Try again",
        allow_means="The agent goes on in its conversation, with your hint and fresh attempts.",
        allow_said="Trying again.",
        deny="Fail the session",
        deny_means="The session ends as failed. Its work is kept, and Retry can take it up again.",
        deny_said="The session is failed. Retry takes it up again.",
        hint="A hint for the next attempt (optional)",
        stops_work=True,
        ends_session=True,
    ),
    "nothing_changed": Words(
        icon="circle-check",
        name="Nothing was changed",
        allow="It is done",
        allow_means="The task counts as done without a change.",
        allow_said="Accepted as done.",
        deny="Send it back",
        deny_means="The agent goes on in its conversation with your words. No attempt is used up.",
        deny_said="Sent back to the agent.",
        hint="A word to the agent (optional)",
    ),
    "agent_question": Words(
        icon="circle-help",
        name="A question of the agent",
        allow="Send the answer",
        allow_means="The agent goes on in its conversation with your answer. No attempt is used up.",
        allow_said="The agent goes on with your answer.",
        deny="Leave it to the agent",
        deny_means="The agent chooses itself, records the choice, and goes on.",
        deny_said="Left to the agent.",
        hint="Your answer",
        long=True,
    ),
    "tests_missing": Words(
        icon="flask-conical",
        allow="It is meant",
        allow_means="The check counts without these tests for the rest of the session.",
        allow_said="Accepted. The check counts without them.",
        deny="Send it back",
        deny_means="The agent is to see that these tests run.",
        deny_said="Sent back to the agent.",
        hint="A word to the agent (optional)",
    ),
    "check_changed": Words(
        icon="file-diff",
        allow="The change is right",
        allow_means="The task lands with this change.",
        allow_said="Accepted.",
        deny="Send it back",
        deny_means="The agent puts these files back and passes the check as it was.",
        deny_said="Sent back to the agent.",
        hint="A word to the agent (optional)",
    ),
    "outside_files": Words(
        icon="folder",
        allow="That is fine",
        allow_means="The task lands with these changes.",
        allow_said="Accepted.",
        deny="Send it back",
        deny_means="The agent puts these files back and solves the task without them.",
        deny_said="Sent back to the agent.",
        hint="A word to the agent (optional)",
    ),
    "infrastructure": Words(
        icon="wrench",
        name="Not the agent’s fault",
        allow="Try again",
        allow_means="I have looked at it: the check runs again.",
        allow_said="It is tried again.",
        deny="Count it as the agent’s failure",
        deny_means="The task goes back to the agent and uses up an attempt.",
        deny_said="Counted as the agent’s failure.",
    ),
    "escape": Words(
        icon="shield-alert",
        name="Outside the worktree",
        allow="Go on",
        allow_means="It was you, or you have put it right: the session goes on.",
        allow_said="Going on.",
        deny="Stay paused",
        deny_means="The session stays paused until you resume it.",
        deny_said="It stays paused.",
        hint="",
    ),
    "budget": Words(
        icon="coins",
        allow="Raise and go on",
        allow_means="The budget is raised by this much and the work goes on.",
        allow_said="Raised. The work goes on.",
        deny="Stay stopped",
        deny_means="The session stays paused.",
        deny_said="It stays stopped.",
        hint="",
    ),
    "stuck": Words(
        icon="hourglass",
        allow="Interrupt and go on",
        allow_means="Its run ends; it goes on in the same conversation with a summary and your words.",
        allow_said="It is interrupted and goes on.",
        deny="Leave it alone",
        deny_means="It goes on, and nobody disturbs it for the rest of this run.",
        deny_said="It is left alone.",
        hint="A word to the agent (optional)",
    ),
}  # fmt: skip
_SETUP_DENY: dict[str, Any] = {
    "deny": "Give up on the task",
    "deny_means": "The task fails; you are asked what then.",
    "deny_said": "Given up.",
    "stops_work": True,
}
_GO_ON: dict[str, Any] = {
    "allow": "Go on: it was so before",
    "allow_means": "As long as it fails with just this output, it counts as passed.",
    "allow_said": "Going on with it as it was before.",
}
_FRESH: dict[str, Any] = {
    "name": "The conversation is refused",
    "allow": "Begin afresh",
    "allow_means": "A fresh conversation, which is told what was done so far and your hint.",
    "allow_said": "Trying again in a fresh conversation.",
}
_UNPROVEN: dict[str, Any] = {
    "name": "Nothing was proven",
    "allow_means": "The set-up runs once more in the worktree, then the check.",
}
_OTHER_CODE: dict[str, Any] = {
    "name": "The checks test other code",
    "allow": "Look again",
    "allow_means": "You have changed the set-up or the checks: it is looked at again before anything is measured.",
    "allow_said": "Looking again.",
    "deny": "Go on as it is",
    "deny_means": "It is meant so: the checks run as they are, and you are not asked about this again.",
    "deny_said": "Going on as it is.",
}
_OUTSIDE: dict[str, dict[str, Any]] = {
    "links": {
        "allow": "Commit the links",
        "allow_means": "The task lands with them. They lead nowhere in other checkouts.",
    },
    "copies": {
        "icon": "shield-alert",
        "name": "May hold secrets",
        "allow": "Commit them",
        "allow_means": "The task lands with these files in its commits, and they go wherever you push.",
        "deny_means": "The agent takes them out of every commit.",
    },
}
_RUN_DENY = _SETUP_DENY | {"deny": "Stop the task"}


def words_of(approval: ApprovalView) -> Words:
    """The words of a question; a kind nobody has named yet is asked as allow or deny."""
    words, detail = _KINDS.get(approval.kind, Words()), approval.detail
    if is_set_up(approval):
        return replace(words, name="Set-up failed", allow_means="You have mended it: it is tried again.", **_SETUP_DENY)
    if approval.kind == "budget" and not detail.get("paused"):
        return replace(words, **_RUN_DENY)
    if approval.kind == "infrastructure" and detail.get("what") == "as before":
        return replace(words, **_GO_ON)
    if approval.kind == "task_failed" and detail.get("failure") == "conversation":
        return replace(words, **_FRESH)
    if approval.kind == "infrastructure" and detail.get("what") == "other code":
        return replace(words, **_OTHER_CODE)
    if offers_set_up(approval):
        return replace(words, **_UNPROVEN)
    if approval.kind == "outside_files":
        return replace(words, **_OUTSIDE.get(str(detail.get("what")), {}))
    if approval.kind == "task_failed" and detail.get("failure") == "auth":
        return replace(words, icon="key-round", name="The key was refused", allow_means="Signed in: the key is tried.")
    return words


def is_set_up(approval: ApprovalView) -> bool:
    """Whether it asks what to do about a set-up command that failed."""
    return approval.kind == "infrastructure" and approval.detail.get("what") == "set-up"


def offers_set_up(approval: ApprovalView) -> bool:
    """Whether another set-up of the worktrees is a way on."""
    return is_set_up(approval) or (
        approval.kind == "infrastructure" and approval.detail.get("what") in ("nothing proven", "other code")
    )


def title_of(approval: ApprovalView) -> str:
    """The title, without what stands below it anyway."""
    reason = str(approval.detail.get("reason") or "")
    head, found, rest = approval.title.partition(": ")
    if found and (approval.kind == "escape" or (reason and reason.startswith(rest.rstrip("…")))):
        return head + "."
    return approval.title
