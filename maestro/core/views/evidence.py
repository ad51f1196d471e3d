"""Check runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, computed_field, model_validator

from maestro.core.views.reading import readable
from maestro.db import models
from maestro.terminal_text import Style, styled


class CheckRunView(BaseModel):
    """Evidence: one run of one check."""

    id: str
    task_id: str | None
    phase: str
    attempt: int
    command: str
    commit: str | None
    exit_code: int | None
    passed: bool
    duration_s: float
    output: str
    output_cut: bool
    tests_summary: dict[str, Any] | None = None  # passed, failed, skipped, total; newly_failing, fixed, …
    note: str | None = None  # why it counts as it does, where the exit code does not say it
    could_not_run: bool = False
    created_at: datetime
    styles: list[Style] = []  # where the output was colored; its text holds no escape codes

    @model_validator(mode="before")
    @classmethod
    def _read_as_on_a_terminal(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("output"), str) and not data.get("styles"):
            output, styles = styled(data["output"])
            return data | {"output": output, "styles": styles}
        return data

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tells(self) -> str:
        """What the run told: ``tests`` by name, only their ``numbers``, or ``pass_or_fail``."""
        if self.tests_summary is None:
            return "pass_or_fail"
        return "tests" if self.tests_summary.get("complete", True) else "numbers"

    @classmethod
    def of(cls, row: models.CheckRun) -> CheckRunView:
        """From its row."""
        return readable(cls, row.model_dump(warnings=False))
