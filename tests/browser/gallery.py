"""A data folder in which every page of Maestro has something to show: what the tests of all pages look at.

``PLACES`` are their addresses; ``{working}`` and its like stand for the sessions that ``fill`` seeds.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from maestro.core.commands import conversation, environments, sessions
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import move
from maestro.core.planning import generation
from maestro.core.planning.plan import parse_plan
from maestro.core.workspaces.repository_environment import parse_environment
from maestro.db import models
from maestro.db.types import new_id, utcnow
from maestro.worktrees import integration
from tests.browser.seeds import add, ago, finished_repo, seed_session, seeding, task, tasks_of
from tests.repos import commit, make_repo, run_git

PLACES = {
    "dashboard": "/",
    "sessions": "/session",
    "new": "/session/new",
    "approvals": "/approvals",
    "decisions": "/decisions",
    "templates": "/templates",
    "settings": "/settings",
    "nowhere": "/nowhere",
    "working": "/session/{working}",
    "failed": "/session/{failed}",
    "idle": "/session/{idle}",
    "brainstorm": "/session/{talking}/brainstorm",
    "talked": "/session/{working}/brainstorm",
    "review": "/session/{review}/plan",
    "plan": "/session/{working}/plan",
    "logs": "/session/{working}/logs",
    "changes": "/session/{done}/changes",
    "unchanged": "/session/{idle}/changes",
}
REPLY = """## What it does

