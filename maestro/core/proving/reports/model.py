"""How the single tests of a check ended: the form that all runners' reports are brought into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

#: How a module is named that could not be loaded: it stands for tests that nobody has seen, and is none itself.
NOT_LOADED = "not loaded: "
_WORST = {"passed": 0, "skipped": 1, "failed": 2}


@dataclass(frozen=True, slots=True)
class TestReport:
    """How single tests ended: ``passed``, ``failed`` or ``skipped`` by test id.

    ``complete`` is off when not every test is named (a quiet runner names only what failed, a long output
    was cut): then nothing can be said about tests that are missing.
    """

    __test__ = False  # not a test class, whatever pytest takes its name for

    outcomes: dict[str, str]
    passed: int
    failed: int
    skipped: int
    complete: bool = True

    @property
    def total(self) -> int:
        """All tests that were looked at."""
        return self.passed + self.failed + self.skipped

    @property
    def failing(self) -> set[str]:
        """The named tests that failed."""
        return {name for name, outcome in self.outcomes.items() if outcome == "failed"}

    def counts(self) -> dict[str, int]:
        """The numbers, for evidence."""
        return {"passed": self.passed, "failed": self.failed, "skipped": self.skipped, "total": self.total}


#: Runners said what can be understood in two ways, which is not the same as saying nothing.
UNCLEAR = TestReport({}, 0, 0, 0, complete=False)


def report_of(pairs: Iterable[tuple[str, str]], *, complete: bool = True) -> TestReport:
    """A report of (test id, outcome) pairs; of a test that is named twice the worst counts."""
    outcomes: dict[str, str] = {}
    for name, outcome in pairs:
        if _WORST[outcome] >= _WORST.get(outcomes.get(name, "passed"), 0):
            outcomes[name] = outcome
    numbers = Counter(outcomes.values())
    return TestReport(outcomes, numbers["passed"], numbers["failed"], numbers["skipped"], complete)
