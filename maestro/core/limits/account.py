"""Limits of the account behind a model endpoint: when it says no, every session that works on it waits.

A pause is a row, so it holds over restarts. It ends at its time, by the user's word, or (for a refused
key) with the answer to the one question that was asked. An account is known by endpoint and key: another
key is another account, and no pause stands in its way.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.kernel.endpoint import Endpoint, endpoint_for
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import AssistantError
from maestro.secrets import clean

Kind = Literal["rate_limit", "auth"]

#: Waits where a limit does not say when it ends, in seconds, by pauses in a row; the last one repeats.
_UNSTATED_S = (60.0, 300.0, 900.0, 1800.0, 3600.0)

#: The least wait, whatever the endpoint says; doubled with every pause in a row.
_AT_LEAST_S = 2.0


@dataclass(frozen=True, slots=True)
class AccountState:
    """Why no worker starts now. ``paused_until`` is None while it waits for the user."""

    paused_until: datetime | None
    reason: str
    kind: str
    since: datetime


def name_of(endpoint: Endpoint) -> str:
    """The account's name: kind, address, and a fingerprint of the secret that tells keys apart without telling them."""
    secret = "\n".join((endpoint.api_key or "", endpoint.auth_token or ""))
    address = clean(endpoint.base_url or "-")
    if address != (endpoint.base_url or "-"):  # it holds a password
        secret = f"{secret}\n{endpoint.base_url}"
    return f"{endpoint.kind} {address} {hashlib.sha256(secret.encode()).hexdigest()[:12]}"


def account_state(rt: Runtime, *, demo: bool = False) -> AccountState | None:
    """Whether the configured account (or the demo's) is paused, why, and until when; None while it takes work."""
    with rt.db.read() as db:
        if not _active(db):
            return None
        found = _pause_of(db, _current(rt, demo=demo), utcnow())
    return AccountState(found.paused_until, found.reason, found.kind, found.since) if found else None


def holding(rt: Runtime, session: models.Session) -> models.AccountPause | None:
    """The pause that keeps workers of this session from starting now."""
    with rt.db.read() as db:
        # Finding out which account is in use can be slow, and nearly always nothing is paused.
        return _pause_of(db, _current(rt, demo=session.demo), utcnow()) if _active(db) else None


def words(pause: models.AccountPause) -> str:
    """Why the account is paused, and when it goes on."""
    if pause.paused_until is None or "resets at" in pause.reason:
        return pause.reason
    return f"{pause.reason} Continues at {pause.paused_until:%Y-%m-%d %H:%M} UTC."


def limit_reached(
    tx: Transaction, session: models.Session, account: str | None, *, until: float | None, reason: str
) -> None:
    """A usage or rate limit was met: pause the account.

    ``until`` is the stated reset (seconds since 1970) or None, in which case the wait grows with every pause.
    """
    row, now = _row(tx, session, account, "rate_limit"), utcnow()
    if row.active and row.kind == "auth":
        return  # the key was refused: nothing starts before the user has answered, whenever the limit ends
    stated = _from_epoch(until, now)
    if row.active and row.kind == "rate_limit" and not _is_over(row, now):
        # Workers that run side by side meet the same limit: that is one pause, at most a longer one.
        if stated is None or row.paused_until is None or stated <= row.paused_until:
            return
        row.paused_until, row.reason = stated, reason
        tx.db.add(row)
        _tell_paused(tx, session, row, news=False)
        return
    row.strikes += 1
    least = now + timedelta(seconds=_AT_LEAST_S * 2 ** min(row.strikes - 1, 7))
    unstated = now + timedelta(seconds=_UNSTATED_S[min(row.strikes, len(_UNSTATED_S)) - 1])
    row.active, row.kind, row.reason, row.since = True, "rate_limit", reason, now
    row.paused_until = max(stated, least) if stated else unstated
    tx.db.add(row)
    _tell_paused(tx, session, row, news=True)


def key_refused(tx: Transaction, session: models.Session, account: str | None, reason: str) -> bool:
    """The endpoint refused the key: nothing starts until the user has answered. False when that is known already."""
    row = _row(tx, session, account, "auth")
    if row.active and row.kind == "auth":
        return False
    row.active, row.kind, row.paused_until, row.reason, row.since = True, "auth", None, reason, utcnow()
    tx.db.add(row)
    _tell_paused(tx, session, row, news=True)
    return True


def record_success(tx: Transaction, account: str | None) -> None:
    """The endpoint works for this account: forget its earlier troubles."""
    row = tx.db.get(models.AccountPause, account) if account else None
    if row is not None and not row.active:
        tx.db.delete(row)


def release_refused_key(tx: Transaction, session: models.Session) -> None:
    """The user has decided about the refused key: whatever they did, the next worker tries it."""
    query = select(models.AccountPause).where(
        models.AccountPause.kind == "auth", models.AccountPause.demo == session.demo, col(models.AccountPause.active)
    )
    for row in tx.db.exec(query).all():
        _resume(tx, row, "after your answer")