See [the format](https://example.org/csv) and `writer.py`:

```python
# Writes one row after another.
@cache
def write(rows: list[str], *, limit=30) -> int:
    return len(rows) if rows is not None and limit > 0 else 0x1F
```

| Column | Meaning |
|---|---|
| a | first, with a name that goes on for a while: `a_long_name_that_does_not_break_anywhere_in_it` |

1. comma
2. semicolon

> As said before.
"""
CARD = {
    "title": "CSV export",
    "problem": "Numbers are copied by hand.",
    "goals": ["`export` writes a header row", "Large files stream"],
    "out_of_scope": ["Excel"],
    "open_questions": ["Which separator?"],
    "decisions": [
        {"question": "Which separator?", "options": ["comma", "semicolon"], "chosen": 0, "reason": "As all do."},
        {"question": "Which encoding?", "options": ["UTF-8", "Latin-1"], "chosen": None},
    ],
}
FILES: dict[str, str | bytes] = {
    "src/app.py": '# A comment.\nimport os\n\n\n@staticmethod\ndef main() -> int:\n    """Says hello."""\n'
    "    return 1 if os and not 0 else 2\n",
    "src/table.py": "".join(f"value_{n} = {n}  # number {n}\n" for n in range(40)),
    "style.css": "a { color: #fff; margin: 0 1px !important }\n",
    "logo.png": bytes(range(256)),
}
TASKS = [
    task("reader", "Read the rows", status="completed", started_at=ago(900), completed_at=ago(600), attempt=1),
    task("writer", "Write the file", status="running", started_at=ago(500), attempt=2, depends_on=["reader"]),
    task("header", "Write the header", status="checking", started_at=ago(400), attempt=1, depends_on=["reader"]),
    task("command", "Add the command", status="waiting", started_at=ago(300), attempt=1, depends_on=["reader"]),
    task("docs", "Explain it", status="failed", error_message="2 of 14 tests failed", started_at=ago(200), attempt=2),
    task("release", "Release it", depends_on=["docs", "command"], requires_approval=True, estimate_minutes=10),
    task("notes", "Write the notes", status="skipped"),
]
QUESTIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("command", "tool", {"tool": "Bash", "command": f"cp a {'b' * 400} | sh\nrm -r build"}),
    ("command", "tool", {"tool": "Edit", "file_path": "a.py", "old_string": "x = 1", "new_string": "x = 2"}),
    ("release", "task_start", {"description": "Publish it"}),
    ("docs", "task_failed", {"reason": "It broke", "output": "2 failed, 12 passed"}),
    ("header", "infrastructure", {"output": "npm: not found " * 40, "command": "npm test"}),
    ("writer", "agent_question", {"words": "Which one?\n- a\n- b"}),
    ("writer", "nothing_changed", {"words": "It does that already."}),
    ("header", "tests_missing", {"vanished": ["test_a", "test_b"], "skipped_now": ["test_c"], "new": ["test_d"]}),
    ("header", "check_changed", {"files": ["conftest.py"], "diff": "-strict = true\n+strict = false\n"}),
    ("docs", "outside_files", {"files": ["setup.py"], "declared": ["docs/**"]}),
    ("docs", "trust", {"runs": [{"name": "Makefile", "text": "all:\n\techo\n" * 20}], "sandbox": False}),
    ("header", "infrastructure", {"output": "No module", "missing_setup": ["npm ci"], "setup_check": "npm test"}),
    ("docs", "escape", {"changes": [{"what": "`main` moved", "undo": "git branch -f main abc"}]}),
    ("writer", "budget", {"measure": "usd", "used": 1.1, "limit": 1.0}),
    ("writer", "stuck", {"reason": "No output for 10 minutes"}),
]


def fill(data: Path, folder: Path) -> dict[str, str]:
    """Write the rows into ``data``, their repositories into ``folder``; gives the sessions' ids by name."""
    repo = make_repo(folder / "shop", {"README.md": "# Shop\n"})
    with seeding(data) as rt:
        found = {"working": _working(rt, repo), "done": _done(rt, folder / "done")}
        found["idle"] = seed_session(rt, repo, title="Not begun", status="idle", plan_version=0).id
        found["failed"] = seed_session(
            rt,
            repo,
            title="Broken",
            status="failed",
            error_message="It broke",
            tasks=[task("t1", "One", status="failed")],
        ).id
        talking = seed_session(rt, repo, title="Talked about", status="brainstorming", idea_card=CARD, plan_version=0)
        _talk(rt, talking)
        found["talking"] = talking.id
        found |= {name: _review(rt, repo) for name in ("review", "approve", "approve-small")}
        environments.remember_environment(
            rt, str(repo), parse_environment({"setup": ["npm ci"], "checks": ["npm test"]})
        )
        pause = models.AccountPause(account="somebody", reason="The usage limit is reached.")
        pause.paused_until = utcnow() + timedelta(minutes=47)
        add(rt, pause)
    return found


def _talk(rt: Runtime, session: models.Session) -> None:
    said = [("user", "A CSV export, please."), ("ai", REPLY), ("user", "And a table?"), ("ai", "Yes. " * 60)]
    tools = [{"name": "read_file", "summary": "Read src/app.py"}]
    rows = [models.Message(session_id=session.id, number=n, role=r, content=c) for n, (r, c) in enumerate(said, 1)]
    rows[1].tool_uses = tools
    rows[3].status, rows[3].error = "failed", "The connection broke."
    add(rt, *rows)


def _review(rt: Runtime, repo: Path) -> str:
    session = sessions.create_session(rt, sessions.NewSession(title="To review", repo_path=str(repo)))
    sessions.start_session(rt, session.id)
    conversation.edit_idea_card(rt, session.id, {"title": "To review", "goals": ["writes an export file"]})
    tasks = [{"id": "one", "title": "Write it"}, {"id": "two", "title": "Explain it", "depends_on": ["one"]}]
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session.id)
        move(tx, row, "idea_ready")
        generation.add_version(tx, row, parse_plan({"summary": "Two steps.", "tasks": tasks}), "generated")
        move(tx, row, "plan_ready")
    return session.id


