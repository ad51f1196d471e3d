"""What a user has accepted in place of a proof: tests that are skipped or gone, changed checks, failures as before."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.approvals.question import AS_BEFORE, NO_TESTS
from maestro.db import models

_MOST = 50


def accepted(db: DbSession, session_id: str) -> dict[str, Any]:
    """As members of a session's result: ``proven_but`` (sentences), and how many tests are skipped or lost by a yes.

    ``lost_tests`` and ``skipped_tests`` ran before the work and no longer do; a check that runs none is in the words.
    """
    query = select(models.Approval).where(
        models.Approval.session_id == session_id,
        models.Approval.status == "allowed",
        col(models.Approval.kind).in_(["tests_missing", "check_changed", "infrastructure"]),
    )
    lost, skipped, words = set[str](), set[str](), list[str]()
    for row in db.exec(query.order_by(col(models.Approval.created_at))).all():
        command = row.detail.get("command")
        if row.kind == "tests_missing":
            gone, now = row.detail.get("vanished") or [], row.detail.get("skipped_now") or []
            lost |= {f"{command} {name}" for name in gone}
            skipped |= {f"{command} {name}" for name in now}
            words.append(_tests(str(command), gone, now))
        elif row.kind == "check_changed":
            words.append(
                f"Changed, which you accepted: {_names(row.detail.get('files') or row.detail.get('items') or [])}."
            )
        elif row.detail.get("what") == AS_BEFORE:
            words.append("A check that fails as it did before the work counts as passed.")
        elif row.detail.get("what") == NO_TESTS:
            words.append(_tests(str(command), [], []))
    return {
        "lost_tests": len(lost),
        "skipped_tests": len(skipped),
        "proven_but": list(dict.fromkeys(words))[:_MOST],
    }


def is_proof(told: dict[str, Any]) -> bool:
    """Whether checks that passed with these reservations prove the work: not where a test is lost, skipped or never ran."""
    return not any(words.startswith(_NO_PROOF) for words in told["proven_but"])


_NO_PROOF = "Not proven: "


def _tests(command: str, gone: list[str], now: list[str]) -> str:
    parts = [f"{_count(len(gone))} of it no longer {'exists' if len(gone) == 1 else 'exist'} ({_names(gone)})"] * bool(
        gone
    )
    parts += [f"{_count(len(now))} {'is' if len(now) == 1 else 'are'} skipped ({_names(now)})"] * bool(now)
    return f"{_NO_PROOF}`{command}`: {', '.join(parts) or 'it ran no test'}, as you accepted."


def _count(number: int) -> str:
    return "1 test" if number == 1 else f"{number:,} tests"


def _names(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
