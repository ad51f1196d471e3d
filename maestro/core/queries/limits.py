"""The limits that hold for a session now, in the shapes that REST and pages show; read through ``core.queries``."""

from __future__ import annotations

from pydantic import BaseModel

from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.limits import spending

#: Limits that are no budget: of one run, of a worker, of how much goes on at once.
_RULES = (
    "budget_usd", "run_model_calls", "max_turns", "task_timeout_minutes", "max_attempts", "max_workers",
    "worker_memory_mb", "worker_cpu_percent",
)  # fmt: skip


class BudgetView(BaseModel):
    """A budget of the session, of one of its tasks, or of the day. ``held``: given to runs that still go on."""

    name: str
    measure: str
    whose: str
    task_id: str | None
    limit: float
    used: float
    held: float

    @property
    def share(self) -> float:
        """Used, as a share of the limit."""
        return self.used / self.limit


class RuleView(BaseModel):
    """Another limit by its setting's name; ``own``: the session's, not the settings'."""

    name: str
    value: float
    own: bool


class LimitsView(BaseModel):
    """All that is limited; what has no limit is left out."""

    budgets: list[BudgetView]
    rules: list[RuleView]


def limits_in_force(rt: Runtime, session_id: str) -> LimitsView:
    """See ``queries.limits_in_force``."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        found = spending.budgets_of(db, rt.settings, session)
    config = in_force(session.agent_config, rt.settings)
    values = {name: getattr(config, name) for name in _RULES}
    return LimitsView(
        budgets=[
            BudgetView(
                name=b.name,
                measure=b.measure,
                whose=b.whose,
                task_id=b.task_id,
                limit=b.limit,
                used=b.used,
                held=b.held,
            )
            for b in found
        ],
        rules=[
            RuleView(name=name, value=value, own=name in session.agent_config)
            for name, value in values.items()
            if value is not None
        ],
    )
