"""Deciding whether a repository's own programs may run."""

from __future__ import annotations

from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import trust


def decide_on_repository(rt: Runtime, path: str, answer: trust.Answer) -> trust.TrustView:
    """Remember the answer for the repository at ``path`` as it is checked out now; open questions about it get it, too.

    Raises InvalidInput naming ``repo_path``, or ``trust`` where this machine has no sandbox.
    """
    return trust.put(rt, path, answer)
