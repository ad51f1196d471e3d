"""What was measured of a session's workers."""

from __future__ import annotations

from datetime import datetime

from maestro.core.kernel.runtime import Runtime
from maestro.monitoring import metric_series
from maestro.monitoring.metric_series import Series

__all__ = ["Series", "list_metrics"]


def list_metrics(
    rt: Runtime,
    session_id: str,
    *,
    name: str | None = None,
    worker: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    points: int = 500,
) -> list[Series]:
    """See ``metric_series.series``."""
    return metric_series.series(rt.db, session_id, name=name, worker=worker, since=since, until=until, points=points)
