"""The demo's script against its sample repository: what the scripted agents write must really work."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from maestro.core.brainstorm.idea_card import IdeaCard, merge_update
from maestro.core.brainstorm.interview import ASKED, read_question
from maestro.core.planning.coverage import uncovered
from maestro.core.planning.plan import Plan, overlap, parse_plan, width
from maestro.demo.sample import make_repository
from maestro.demo.scenario import Reply, Request, Rule
from maestro.demo.service import demo_scenario
from tests.repos import commit, run_git

SCENARIO = demo_scenario()


def demo_plan() -> Plan:
    (rule,) = [r for r in SCENARIO.rules if r.match.tool_schema_has == "tasks"]
    (answer,) = [b.answer for step in rule.steps for b in step.content if b.answer]
    return parse_plan(answer)


def rules_of(task: str) -> list[Rule]:
    """A task's rules in the order in which they are lived through: first attempt, then repair."""
    found = [r for r in SCENARIO.rules if r.match.prompt == f"^# Task {task}:"]
    return sorted(found, key=lambda r: r.match.asked is not None)


def carry_out(folder: Path, steps: list[Reply]) -> None:
    """What the CLI does with the script's edits."""
    for block in (b for step in steps for b in step.content if b.tool in {"Write", "Edit"}):
        given: dict[str, Any] = block.input
        path = Path(given["file_path"].replace("{cwd}", str(folder)))
        if block.tool == "Write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(given["content"])
        else:
            text = path.read_text()
            assert text.count(given["old_string"]) == 1
            path.write_text(text.replace(given["old_string"], given["new_string"]))


def passes(folder: Path, command: str) -> bool:
    # As Maestro runs checks: bytecode of a file that was edited within the same second would be taken for current.
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, check=False).returncode == 0


def test_every_check_fails_before_its_task_and_passes_after_it(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "expenses")
    plan = demo_plan()
    assert all(passes(repo, check) for check in plan.checks)
    for task in plan.tasks:
        assert not all(passes(repo, check) for check in task.checks)
        *early, last = rules_of(task.id)
        for rule in early:
            carry_out(repo, rule.steps)
            assert not all(passes(repo, check) for check in task.checks)
        carry_out(repo, last.steps)
        assert all(passes(repo, check) for check in task.checks)
    assert all(passes(repo, check) for check in plan.checks)


def test_the_plan_shows_what_it_should() -> None:
    plan = demo_plan()
    first, second = plan.tasks[:2]
    assert width(plan) == 2
    assert not overlap(first.files, second.files)
    assert [t.id for t in plan.tasks if t.requires_approval] == ["release"]
    assert [t.id for t in plan.tasks if len(rules_of(t.id)) == 2] == ["csv-writer"]


def test_agents_run_only_the_plans_own_checks_and_touch_only_declared_files() -> None:
    plan = demo_plan()
    for task in plan.tasks:
        blocks = [b for rule in rules_of(task.id) for step in rule.steps for b in step.content]
        assert {b.input["command"] for b in blocks if b.tool == "Bash"} <= set(task.checks)
        written = {b.input["file_path"].removeprefix("{cwd}/") for b in blocks if b.tool in {"Write", "Edit"}}
        assert written <= set(task.files)


def talk(exchanges: int) -> tuple[IdeaCard, list[str]]:
    """The script's brainstorm, as Maestro would run it: the card at the end and the last words of each reply."""
    asked, card, spoken, history = 0, IdeaCard(), [], []  # type: ignore[var-annotated]
    tools = [{"name": "update_idea_card", "input_schema": {"properties": {}}}]
    for number in range(exchanges):
        history.append({"role": "user", "content": f"Whatever {number}"})
        messages = list(history)
        while True:
            request = Request({"messages": messages, "tools": tools})
            rule = next(r for r in SCENARIO.rules if r.match.holds(request))
            blocks = rule.reply_to(request).content
            results = []
            for block in blocks:
                if block.tool == "read_file":
                    results.append((Path(__file__).parents[2] / "maestro/demo/sample.toml").read_text())
                elif block.tool == "ask_question":
                    read_question(block.input)
                    asked += 1
                    results.append(ASKED.format(number=asked))
                elif block.tool:
                    card, changed = merge_update(card, block.input)
                    results.append(f"The idea card is updated: {', '.join(changed)}.")
            messages.append({"role": "assistant", "content": "…"})
            if not results:
                spoken.append(next(b.text for b in blocks if b.text))
                break
            messages.append({"role": "user", "content": [{"type": "tool_result", "content": r} for r in results]})
        history.append({"role": "assistant", "content": spoken[-1]})
    return card, spoken


@pytest.mark.parametrize("exchanges", [1, 2, 3, 5])
def test_the_talk_goes_on_sensibly_whatever_one_types(exchanges: int) -> None:
    card, spoken = talk(exchanges)
    assert card.title == "CSV export"
    assert len(set(spoken[:4])) == min(exchanges, 4)
    assert all("Plan it" in words for words in spoken[1:])
    assert uncovered(card, demo_plan()) == []


def test_an_untouched_sample_is_used_again_and_a_changed_one_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "expenses"
    assert make_repository(path) == path
    head = run_git(path, "rev-parse", "HEAD")
    assert make_repository(path) == path
    assert run_git(path, "rev-parse", "HEAD") == head
    commit(path, {"more.py": "x = 1\n"})
    second = make_repository(path)
    assert second == tmp_path / "demo" / "expenses-2"
    (second / "note.txt").write_text("mine")
    assert make_repository(path).name == "expenses-3"
    assert (second / "note.txt").read_text() == "mine"
