"""The user's word on limits of the account."""

from __future__ import annotations

from maestro.core.kernel.runtime import Runtime
from maestro.core.limits import account


def resume_account(rt: Runtime) -> int:
    """Resume now: workers start again before the stated reset. Returns how many accounts were paused.

    If the limit still holds, the next worker meets it and the account is paused anew.
    """
    with rt.db.write() as tx:
        count = account.resume(tx)
    rt.wake()
    return count


def stay_paused(rt: Runtime) -> int:
    """Keep what is paused until ``resume_account``, whatever reset was stated. Returns how many accounts are paused."""
    with rt.db.write() as tx:
        return account.stay(tx)
