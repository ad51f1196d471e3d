"""What was measured of a session's workers."""

from __future__ import annotations

from maestro.core.kernel.runtime import Runtime
from maestro.monitoring import metric_series
from maestro.monitoring.metric_series import Series, Wanted

__all__ = ["Series", "Wanted", "list_metrics"]


def list_metrics(rt: Runtime, session_id: str, wanted: Wanted) -> list[Series]:
    """See ``metric_series.series``."""
    return metric_series.series(rt.db, session_id, wanted)
