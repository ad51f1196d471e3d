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
    allow_means: str = "Allowed."
    allow_said: str = "Allowed."
    deny: str = "Deny"
    deny_means: str = "The agent gets your note and has to find another way."
    deny_said: str = "Denied."
    hint: str = "Add a note for the agent (optional)"
    long: bool = False  # the word with the answer may be of several lines
    stops_work: bool = False  # the deny button ends something: it is drawn as danger
    ends_session: bool = False  # denying ends the whole session: it is asked first


_KINDS = {
    "tool": Words(stops_work=True),
    "task_start": Words(
        icon="play",
        allow="Start it",
        allow_means="A worker starts it.",
        allow_said="The task starts.",
        deny="Skip it",
        deny_means="The session continues without this task.",
        deny_said="Skipped.",
        hint="",
    ),
    "task_failed": Words(
        icon="circle-x",
        allow="Try again",
        allow_means="The agent continues its conversation with your hint and new attempts.",
        allow_said="Trying again.",
        deny="Fail the session",
        deny_means="The session ends as failed. Its work is kept; Retry continues it.",
        deny_said="The session failed. Retry continues it.",
        hint="A hint for the next attempt (optional)",
        stops_work=True,
        ends_session=True,
    ),
    "nothing_changed": Words(
        icon="circle-check",
        name="Nothing was changed",
        allow="Mark as done",
        allow_means="The task counts as done without a change.",
        allow_said="Accepted as done.",
        deny="Send it back",
        deny_means="The agent continues its conversation with your note. This uses no attempt.",
        deny_said="Sent back to the agent.",
        hint="Add a note for the agent (optional)",
    ),
    "agent_question": Words(
        icon="circle-help",
        name="Question from the agent",
        allow="Send the answer",
        allow_means="The agent continues its conversation with your answer. This uses no attempt.",
        allow_said="The agent continues with your answer.",
        deny="Let the agent decide",
        deny_means="The agent decides, records the decision, and continues.",
        deny_said="The agent decides.",
        hint="Your answer",
        long=True,
    ),
    "tests_missing": Words(
        icon="flask-conical",
        allow="This is intended",
        allow_means="The check passes without these tests for the rest of the session.",
        allow_said="Accepted. The check passes without them.",
        deny="Send it back",
        deny_means="The agent has to make these tests run again.",
        deny_said="Sent back to the agent.",
        hint="Add a note for the agent (optional)",
    ),
    "check_changed": Words(
        icon="file-diff",
        allow="Accept the change",
        allow_means="The task lands with this change.",
        allow_said="Accepted.",
        deny="Send it back",
        deny_means="The agent restores these files and has to pass the original check.",
        deny_said="Sent back to the agent.",
        hint="Add a note for the agent (optional)",
    ),
    "outside_files": Words(
        icon="folder",
        allow="Accept these files",
        allow_means="The task lands with these changes.",
        allow_said="Accepted.",
        deny="Send it back",
        deny_means="The agent restores these files and solves the task without them.",
        deny_said="Sent back to the agent.",
        hint="Add a note for the agent (optional)",
    ),
    "trust": Words(
        icon="shield-alert",
        name="What it would run is listed below",
        allow="Trust it",
        allow_means="Its programs run with your permissions. You are asked again when the list changes.",
        allow_said="Trusted.",
        deny="No",
        deny_means="Nothing in the repository runs. The session fails and can be retried.",
        deny_said="Nothing in it runs.",
        hint="",
        stops_work=True,
        ends_session=False,
    ),
    "infrastructure": Words(
        icon="wrench",
        name="Not caused by the agent",
        allow="Try again",
        allow_means="The check runs again.",
        allow_said="Trying again.",
        deny="Count as agent failure",
        deny_means="The task goes back to the agent. This uses one attempt.",
        deny_said="Counted as agent failure.",
    ),
    "escape": Words(
        icon="shield-alert",
        name="Outside the worktree",
        allow="Continue",
        allow_means="You made the change or fixed it; the session continues.",
        allow_said="Continuing.",
        deny="Stay paused",
        deny_means="The session stays paused until you resume it.",
        deny_said="Still paused.",
        hint="",
    ),
    "budget": Words(
        icon="coins",
        allow="Raise and continue",
        allow_means="Raises the budget by this amount and continues.",
        allow_said="Budget raised. Work continues.",
        deny="Keep stopped",
        deny_means="The session stays paused.",
        deny_said="Still stopped.",
        hint="",
    ),
    "stuck": Words(
        icon="hourglass",
        allow="Interrupt and continue",
        allow_means="Stops this run and continues the same conversation with a summary and your note.",
        allow_said="Interrupted. The agent continues.",
        deny="Keep running",
        deny_means="The agent keeps running and you are not asked again during this run.",
        deny_said="The agent keeps running.",
        hint="Add a note for the agent (optional)",
    ),
}  # fmt: skip
_SETUP_DENY: dict[str, Any] = {
    "deny": "Give up on the task",
    "deny_means": "The task fails; you are asked what to do next.",
    "deny_said": "Given up.",
    "stops_work": True,
}
_GO_ON: dict[str, Any] = {
    "allow": "Continue: it failed before too",
    "allow_means": "Counts as passed as long as it fails with exactly this output.",
    "allow_said": "Continuing; the check counts as before.",
}
_NO_TESTS: dict[str, Any] = {
    "name": "Nothing was proven",
    "allow": "Continue without these tests",
    "allow_means": "Counts as passed as long as none of its tests fails.",
    "allow_said": "Continuing without these tests.",
}
_FRESH: dict[str, Any] = {
    "name": "The model rejects this conversation",
    "allow": "Start a new conversation",
    "allow_means": "Starts a new conversation with a summary of the work so far and your hint.",
    "allow_said": "Trying again in a new conversation.",
}
_UNPROVEN: dict[str, Any] = {
    "name": "Nothing was proven",
    "allow_means": "Runs the setup in the worktree again, then the check.",
}
_NETWORK: dict[str, Any] = {
    "icon": "shield-alert",
    "name": "No network access",
    "allow_means": "Runs it again without the network.",
}
_OTHER_CODE: dict[str, Any] = {
    "name": "The checks test other code",
    "allow": "Check again",
    "allow_means": "Once you have changed the setup or the checks: looks again before running them.",
    "allow_said": "Checking again.",
    "deny": "Continue as is",
    "deny_means": "This is intended: the checks run as they are, and you are not asked again.",
    "deny_said": "Continuing as is.",
}
_OUTSIDE: dict[str, dict[str, Any]] = {
    "links": {
        "allow": "Commit the links",
        "allow_means": "The task lands with them. They are broken in other checkouts.",
    },
    "copies": {
        "icon": "shield-alert",
        "name": "May hold secrets",
        "allow": "Commit them",
        "allow_means": "The task lands with these files in its commits; they are shared when you push.",
        "deny_means": "The agent removes them from every commit.",
    },
    "obeyed": {
        "icon": "shield-alert",
        "name": "These files run programs",
        "allow_means": "The task lands with them. Editors, tools, git, or a build server obey them from then on.",
    },
}
_CHANGED_PROGRAMS: dict[str, Any] = {
    "name": "The task’s changes are listed below",
    "allow": "Let it run",
    "allow_means": "The checks run with these changes.",
    "deny": "Send it back",
    "deny_means": "The agent restores these and solves the task without them.",
    "deny_said": "Sent back to the agent.",
    "stops_work": False,
}
_RUN_DENY = _SETUP_DENY | {"deny": "Stop the task"}


