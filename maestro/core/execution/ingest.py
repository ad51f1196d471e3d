"""Taking in what a worker reports: rows and the read offset in one transaction, so nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlmodel import select

from maestro.core import gatekeeping
from maestro.core.guards import account, limits
from maestro.core.runtime import Runtime
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.worker import spool

_LEVELS = frozenset({"debug", "info", "warn", "error"})
_KINDS = frozenset({"text", "tool", "tool_result", "progress", "gate", "check", "git", "system", "error"})
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_MESSAGE_LIMIT = 64_000

#: Entries whose loss a power cut must not cause: they change states or hold the person's time.
_STATEFUL = frozenset({"started", "conversation", "gate", "gate_closed", "decision", "result"})


@dataclass
class Intake:
    """One batch of entries on its way into the database."""

    tx: Transaction
    session: models.Session
    task: models.Task
    worker: models.Worker
    logs: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)

    def log(self, entry: dict[str, Any], kind: str, message: str, level: str = "info", details: Any = None) -> None:
        """Queue a log row with the worker's own time."""
        self.logs.append(
            {
                "session_id": self.session.id,
                "task_id": self.task.id,
                "worker_id": self.worker.id,
                "timestamp": _time(entry),
                "level": level if level in _LEVELS else "info",
                "source": self.worker.name,
                "kind": kind if kind in _KINDS else "system",
                "message": _clean(message),
                "details": details if isinstance(details, dict) and details else None,
            }
        )


def ingest(rt: Runtime, worker_id: str) -> bool:
    """Take in what one worker has reported since last time; True when there was anything."""
    with rt.db.read() as db:
        known = db.get(models.Worker, worker_id)
    if known is None:
        return False
    entries, offset = spool.read(spool.Spool(Path(known.spool_path)).events, known.spool_offset)
    if not entries:
        return False
    with rt.db.write(durable=any(e.get("type") in _STATEFUL for e in entries)) as tx:
        worker = tx.db.get(models.Worker, worker_id)
        if worker is None or worker.spool_offset != known.spool_offset:
            return False
        _take_all(tx, worker, entries)
        worker.spool_offset = offset
        worker.last_event_at = utcnow()
        tx.db.add(worker)
    return True


def _take_all(tx: Transaction, worker: models.Worker, entries: list[dict[str, Any]]) -> None:
    session = tx.db.get(models.Session, worker.session_id)
    task = tx.db.get(models.Task, worker.task_id)
    if session is None or task is None:
        return
    intake = Intake(tx, session, task, worker)
    for entry in entries:
        handler = _HANDLERS.get(str(entry.get("type")), _garbled)
        handler(intake, entry)
    tx.logs(intake.logs)
    tx.metrics(intake.metrics)
    tx.db.add(task)
    tx.db.add(session)


def _started(intake: Intake, entry: dict[str, Any]) -> None:
    worker = intake.worker
    if isinstance(entry.get("pid"), int):
        worker.pid = entry["pid"]
        worker.pid_started = _number(entry.get("pid_started")) or worker.pid_started
    if worker.status == "starting":
        worker.status = "running"


def _log(intake: Intake, entry: dict[str, Any]) -> None:
    message = str(entry.get("message", ""))
    kind = str(entry.get("kind", "system"))
    intake.log(entry, kind, message, str(entry.get("level", "info")), entry.get("metadata"))
    _limit_event(intake, entry.get("metadata"))
    if kind in {"tool", "text"} and message.strip():
        intake.worker.last_action = _clean(message).strip().splitlines()[0][:200]


def _limit_event(intake: Intake, metadata: Any) -> None:
    """The account's limit, told while the run goes on: nothing else needs to run into it."""
    told = metadata.get("rate_limit") if isinstance(metadata, dict) else None
    if not isinstance(told, dict) or told.get("status") != "rejected" or told.get("overage") == "allowed":
        return
    reason = "The account's limit at the model endpoint is reached."
    account.limit_reached(
        intake.tx, intake.session, intake.worker.account, until=_number(told.get("resets_at")), reason=reason
    )


def _conversation(intake: Intake, entry: dict[str, Any]) -> None:
    conversation_id = entry.get("id")
    if isinstance(conversation_id, str) and 0 < len(conversation_id) <= 200:
        intake.task.conversation_id = conversation_id


def _progress(intake: Intake, entry: dict[str, Any]) -> None:
    percent = _number(entry.get("percent"))
    if percent is None:
        return _garbled(intake, entry)
    note = _clean(str(entry.get("note", "")))[:500]
    intake.task.progress = min(max(percent / 100, 0.0), 1.0)
    intake.task.progress_note = note or intake.task.progress_note
    intake.tx.emit(
        "task_progress",
        intake.session.id,
        task_id=intake.task.id,
        key=intake.task.key,
        progress=intake.task.progress,
        note=note,
    )
    intake.log(entry, "progress", f"{percent:.0f} % {note}".strip())
    return None


