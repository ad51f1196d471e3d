"""Who reviews a plan is told what each of its checks will tell, as the repository stands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from maestro.core.proving.plan_checks import with_checks
from maestro.core.views import PlanView
from tests.repos import make_repo, run_git

TASK = {"id": "a", "title": "A", "checks": ["npm test", "npm run lint"]}
PLAN = {"summary": "S", "tasks": [TASK], "checks": ["npm test", "npm run dev"]}


def view(plan: dict[str, object]) -> PlanView:
    return PlanView(
        session_id="s",
        version=1,
        hash="h",
        origin="edited",
        feedback=None,
        created_at=datetime.now(UTC),
        approved_at=None,
        plan=plan,
        critical_path=[],
        width=1,
        uncovered=[],
    )


def test_each_command_is_told_once_with_what_its_scripts_come_to(tmp_path: Path) -> None:
    scripts = '{"scripts": {"test": "npm run lint && jest", "lint": "eslint .", "dev": "vite"}}'
    repo = make_repo(tmp_path / "r", {"package.json": scripts, "packages/a/package.json": "{}"})
    made = with_checks(view(PLAN), str(repo), run_git(repo, "rev-parse", "HEAD"))
    assert [(c.command, c.tells, bool(c.note), bool(c.watches)) for c in made.checks] == [
        ("npm test", "tests", False, False),
        ("npm run lint", "pass_or_fail", True, False),
        ("npm run dev", "pass_or_fail", True, True),
    ]


def test_a_plan_whose_repository_is_gone_is_shown_without(tmp_path: Path) -> None:
    assert with_checks(view(PLAN), str(tmp_path / "gone"), "0" * 40).checks == []
