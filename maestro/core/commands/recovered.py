"""Getting back what rollbacks, cancels and deletions took away."""

from __future__ import annotations

from maestro.core.integration import retention
from maestro.core.kernel.runtime import Runtime


def make_branch(rt: Runtime, session_id: str, ref: str) -> str:
    """Make a branch of kept work (``queries.list_recovered``, ``list_deleted``); returns its name.

    Raises NotFound when nothing is kept there any more.
    """
    return retention.make_branch(rt, session_id, ref)