def _decision(intake: Intake, entry: dict[str, Any]) -> None:
    options = (
        [_clean(str(o))[:1000] for o in entry.get("options") or []] if isinstance(entry.get("options"), list) else []
    )
    chosen = entry.get("chosen")
    row = models.Decision(
        session_id=intake.session.id,
        task_id=intake.task.id,
        source="worker",
        decision_type=_clean(str(entry.get("decision_type", "decision")))[:100],
        context=_clean(str(entry.get("context", "")))[:8000],
        options=options[:50],
        chosen=chosen if isinstance(chosen, int) and 0 <= chosen < len(options) else None,
        rationale=_clean(str(entry.get("rationale", "")))[:8000],
    )
    intake.tx.db.add(row)
    picked = options[row.chosen] if row.chosen is not None else row.context[:200]
    intake.log(entry, "progress", f"Decided ({row.decision_type}): {picked}", details={"rationale": row.rationale})


def _usage(intake: Intake, entry: dict[str, Any]) -> None:
    """Totals of this run: the task and the worker grow by the difference to what was known."""
    worker, task = intake.worker, intake.task
    changed, silent = False, worker.output_tokens == 0
    for name in _TOKENS:
        grown = max(int(_number(entry.get(name)) or 0) - getattr(worker, name), 0)
        setattr(worker, name, getattr(worker, name) + grown)
        setattr(task, name, getattr(task, name) + grown)
        changed = changed or grown > 0
    worker.model = _clean(str(entry.get("model") or ""))[:200] or worker.model
    worker.model_calls = max(int(_number(entry.get("model_calls")) or 0), worker.model_calls)
    # The scripted model costs nothing, whatever the CLI takes it for.
    cost = 0.0 if intake.session.demo else max((_number(entry.get("cost_usd")) or 0.0) - worker.cost_usd, 0.0)
    worker.cost_usd += cost
    task.cost_usd += cost
    if silent and worker.output_tokens > 0:
        limits.endpoint_answered(intake.tx, task, worker)
    if not changed:
        return
    base = {"session_id": intake.session.id, "worker_id": worker.id, "timestamp": _time(entry)}
    used = {"tokens_input": worker.input_tokens + worker.cache_read_tokens + worker.cache_write_tokens}
    used["tokens_output"] = worker.output_tokens
    for name, value in used.items():
        intake.metrics.append(base | {"metric_name": name, "metric_value": float(value), "unit": "tokens"})


def _gate(intake: Intake, entry: dict[str, Any]) -> None:
    request_id = str(entry.get("request_id", ""))[:100]
    query = select(models.Approval.id).where(
        models.Approval.worker_id == intake.worker.id, models.Approval.request_id == request_id
    )
    if not request_id or intake.tx.db.exec(query).first() is not None:
        return
    detail = entry.get("detail")
    title = _clean(str(entry.get("title", "Allow this?")))[:500]
    if intake.worker.status in {"starting", "running"}:  # else it was paused or parked before this came in
        intake.worker.status = "waiting"
    intake.task.status = "waiting" if intake.task.status == "running" else intake.task.status
    risk = str(entry.get("risk"))
    signature = str(entry.get("signature") or "")[:500]
    gatekeeping.ask(
        intake.tx,
        intake.session,
        intake.task,
        kind="tool",
        title=title,
        detail={"tool": str(entry.get("tool", "")), **(detail if isinstance(detail, dict) else {})},
        risk=risk if risk in {"low", "medium", "high"} else "medium",
        worker_id=intake.worker.id,
        request_id=request_id,
        signature=signature or None,
    )
    intake.log(entry, "gate", f"Asks: {title}", "warn")


def _gate_closed(intake: Intake, _entry: dict[str, Any]) -> None:
    if intake.worker.status == "waiting":
        intake.worker.status = "running"
        intake.task.status = "running" if intake.task.status == "waiting" else intake.task.status


def _result(intake: Intake, entry: dict[str, Any]) -> None:
    result = {k: v for k, v in entry.items() if k not in {"type", "ts"}}
    intake.worker.result_json = result
    intake.worker.outcome = str(result.get("outcome", "failed"))[:20]
    intake.worker.outcome_detail = _clean(str(result.get("message", "")))[:_MESSAGE_LIMIT]
    usage = result.get("usage")
    if isinstance(usage, dict):
        _usage(intake, usage | {"ts": entry.get("ts")})


def _garbled(intake: Intake, entry: dict[str, Any]) -> None:
    intake.log(
        entry, "error", "The worker wrote something that Maestro cannot read.", "warn", {"entry": str(entry)[:2000]}
    )


_HANDLERS: dict[str, Callable[[Intake, dict[str, Any]], None]] = {
    "started": _started,
    "log": _log,
    "conversation": _conversation,
    "progress": _progress,
    "decision": _decision,
    "usage": _usage,
    "gate": _gate,
    "gate_closed": _gate_closed,
    "result": _result,
}


def _time(entry: dict[str, Any]) -> datetime:
    seconds = _number(entry.get("ts"))
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else utcnow()
    except (OverflowError, OSError, ValueError):
        return utcnow()


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value else None


def _clean(text: str) -> str:
    text = text.replace("\0", "�").encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= _MESSAGE_LIMIT else text[:_MESSAGE_LIMIT] + " [… cut]"
