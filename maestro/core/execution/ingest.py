"""Taking in what a worker reports: rows and the read offset in one transaction, so nothing is lost or doubled."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlmodel import select

from maestro.core.approvals import agent_questions, asking
from maestro.core.execution import forged, log_ceiling
from maestro.core.execution.entries import clean, count, details_of, money, number, result_of, sound, text, time_of
from maestro.core.kernel import channel
from maestro.core.kernel.runtime import Runtime
from maestro.core.limits import account, admission
from maestro.core.tasks import transitions
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.worker import proctable, spool

_log = logging.getLogger(__name__)

_LEVELS = frozenset({"debug", "info", "warn", "error"})
_KINDS = frozenset({"text", "tool", "tool_result", "progress", "gate", "check", "git", "system", "error"})
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")

#: So many entries of one batch that cannot be read are told one by one; of more, how many there were.
_GARBLED_TOLD = 20

#: Entries whose loss a power cut must not cause: they change states or hold the user's time.
_STATEFUL = frozenset(
    {
        "started",
        "conversation",
        "gate",
        "gate_closed",
        "decision",
        "note_taken",
        "question",
        "question_closed",
        "answer_taken",
        "result",
        "alarm",
        "forged",
    }
)


@dataclass
class Intake:
    """One batch of entries on its way into the database."""

    tx: Transaction
    session: models.Session
    task: models.Task
    worker: models.Worker
    logs: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    garbled: int = 0
    alarmed: bool = False
    assume: bool = False  # whether agents go on with assumptions while the user is away

    def log(self, entry: dict[str, Any], kind: str, message: str, level: str = "info", details: Any = None) -> None:
        """Queue a log row with the worker's own time."""
        self.logs.append(
            {
                "session_id": self.session.id,
                "task_id": self.task.id,
                "worker_id": self.worker.id,
                "timestamp": time_of(entry),
                "level": level if level in _LEVELS else "info",
                "source": self.worker.name,
                "kind": kind if kind in _KINDS else "system",
                "message": clean(message),
                "details": details_of(details),
            }
        )

    def alarm(self, what: str, shown: str) -> None:
        """Somebody else than app and worker spoke."""
        self.alarmed = True
        forged.alarm(self.tx, self.session, self.worker, what, shown)


def ingest(rt: Runtime, worker_id: str) -> bool:
    """Take in what one worker has reported since last time; True when there was anything.

    No content can keep what follows from coming in: an entry that cannot be stored is told as such.
    """
    with rt.db.read() as db:
        known = db.get(models.Worker, worker_id)
    if known is None:
        return False
    events, key = spool.Spool(Path(known.spool_path)).events, channel.key_of(rt, worker_id)
    entries, end = spool.read(events, known.spool_offset, key)
    if end == known.spool_offset:
        return False
    try:
        return _store(rt, known, entries, end)
    except OperationalError:  # the database's trouble, not the entries'
        raise
    except Exception:
        _log.exception("what %s reported could not be stored at once", known.name)
    return _one_by_one(rt, known, events, end, key)


def _one_by_one(rt: Runtime, known: models.Worker, events: Path, end: int, key: bytes | None) -> bool:
    """Each entry in a transaction of its own; what cannot be stored is kept aside as garbled."""
    while known.spool_offset < end:
        entries, after = spool.read_one(events, known.spool_offset, key)
        if after == known.spool_offset:
            return False
        try:
            stored = _store(rt, known, entries, after)
        except OperationalError:
            raise
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            stored = _store(rt, known, [{"type": "garbled", "raw": str(entries)[:2000], "why": words}], after)
        if not stored:
            return False
        known.spool_offset = after
    return True


def _store(rt: Runtime, known: models.Worker, entries: list[dict[str, Any]], end: int) -> bool:
    """Rows and offset in one transaction; False when somebody else has taken these entries in meanwhile."""
    with rt.db.write(durable=any(_type(e) in _STATEFUL for e in entries)) as tx:
        worker = tx.db.get(models.Worker, known.id)
        if worker is None or worker.spool_offset != known.spool_offset:
            return False
        intake = _take_all(tx, rt, worker, entries)
        worker.spool_offset = end
        worker.last_event_at = utcnow()
        tx.db.add(worker)
    if intake is not None and intake.alarmed:
        forged.pause(rt, known.session_id)
    if intake is not None and intake.logs:
        log_ceiling.came(rt, known.session_id, len(intake.logs), sum(len(row["message"]) for row in intake.logs))
    return True


