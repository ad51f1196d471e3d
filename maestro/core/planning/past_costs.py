"""What a plan may cost: from what tasks cost that were finished in the same repository."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import quantiles

from sqlmodel import col, select

from maestro.core.kernel.runtime import Runtime
from maestro.db import models

#: Fewer say nothing about the next; older ones were another model's, or another project.
_FEWEST, _MOST = 3, 50


@dataclass(frozen=True, slots=True)
class TaskCosts:
    """What the middle half of ``known`` finished tasks cost, each with all its attempts, in USD; 0 are too few to say."""

    low: float = 0.0
    high: float = 0.0
    known: int = 0


def of_repository(rt: Runtime, repo_path: str) -> TaskCosts:
    """What a task costs in this repository. Blocks."""
    query = (
        select(models.Task.cost_usd)
        .join(models.Session, col(models.Session.id) == models.Task.session_id)
        .where(models.Session.repo_path == repo_path, models.Task.status == "completed", models.Task.cost_usd > 0)
        .order_by(col(models.Task.completed_at).desc())
        .limit(_MOST)
    )
    with rt.db.read() as db:
        costs = [cost for cost in db.exec(query).all() if cost > 0]  # what cannot be read is none
    if len(costs) < _FEWEST:
        return TaskCosts()
    low, _middle, high = quantiles(costs, n=4, method="inclusive")
    return TaskCosts(low, high, len(costs))