def release_due(rt: Runtime) -> None:
    """End the pauses whose time has come, and those for a question that nobody can answer any more."""
    now = utcnow()
    with rt.db.read() as db:
        due = [r.account for r in _active(db) if _is_due(db, r, now)]
    if not due:
        return
    with rt.db.write() as tx:
        for account in due:
            row = tx.db.get(models.AccountPause, account)
            if row is not None and row.active and _is_due(tx.db, row, now):
                _resume(tx, row, "the limit is over" if row.kind == "rate_limit" else "its question is closed")


def resume(tx: Transaction) -> int:
    """The user's word: end every pause and every wait of a task now; returns how many pauses there were."""
    rows = _active(tx.db)
    for row in rows:
        _resume(tx, row, "you resumed it")
    for task in tx.db.exec(select(models.Task).where(col(models.Task.retry_at) > utcnow())).all():
        task.retry_at = None
        tx.db.add(task)
    return len(rows)


def stay(tx: Transaction) -> int:
    """The user's word: keep what is paused until they say otherwise; returns how many accounts are paused."""
    rows = _active(tx.db)
    for row in rows:
        row.paused_until, row.kind = None, "rate_limit"
        row.reason = f"{row.reason} Kept paused by you."
        tx.db.add(row)
        for session in _affected(tx.db, demo=row.demo):
            tx.emit("account_paused", session.id, until=None, reason=row.reason, kind=row.kind)
            tx.log(session.id, "The account stays paused until you resume it.", source="you", level="warn")
    return len(rows)


def _current(rt: Runtime, *, demo: bool) -> str | None:
    try:
        return name_of(endpoint_for(rt, demo=demo))
    except AssistantError:
        return None


def _active(db: DbSession) -> list[models.AccountPause]:
    return list(db.exec(select(models.AccountPause).where(col(models.AccountPause.active))).all())


def _pause_of(db: DbSession, account: str | None, now: datetime) -> models.AccountPause | None:
    row = db.get(models.AccountPause, account) if account else None
    return row if row is not None and row.active and not _is_over(row, now) else None


def _is_over(row: models.AccountPause, now: datetime) -> bool:
    """Whether the pause's time has come. A clock set back before its beginning ends it too: asking again costs one call."""
    return row.paused_until is not None and (row.paused_until <= now or now < row.since)


def _row(tx: Transaction, session: models.Session, account: str | None, kind: Kind) -> models.AccountPause:
    name = account or ("demo" if session.demo else "unknown")
    row = tx.db.get(models.AccountPause, name)
    return row or models.AccountPause(account=name, kind=kind, demo=session.demo, active=False)


def _is_due(db: DbSession, row: models.AccountPause, now: datetime) -> bool:
    if row.paused_until is not None:
        return _is_over(row, now)
    if row.kind != "auth":
        return False
    query = select(models.Approval).where(models.Approval.kind == "task_failed", models.Approval.status == "pending")
    return not any(a.detail.get("failure") == "auth" for a in db.exec(query).all())


def _affected(db: DbSession, *, demo: bool) -> list[models.Session]:
    """Sessions at work on the same account: all but the demo's share the configured one."""
    query = select(models.Session).where(models.Session.status == State.EXECUTING, models.Session.demo == demo)
    return list(db.exec(query).all())


def _tell_paused(tx: Transaction, session: models.Session, row: models.AccountPause, *, news: bool) -> None:
    until = row.paused_until.isoformat() if row.paused_until else None
    for other in _affected(tx.db, demo=row.demo):
        tx.emit("account_paused", other.id, until=until, reason=row.reason, kind=row.kind)
        ends = _when(row.paused_until) if row.paused_until else "until you answer"
        tx.log(other.id, f"No worker starts {ends}: {row.reason}", level="warn")
    if news and row.kind == "rate_limit":  # a refused key comes with a question
        tx.emit("notification", session.id, level="warn", title="The model account is paused", text=words(row))


def _resume(tx: Transaction, row: models.AccountPause, why: str) -> None:
    row.active = False
    tx.db.add(row)
    for session in _affected(tx.db, demo=row.demo):
        tx.emit("account_resumed", session.id, reason=why)
        tx.log(session.id, f"The account accepts work again: {why}.")


def _when(until: datetime) -> str:
    return f"until {until:%Y-%m-%d %H:%M:%S} UTC"


def _from_epoch(seconds: float | None, now: datetime) -> datetime | None:
    """A stated reset as a time; None when it is unstated or nonsense. One that has just passed means "now"."""
    if seconds is None or not -3600 < seconds - now.timestamp() < 60 * 86_400:
        return None
    return now + timedelta(seconds=seconds - now.timestamp())