def _take_all(tx: Transaction, rt: Runtime, worker: models.Worker, entries: list[dict[str, Any]]) -> Intake | None:
    """What came of them; None where the session or the task is gone."""
    session = tx.db.get(models.Session, worker.session_id)
    task = tx.db.get(models.Task, worker.task_id)
    if session is None or task is None:
        return None
    intake = Intake(tx, session, task, worker, assume=rt.settings.assume_when_away)
    for entry in entries:
        handler = _HANDLERS.get(_type(entry), _garbled)
        handler(intake, sound(entry))
    if intake.garbled > _GARBLED_TOLD:
        more = f"{intake.garbled - _GARBLED_TOLD} more entries from the worker cannot be read. They are in its spool."
        intake.log({}, "error", more, "warn", {"spool": worker.spool_path})
    tx.logs(intake.logs)
    tx.metrics(intake.metrics)
    tx.db.add(task)
    tx.db.add(session)
    return intake


def _type(entry: dict[str, Any]) -> str:
    found = entry.get("type")
    return found if isinstance(found, str) else ""


def _started(intake: Intake, entry: dict[str, Any]) -> None:
    """Its pid is known from the launch, unless the app was killed there: then it counts if that process says so, too.

    Whatever stands in a spool, Maestro signals nothing that is not the worker's.
    """
    worker, pid = intake.worker, entry.get("pid")
    if worker.pid is None and isinstance(pid, int) and proctable.mark(pid) == worker.id:
        seen = proctable.one(pid)
        worker.pid, worker.pid_started = (pid, seen.started) if seen else (None, None)
    if worker.status == "starting":
        worker.status = "running"


def _line(intake: Intake, entry: dict[str, Any]) -> None:
    message, kind = text(entry.get("message")), text(entry.get("kind"))
    intake.log(entry, kind, message, text(entry.get("level")), entry.get("metadata"))
    _limit_event(intake, entry.get("metadata"))
    if kind in {"tool", "text"} and message.strip():
        intake.worker.last_action = message.strip().splitlines()[0][:200]


def _limit_event(intake: Intake, metadata: Any) -> None:
    """The account's limit, told while the run goes on: nothing else needs to run into it."""
    told = metadata.get("rate_limit") if isinstance(metadata, dict) else None
    if not isinstance(told, dict) or told.get("status") != "rejected" or told.get("overage") == "allowed":
        return
    reason = "The account's usage limit at the model endpoint is reached."
    account.limit_reached(
        intake.tx, intake.session, intake.worker.account, until=number(told.get("resets_at")), reason=reason
    )


def _conversation(intake: Intake, entry: dict[str, Any]) -> None:
    conversation_id = entry.get("id")
    if isinstance(conversation_id, str) and 0 < len(conversation_id) <= 200:
        intake.task.conversation_id = conversation_id


def _progress(intake: Intake, entry: dict[str, Any]) -> None:
    percent = number(entry.get("percent"))
    if percent is None:
        return _garbled(intake, entry)
    percent, note = min(max(percent, 0.0), 100.0), text(entry.get("note"), 500)
    intake.task.progress = percent / 100
    intake.task.progress_note = note or intake.task.progress_note
    intake.tx.emit(
        "task_progress",
        intake.session.id,
        task_id=intake.task.id,
        key=intake.task.key,
        progress=intake.task.progress,
        note=note,
    )
    intake.log(entry, "progress", f"{percent:.0f}% {note}".strip())
    return None


def _decision(intake: Intake, entry: dict[str, Any]) -> None:
    named = entry.get("options")
    options = [text(o, 1000) for o in named] if isinstance(named, list) else []
    chosen = entry.get("chosen")
    row = models.Decision(
        session_id=intake.session.id,
        task_id=intake.task.id,
        source="worker",
        decision_type=text(entry.get("decision_type"), 100) or "decision",
        context=text(entry.get("context"), 8000),
        options=options[:50],
        chosen=chosen if type(chosen) is int and 0 <= chosen < len(options[:50]) else None,
        rationale=text(entry.get("rationale"), 8000),
    )
    intake.tx.db.add(row)
    picked = options[row.chosen] if row.chosen is not None else row.context[:200]
    intake.log(entry, "progress", f"Decided ({row.decision_type}): {picked}", details={"rationale": row.rationale})


