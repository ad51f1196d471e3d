"""A question of a landing, before it is asked, and what a question about the surroundings may be about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: What an infrastructure question is about, when a worktree could not be made ready.
SETUP = "set-up"
#: The same, when a check fails as on the untouched base: the one such question whose yes lets the check pass.
AS_BEFORE = "as before"
#: The same, when no test could run: the way on is the set-up.
UNPROVEN = "nothing proven"
#: The same, when a check ran no test, on the untouched base as little as now; a yes lets it pass so.
NO_TESTS = "no tests ran"
#: The same, when a confined check was kept from the network: the way on is to allow it.
NETWORK = "network"
#: The same, when the checks would run other code than the worktree's; a no means that it is meant so.
OTHER_CODE = "other code"
#: What a question about files outside is about where a yes lets something of this machine into commits.
LINKS = "links"
COPIES = "copies"
#: The same, where tools, editors or git obey what was changed.
OBEYED = "obeyed"
#: While one of these is open no worktree of the session is set up.
STOP_SET_UP = frozenset({SETUP, OTHER_CODE})


@dataclass(frozen=True, slots=True)
class Question:
    """Something only the user can judge.

    ``items`` says what exactly is asked about; a yes covers these and nothing else. ``prompt`` is what the
    agent is told after a no.
    """

    kind: str
    title: str
    items: list[str]
    prompt: str
    detail: dict[str, Any] = field(default_factory=dict)
    risk: str = "medium"
    then: str = "checking"  # what the task becomes with the answer
