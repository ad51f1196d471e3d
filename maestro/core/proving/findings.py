"""What a look at the work found, before or after the checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a run is not accepted: a sentence for the user, a prompt for the agent."""

    reason: str
    prompt: str
    conflicts: tuple[str, ...] = ()  # files in which the work does not fit the session branch
