"""After the third answer alike a rule is proposed, once: the line that the user's policy would have for it."""

from __future__ import annotations

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.agents import policies
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.errors import NotAllowed
from maestro.policy import Policy
from maestro.settings import variable

#: So many answers alike make a rule worth proposing; so many of the latest are looked at.
_ALIKE, _LATEST = 3, 300


def after(db: DbSession, rt: Runtime, approval: models.Approval) -> str:
    """The line to propose after this answer of the user's (``allow network example.org:443``); mostly none."""
    line = _line(approval)
    if not line or not _may_be_stored(rt) or _known(rt.settings.policy, line):
        return ""
    query = (
        select(models.Approval)
        .where(models.Approval.kind == "tool", models.Approval.resolved_by == "you", models.Approval.id != approval.id)
        .order_by(col(models.Approval.resolved_at).desc())
        .limit(_LATEST)
    )
    alike = [other for other in db.exec(query).all() if _line(other) == line]
    once = all(other.detail.get("proposal") != line for other in alike)
    return line if once and len(alike) + 1 >= _ALIKE else ""


def policy_with(rt: Runtime, approval: models.Approval) -> Policy:
    """The policy of the settings with what was proposed. Raises NotAllowed where nothing was, or it is set elsewhere."""
    line = str(approval.detail.get("proposal") or "")
    if not line:
        raise NotAllowed("No rule was proposed with this question.", state=approval.status, allowed=[])
    if not _may_be_stored(rt):
        origin = f"Your policy is not set here: add “{line}” to {variable('policy')} or your config.toml."
        raise NotAllowed(origin, state=approval.status, allowed=[])
    return rt.settings.policy.plus(line)


def _line(approval: models.Approval) -> str:
    if approval.status not in ("allowed", "denied"):
        return ""
    given = approval.detail.get("command")
    like = policies.like(
        str(approval.detail.get("tool") or ""), given if isinstance(given, str) else "", approval.signature or ""
    )
    line = f"{'allow' if approval.status == 'allowed' else 'deny'} {like}"
    return line if like and _can_be_held(line) else ""


def _can_be_held(line: str) -> bool:
    try:
        Policy().plus(line)
    except ValueError:
        return False
    return True


def _known(policy: Policy, line: str) -> bool:
    return line in policy.lines()


def _may_be_stored(rt: Runtime) -> bool:
    return rt.loaded.origins["policy"] in ("stored", "default")