def words_of(approval: ApprovalView) -> Words:
    """The words of a question; a kind nobody has named yet is asked as allow or deny."""
    words, detail = _KINDS.get(approval.kind, Words()), approval.detail
    if is_set_up(approval):
        return replace(words, name="Setup failed", allow_means="Tries again, once you have fixed it.", **_SETUP_DENY)
    if approval.kind == "infrastructure" and detail.get("what") == "network":
        return replace(words, **_NETWORK)
    if approval.kind == "budget" and not detail.get("paused"):
        return replace(words, **_RUN_DENY)
    if approval.kind == "infrastructure" and detail.get("what") == "as before":
        return replace(words, **_GO_ON)
    if approval.kind == "infrastructure" and detail.get("what") == "no tests ran":
        return replace(words, **_NO_TESTS)
    if approval.kind == "task_failed" and detail.get("failure") == "conversation":
        return replace(words, **_FRESH)
    if approval.kind == "infrastructure" and detail.get("what") == "other code":
        return replace(words, **_OTHER_CODE)
    if offers_set_up(approval):
        return replace(words, **_UNPROVEN)
    if approval.kind == "trust" and approval.task_id:
        return replace(words, **_CHANGED_PROGRAMS)
    if approval.kind == "outside_files":
        return replace(words, **_OUTSIDE.get(str(detail.get("what")), {}))
    if approval.kind == "task_failed" and detail.get("failure") == "auth":
        return replace(
            words,
            icon="key-round",
            name="The API key was rejected",
            allow_means="Once you have signed in: tests the key.",
        )
    return words


def is_set_up(approval: ApprovalView) -> bool:
    """Whether it asks what to do about a set-up command that failed."""
    return approval.kind == "infrastructure" and approval.detail.get("what") == "set-up"


def offers_set_up(approval: ApprovalView) -> bool:
    """Whether another set-up of the worktrees is a way on."""
    return is_set_up(approval) or (
        approval.kind == "infrastructure"
        and approval.detail.get("what") in ("nothing proven", "no tests ran", "other code")
    )


def title_of(approval: ApprovalView) -> str:
    """The title, without what stands below it anyway."""
    reason = str(approval.detail.get("reason") or "")
    head, found, rest = approval.title.partition(": ")
    if found and (approval.kind == "escape" or (reason and reason.startswith(rest.rstrip("…")))):
        return head + "."
    return approval.title