def _usage(intake: Intake, entry: dict[str, Any]) -> None:
    """Totals of this run: the task and the worker grow by the difference to what was known."""
    worker, task = intake.worker, intake.task
    changed, silent = False, worker.output_tokens == 0
    for name in _TOKENS:
        grown = max(count(entry.get(name)) - getattr(worker, name), 0)
        setattr(worker, name, getattr(worker, name) + grown)
        setattr(task, name, getattr(task, name) + grown)
        changed = changed or grown > 0
    worker.model = text(entry.get("model"), 200) or worker.model
    worker.model_calls = max(count(entry.get("model_calls")), worker.model_calls)
    # The scripted model costs nothing, whatever the CLI takes it for.
    cost = 0.0 if intake.session.demo else max(money(entry.get("cost_usd")) - worker.cost_usd, 0.0)
    worker.cost_usd += cost
    task.cost_usd += cost
    if silent and worker.output_tokens > 0:
        admission.endpoint_answered(intake.tx, task, worker)
    if not changed:
        return
    base = {"session_id": intake.session.id, "worker_id": worker.id, "timestamp": time_of(entry)}
    used = {"tokens_input": worker.input_tokens + worker.cache_read_tokens + worker.cache_write_tokens}
    used["tokens_output"] = worker.output_tokens
    for name, value in used.items():
        intake.metrics.append(base | {"metric_name": name, "metric_value": float(value), "unit": "tokens"})


#: Characters: a gate's title holds every dangerous part of a command (``titles.describe``), none is cut off here.
_LONGEST_TITLE = 1200


def _gate(intake: Intake, entry: dict[str, Any]) -> None:
    request_id = text(entry.get("request_id"), 100)
    query = select(models.Approval.id).where(
        models.Approval.worker_id == intake.worker.id, models.Approval.request_id == request_id
    )
    if not request_id or intake.tx.db.exec(query).first() is not None:
        return
    detail = entry.get("detail")
    title = text(entry.get("title"), _LONGEST_TITLE) or "Allow this?"
    if intake.worker.status in {"starting", "running"}:  # else it was paused or parked before this came in
        intake.worker.status = "waiting"
    if intake.task.status == "running":
        transitions.wait_for_answer(intake.tx, intake.task)
    risk, signature = text(entry.get("risk")), text(entry.get("signature"), 500)
    asking.ask(
        intake.tx,
        intake.session,
        intake.task,
        kind="tool",
        title=title,
        detail={"tool": text(entry.get("tool"), 200), **(detail if isinstance(detail, dict) else {})},
        risk=risk if risk in {"low", "medium", "high"} else "medium",
        worker_id=intake.worker.id,
        request_id=request_id,
        signature=signature or None,
    )
    intake.log(entry, "gate", f"Asks: {title}", "warn")


#: Of a question and of what depends on it, characters; of options so many, and of each so much.
_QUESTION, _OPTIONS, _OPTION = 4000, 10, 500


def _question(intake: Intake, entry: dict[str, Any]) -> None:
    """The agent asks the user, and waits."""
    request_id, question = text(entry.get("request_id"), 100), text(entry.get("question"), _QUESTION).strip()
    if not request_id or not question or agent_questions.find(intake.tx, intake.worker, request_id) is not None:
        return
    if intake.worker.status in {"starting", "running"}:
        intake.worker.status = "waiting"
    if intake.task.status == "running":
        transitions.wait_for_answer(intake.tx, intake.task)
    options = [text(o, _OPTION).strip() for o in _list(entry.get("options"))[:_OPTIONS]]
    agent_questions.ask(
        intake.tx,
        intake.session,
        intake.task,
        intake.worker,
        request_id=request_id,
        question=question,
        options=[o for o in options if o],
        why=text(entry.get("why"), _QUESTION).strip(),
        assume=intake.session.agent_config.get("assume_when_away", intake.assume),
    )
    intake.log(entry, "gate", f"Asks you: {question}", "warn")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _question_closed(intake: Intake, entry: dict[str, Any]) -> None:
    """It has the answer, or was interrupted for something else that the user said."""
    asking.withdraw(intake.tx, intake.session.id, intake.worker.id, text(entry.get("request_id"), 100))
    _goes_on(intake)