def _working(rt: Runtime, repo: Path) -> str:
    base, head = run_git(repo, "rev-parse", "main"), commit(repo, {"reader.py": "ROWS = []\n"}, "Read the rows")
    session = seed_session(
        rt, repo, title="At work on the export", status="paused", idea_card=CARD, tasks=TASKS, base_commit=base,
        session_commit=head, checkpoint_commit=head,
    )  # fmt: skip
    _talk(rt, session)
    rows = tasks_of(rt, session)
    common = {"session_id": session.id}
    for n, (key, kind, detail) in enumerate(QUESTIONS):
        add(rt, models.Approval(
            **common, id=f"ask-{n}", task_id=rows[key].id, kind=kind, title=f"Question {n}", detail=detail,
            risk=("high", "medium", "low")[n % 3], signature="Bash:cp" if kind == "tool" else None,
        ))  # fmt: skip
    add(
        rt,
        models.Approval(
            **common,
            kind="tool",
            title="Before",
            status="allowed",
            resolved_at=ago(50),
            detail={"tool": "Bash", "command": "ls"},
        ),
    )
    for n, key in enumerate(("reader", "writer", "header", "command", "docs"), 1):
        ended = key in {"reader", "docs", "header"}
        state = {"status": "ended", "ended_at": ago(100), "outcome": "success"} if ended else {"status": "paused"}
        add(rt, models.Worker(
            **common, **state, task_id=rows[key].id, name=f"W-{n}", attempt=1, started_at=ago(500),
            last_action=f"Read file {n}", input_tokens=5000, cost_usd=0.4,
        ))  # fmt: skip
        check = {
            "command": "python -m pytest -q",
            "exit_code": 0,
            "passed": True,
            "output": "14 passed",
            "task_id": rows[key].id,
        }
        add(rt, models.CheckRun(**common, **check, phase="task", duration_s=2, created_at=ago(120)))
    add(rt, models.Checkpoint(**common, number=0, commit=base, title="Start of the session"))
    add(rt, models.Checkpoint(**common, number=1, commit=head, task_id=rows["reader"].id, title="Read the rows"))
    for number, kept in enumerate((base, head)):
        integration.keep(repo, integration.checkpoint_ref(session.id, number), kept)
    run_git(repo, "branch", session.session_branch, head)
    add(rt, models.Decision(
        **common, decision_type="architecture", context="Which separator?", options=["comma", "semicolon"], chosen=0,
        rationale="As all do.",
    ))  # fmt: skip
    with rt.db.write() as tx:
        for n, (kind, level) in enumerate(
            [
                ("text", "info"),
                ("tool", "info"),
                ("check", "warn"),
                ("error", "error"),
                ("system", "debug"),
                ("git", "info"),
            ]
        ):
            words = f"\x1b[31mLine\x1b[0m {n}\nwith a second line"
            tx.log(
                session.id,
                words,
                kind=kind,
                level=level,
                source="W-1",
                task_id=rows["reader"].id,
                timestamp=ago(60 - n),
            )
        tx.db.add_all(
            models.Metric(session_id=session.id, metric_name=name, metric_value=n, unit="", timestamp=ago(300 - n * 10))
            for n in range(20) for name in ("cpu_percent", "memory_mb", "tokens_output")
        )  # fmt: skip
    return session.id


def _done(rt: Runtime, path: Path) -> str:
    key = new_id()
    branch = f"maestro/done-{key[:8]}/main"
    repo, head = finished_repo(path, branch, FILES)
    session = seed_session(
        rt, repo, title="Say hello", id=key, status="completed", session_branch=branch, session_commit=head,
        checkpoint_commit=head, tasks=[task("t1", "Say hello", status="completed")], completed_at=ago(60),
        result_json={"commit": head, "proven": True, "checks": 1, "tasks": 1, "skipped": 0},
    )  # fmt: skip
    run = {"command": "python -m pytest -q", "exit_code": 0, "passed": True, "output": "14 passed in 0.8s\n" * 30}
    add(rt, models.CheckRun(session_id=session.id, phase="validation", **run))
    add(rt, models.CheckRun(session_id=session.id, phase="task", task_id=tasks_of(rt, session)["t1"].id, **run))
    return session.id
