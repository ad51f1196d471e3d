"""``maestro run``: from an idea to a finished session without a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from maestro.cli.connection import Api, Events, Json, Refused
from maestro.cli.words import event_line, of_checks, sentence, way_to_answer
from maestro.errors import NotAllowed

COMPLETED = 0
FAILED = 1
WAITS = 3

#: Questions that ``--yes`` does not answer: a limit that raises itself is none, an alarm is to be looked at, what an
#: agent asks needs words, and surroundings that fail want mending: a yes that mends nothing is asked for without end.
#: Nor is what weakens the proof (tests that no longer run, checks that were changed) anybody's to wave through unseen.
_FOR_A_PERSON = frozenset(
    {
        "budget",
        "escape",
        "infrastructure",
        "nothing_changed",
        "agent_question",
        "tests_missing",
        "check_changed",
        "trust",
    }
)

#: Nor does it let files or links of this machine into commits: they go wherever those are pushed.
_OUT_OF_HERE = frozenset({"links", "copies"})

#: Events tell when to look again; this is for one that went missing.
_LOOK_AGAIN_S = 5
_PATIENCE = 3
#: So many looks at a paused session without a question: what follows an answer would have come by then.
_PAUSED_LOOKS = 3
#: The state is asked, the events come by themselves: the last ones may be a moment later.
_LAST_WORDS_S = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: the exit code and, unless completed, why."""

    code: int
    reason: str | None = None


class Driver:
    """Moves one session on whenever it waits for something this call may decide."""

    def __init__(self, api: Api, session_id: str, *, yes: bool, say: Callable[[str], None]) -> None:
        self._api = api
        self._path = f"/sessions/{session_id}"
        self._id = session_id
        self._yes = yes
        self._say = say
        self._plan_asked = False
        self._overtaken = 0
        self._paused_looks = 0

    def run(self) -> Outcome:
        """Until the session is over or a user is needed."""
        with self._api.events(self._id) as events:
            while True:
                step = self._poll()
                if isinstance(step, Outcome):
                    self._report(events, _LAST_WORDS_S)
                    return step
                self._report(events, 0 if step else _LOOK_AGAIN_S)

    def _report(self, events: Events, patience_s: float) -> None:
        """Say all that has come; wait a while for the first of it."""
        event = events.next(patience_s)
        while event is not None:
            if line := event_line(event):
                self._say(line)
            event = events.next(0)

    def _poll(self) -> Outcome | bool:
        try:
            step = self._step(self._api.get(self._path))
        except Refused as error:
            # somebody else was quicker in another window: what they did comes as an event
            self._overtaken += 1
            if error.status != NotAllowed.status or self._overtaken > _PATIENCE:
                raise
            return False
        self._overtaken = 0
        return step

    def _step(self, session: Json) -> Outcome | bool:
        """What this state needs: an outcome, True when something was done, False to wait."""
        if session["status"] != "paused":
            self._paused_looks = 0
        step: Callable[[Json], Outcome | bool] | None = getattr(self, f"_when_{session['status']}", None)
        return step(session) if step else False

    def _when_idle(self, _session: Json) -> bool:
        self._api.post(f"{self._path}/start")
        return True

    def _when_brainstorming(self, _session: Json) -> Outcome | bool:
        total = self._api.get(f"{self._path}/messages", limit=0)["total"]
        last: Any = None
        if total:
            last = self._api.get(f"{self._path}/messages", limit=1, offset=total - 1)["items"][0]
        if self._plan_asked:
            return Outcome(FAILED, last["content"] if last else "The plan could not be made.")
        if last is None or last["role"] == "user" or last["status"] == "streaming":
            return False
        if last["status"] != "complete":
            return Outcome(FAILED, last["error"] or "The assistant's reply was cut off.")
        self._api.post(f"{self._path}/plan")
        self._plan_asked = True
        return True

    def _when_plan_review(self, _session: Json) -> Outcome | bool:
        if not self._yes:
            told = of_checks(self._api.get(f"{self._path}/plan")["checks"])
            return Outcome(
                WAITS, f"{told}The plan is waiting for your approval. Approve it with: maestro approve {self._id[:8]}"
            )
        self._api.post(f"{self._path}/plan/approve")
        return True

    def _when_approved(self, _session: Json) -> Outcome | bool:
        if not self._yes:
            return Outcome(WAITS, f"The plan is approved. Start it with: maestro approve {self._id[:8]}")
        self._api.post(f"{self._path}/execute")
        return True

    def _when_executing(self, session: Json) -> Outcome | bool:
        pending = self._pending(session)
        if pending and not self._yes:
            return self._waits_for(pending[0])
        for approval in pending:
            if approval["kind"] == "agent_question" and self._assumes(session):
                self._api.post(f"/approvals/{approval['id']}", decision="deny")
                return True
            if approval["kind"] == "task_failed":
                self._api.post(f"{self._path}/fail", reason=_why(approval))
                return True
            if not _for_a_person(approval):
                self._api.post(f"/approvals/{approval['id']}", decision="allow")
        left = next((a for a in pending if _for_a_person(a)), None)
        return self._waits_for(left) if left else bool(pending)

    _when_validating = _when_executing

    def _when_paused(self, session: Json) -> Outcome | bool:
        for approval in self._pending(session):
            if _for_a_person(approval):
                return self._waits_for(approval)
        self._paused_looks += 1
        if self._yes and self._paused_looks < _PAUSED_LOOKS:
            return False  # an answer given just now lets it go on by itself; a no, or a pause by hand, does not
        return Outcome(WAITS, session["error_message"] or f"Paused. Resume with: maestro resume {self._id[:8]}")

    def _pending(self, session: Json) -> list[Json]:
        return (
            self._api.all("/approvals", status="pending", session_id=self._id) if session["pending_approvals"] else []
        )

    def _assumes(self, session: Json) -> bool:
        """Whether agents answer their own questions where nobody is there to do it."""
        own = session["agent_config"].get("assume_when_away")
        if own is not None:
            return bool(own)
        found = self._api.get("/settings", limit=500)["items"]
        return any(s["name"] == "assume_when_away" and s["value"] for s in found)

    def _waits_for(self, approval: Json) -> Outcome:
        return Outcome(WAITS, f"{sentence(approval['title'])} Answer with: {way_to_answer(approval)}")

    def _when_completed(self, _session: Json) -> Outcome:
        return Outcome(COMPLETED)

    def _when_failed(self, session: Json) -> Outcome:
        return Outcome(FAILED, session["error_message"] or "The session has failed.")

    def _when_cancelled(self, session: Json) -> Outcome:
        return Outcome(FAILED, session["error_message"] or "The session was cancelled.")


def _for_a_person(approval: Json) -> bool:
    return approval["kind"] in _FOR_A_PERSON or approval["detail"].get("what") in _OUT_OF_HERE


def _why(approval: Json) -> str:
    reason = approval["detail"].get("reason")
    return f"{approval['title']}: {reason}" if reason else str(approval["title"])