def _answer_taken(intake: Intake, entry: dict[str, Any]) -> None:
    asked = agent_questions.find(intake.tx, intake.worker, text(entry.get("request_id"), 100))
    if asked is not None:
        agent_questions.taken(intake.tx, asked)


def _gate_closed(intake: Intake, entry: dict[str, Any]) -> None:
    if entry.get("allow") is True:
        _compare_with_the_answer(intake, entry)
    else:
        asking.withdraw(intake.tx, intake.session.id, intake.worker.id, text(entry.get("request_id"), 100))
    _goes_on(intake)


def _goes_on(intake: Intake) -> None:
    if intake.worker.status == "waiting":
        intake.worker.status = "running"
        if intake.task.status == "waiting":
            transitions.resume_run(intake.tx, intake.task)


def _compare_with_the_answer(intake: Intake, entry: dict[str, Any]) -> None:
    """What went on without a stored yes went on without the user."""
    query = select(models.Approval).where(
        models.Approval.worker_id == intake.worker.id,
        models.Approval.request_id == text(entry.get("request_id"), 100),
    )
    asked = intake.tx.db.exec(query).first()
    if asked is not None and asked.status == "allowed":
        return
    title = asked.title if asked else "something it never asked about"
    words = f"{intake.worker.name} continued as if you had allowed: {title}"
    intake.alarm(words, str(entry))


def _alarm(intake: Intake, entry: dict[str, Any]) -> None:
    """The worker's own process found lines in its inbox that Maestro did not write, or had written before."""
    words = f"Another program tried to send {intake.worker.name} an answer or a command in Maestro's name."
    intake.alarm(words, text(entry.get("what"), 2000))


def _forged(intake: Intake, entry: dict[str, Any]) -> None:
    """A line among the worker's reports that its process did not write."""
    words = f"Another program wrote into the reports of {intake.worker.name} to Maestro."
    intake.alarm(words, text(entry.get("raw"), 2000))


def _note_taken(intake: Intake, entry: dict[str, Any]) -> None:
    """The agent has read a message of the user's."""
    note = intake.tx.db.get(models.Note, text(entry.get("note"), 100))
    if note is None or note.task_id != intake.task.id or note.taken_at is not None:
        return
    note.taken_at, note.worker_id = time_of(entry), intake.worker.id
    intake.tx.db.add(note)
    words = note.text.strip().splitlines()[0][:200]
    intake.log(entry, "system", f"Read your message: {words}", details={"note": note.id, "told": True})
    taken_at = note.taken_at.isoformat()
    intake.tx.emit("note_taken", intake.session.id, note_id=note.id, task_id=intake.task.id, taken_at=taken_at)


def _result(intake: Intake, entry: dict[str, Any]) -> None:
    result = result_of(entry)
    intake.worker.result_json = result
    intake.worker.outcome, intake.worker.outcome_detail = result["outcome"], result["message"]
    if result["usage"]:
        _usage(intake, result["usage"] | {"ts": entry.get("ts")})


def _garbled(intake: Intake, entry: dict[str, Any]) -> None:
    intake.garbled += 1
    if intake.garbled > _GARBLED_TOLD:
        return
    intake.log(
        entry, "error", "The worker wrote something that Maestro cannot read.", "warn", {"entry": str(entry)[:2000]}
    )


_HANDLERS: dict[str, Callable[[Intake, dict[str, Any]], None]] = {
    "started": _started,
    "log": _line,
    "conversation": _conversation,
    "progress": _progress,
    "decision": _decision,
    "usage": _usage,
    "gate": _gate,
    "gate_closed": _gate_closed,
    "result": _result,
    "question": _question,
    "question_closed": _question_closed,
    "answer_taken": _answer_taken,
    "note_taken": _note_taken,
    "alarm": _alarm,
    "forged": _forged,
}
