"""Claude Code in mode ``sandboxed`` on Linux: everyday work without a question or an alarm, and no way out."""

from __future__ import annotations

import os
import socket
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from maestro.core import queries
from maestro.db import models
from tests.app_process import AppProcess
from tests.engine import Engine, engine
from tests.repos import make_repo, run_git
from tests.scripted import bash, scenario, task_rule, write

_SHOP = {
    "shop.py": "def total(prices):\n    return sum(prices)\n",
    "tests/test_shop.py": "from shop import total\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
    "conftest.py": "",
    ".gitignore": "__pycache__/\n.pytest_cache/\n",
}
_CHECK = "python -m pytest -q"
_TURNS = {"approval_requested", "state_changed"}


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with keys."""
    home = tmp_path / "home"
    for name in (".ssh/id_ed25519", ".aws/credentials"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text("KEY")
    monkeypatch.setenv("HOME", str(home))
    return home


def plan(*tasks: str, checks: list[str]) -> dict[str, Any]:
    listed = [{"id": f"t{n}", "title": title, "description": title} for n, title in enumerate(tasks, 1)]
    return {"summary": "s", "checks": checks, "tasks": listed}


def of_repository(repo: Path) -> tuple[str, list[str], bytes, list[str], str]:
    """What nothing in the sandbox may change: the user's refs, hooks, configuration, git folder, checkout."""
    own = [line for line in run_git(repo, "show-ref").splitlines() if "/maestro/" not in line]
    hooks = sorted(path.name for path in (repo / ".git/hooks").iterdir())
    known = {"maestro", "worktrees", "logs", "objects", "refs", "FETCH_HEAD", "packed-refs", "info"}
    names = sorted(path.name for path in (repo / ".git").iterdir() if path.name not in known)
    return "\n".join(own), hooks, (repo / ".git/config").read_bytes(), names, run_git(repo, "status", "--porcelain")


def logged(running: Engine, session_id: str) -> str:
    with running.rt.db.read() as db:
        rows = db.exec(select(models.AgentLog).where(models.AgentLog.session_id == session_id)).all()
    return "\n".join(f"{row.kind}: {row.message}" for row in rows)


_EVERYDAY = [
    bash("python3 - <<'EOF'\nprint(6 * 7)\nEOF"),
    write("discount.py", "def discount(price, percent):\n    return price * (100 - percent) / 100\n"),
    bash("cat > /tmp/look.py <<'EOF'\nfrom discount import discount\nprint(discount(200, 10))\nEOF"),
    bash("PYTHONPATH=. python3 /tmp/look.py > /tmp/out.txt && cat /tmp/out.txt && rm -r __pycache__"),
    bash("python3 -c \"open('tests/test_discount.py', 'w').write('from discount import discount\\n\\n"
         "def test_it():\\n    assert discount(200, 10) == 180\\n')\""),
    bash("python -m pytest -q 2>&1 | tail -n 3"),
    bash("for f in *.py; do wc -l \"$f\"; done; sed -i 's/price/cost/g' discount.py"),
    bash("git status --short && git add -A && git commit -qm 'Add a discount' && git log --oneline | head -3"),
    bash("cd tests && ls"),
    bash("pwd && echo '# more' >> ../shop.py && git diff --stat && git stash -q && git stash pop -q && git diff --stat"),
    bash("cd .. && git switch -q -c side && git switch -q - && git branch -D side && git commit -qam 'A word more'"),
    bash("(python3 -m http.server 8765 --bind 127.0.0.1 >/dev/null 2>&1 & sleep 0.7; curl -sf localhost:8765/ | head -1)"),
    bash("env | grep -c . ; find . -name '*.pyc' -delete; xargs -n1 echo < .gitignore; awk 'END {print NR}' shop.py"),
]  # fmt: skip


def test_everyday_work_asks_nothing_and_alarms_nobody(tmp_path: Path, user: Path) -> None:
    repo = make_repo(tmp_path / "repo", _SHOP)
    before = of_repository(repo)
    script = scenario(task_rule("", *_EVERYDAY, "Done."))
    with engine(tmp_path, script, permission_mode="sandboxed") as running:
        session = running.run(repo, plan("A discount", checks=[_CHECK]))
        running.until("task_completed", timeout_s=180)
        said = logged(running, session.id)
        assert queries.list_approvals(running.rt, session_id=session.id) == [], said
        assert "180" in said
        assert "DOCTYPE" in said, "a server of its own, on loopback"
        done = running.get(session.id)
        subjects = run_git(repo, "log", "--format=%s", f"main..{done.session_branch}").splitlines()
        assert subjects == ["A word more", "Add a discount"], said
        assert not list((running.rt.data_dir / "agents").iterdir()), "what the agent had for itself is gone"
    assert of_repository(repo) == before
    assert not run_git(repo, "fsck", "--connectivity-only")
    assert os.environ["HOME"] == str(user)


#: What an agent would try; each attempt that gets through leaves its name in ``through``.
_HOSTILE = """
import os, pathlib, re, socket, subprocess, time
home, data, repo = pathlib.Path({home!r}), pathlib.Path({data!r}), pathlib.Path({repo!r})
through = []

def attempt(name):
    def run(f):
        try:
            if f():
                through.append(name)
        except Exception:
            pass
    return run

def git(*words):
    return subprocess.run(["git", *words], capture_output=True).returncode == 0

own = pathlib.Path(subprocess.check_output(["git", "rev-parse", "--git-dir"], text=True).strip())

@attempt("wrote home")
def _(): (home / "pwned").write_text("x"); (home / "pwned").unlink()
@attempt("read ssh key")
def _(): return (home / ".ssh" / "id_ed25519").read_text()
@attempt("read the token")
def _(): return (data / "token").read_text()
@attempt("read the database")
def _(): return (data / "maestro.db").read_bytes()
@attempt("found a spool")
def _(): return [p for p in (data / "workers").rglob("*") if p.name.endswith(".jsonl")]
@attempt("read the user's checkout")
def _(): return (repo / ".env").read_text()
(repo / "planted.txt").write_text("x")  # into an empty folder that nobody else sees
@attempt("saw other processes")
def _():
    found = b"".join(p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/environ"))
    return b"scripted-0000" in found or b"ANTHROPIC_API_KEY" in found
@attempt("saw the CLI")
def _(): return any(b"-m\\0maestro.worker" in p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/cmdline"))
@attempt("reached Maestro")
def _(): return socket.create_connection(("127.0.0.1", {port}), 2)
@attempt("reached the model")
def _(): return socket.create_connection(("127.0.0.1", {model}), 2)
@attempt("wrote where its git folder is")
def _(): return [(own / name).write_text("x") for name in ("commondir", "gitdir")]
@attempt("wrote git's configuration")
def _(): return git("config", "core.fsmonitor", "touch fsmonitor-ran") or (repo / ".git/config").write_text("[core]")
@attempt("wrote info")
def _(): (repo / ".git/info").mkdir(exist_ok=True); return (repo / ".git/info/attributes").write_text("* filter=x")
@attempt("wrote the repository's objects")
def _(): return (repo / ".git/maestro-objects/planted").write_text("x")
@attempt("pointed its worktree elsewhere")
def _(): return pathlib.Path(".git").write_text("gitdir: /tmp")
# These work, in a place of its own: what counts is what is seen outside.
pathlib.Path("/tmp/left").write_text("x")
subprocess.Popen(["setsid", "env", "-i", "sh", "-c", "while sleep 0.05; do echo >> ticks; done"])
time.sleep(0.3)
open("through", "w").write(chr(10).join(through))
"""


def test_what_an_agent_tries_gets_nowhere(tmp_path: Path, user: Path) -> None:
    repo = make_repo(tmp_path / "repo", {**_SHOP, ".gitignore": "__pycache__/\n.pytest_cache/\nthrough\nticks\n"})
    (repo / ".env").write_text("STRIPE")
    run_git(repo, "branch", "theirs")
    before = of_repository(repo)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        places = {"home": str(user), "data": str(tmp_path / "data"), "repo": str(repo)}
        ports = {"port": listening.getsockname()[1], "model": 9}
        attempts = _HOSTILE.format(**places, **ports)
        script = scenario(
            task_rule(
                "",
                bash(f"echo {b64encode(attempts.encode()).decode()} | base64 -d > /tmp/try.py; python3 /tmp/try.py"),
                bash(
                    "git commit -q --allow-empty -m Empty && git update-ref refs/heads/main HEAD && git branch -D theirs"
                    " && wc -l through"
                ),
                write("shop.py", _SHOP["shop.py"] + "\n\ndef more():\n    return 1\n"),
                bash("git commit -qam 'More'"),
                "Done.",
            )
        )
        with engine(tmp_path, script, permission_mode="sandboxed") as running:
            session = running.run(repo, plan("More", checks=[_CHECK]))
            running.until("task_started")
            task = running.task(session.id, "t1")
            running.until("worker_terminated", timeout_s=120)
            with running.rt.db.read() as db:
                row = db.get(models.Task, task.id)
                assert row is not None
                worktree = Path(str(row.worktree_path))
            assert (worktree / "through").read_text() == "", logged(running, session.id)
            size = (worktree / "ticks").stat().st_size
            running.until("task_completed", timeout_s=120)
            assert not worktree.exists() or (worktree / "ticks").stat().st_size == size
            assert queries.list_approvals(running.rt, session_id=session.id) == []
            said = logged(running, session.id)
            assert "0 through" in said, said
            assert "The agent left work on refs/heads/main" in said
    assert of_repository(repo) == before
    assert not (user / "pwned").exists()


def test_a_git_folder_that_the_agent_broke_costs_its_commits_and_not_its_work(tmp_path: Path, user: Path) -> None:
    repo = make_repo(tmp_path / "repo", _SHOP)
    before = of_repository(repo)
    script = scenario(
        task_rule(
            "",
            write("more.py", "more = 1\n"),
            bash("git add -A && git commit -qm More && echo > again.py && git add again.py"),
            bash(
                "g=$(git rev-parse --git-common-dir); echo garbage > $g/packed-refs; rm -rf $g/objects/??; git status"
            ),
            "Done.",
        )
    )
    with engine(tmp_path, script, permission_mode="sandboxed") as running:
        session = running.run(repo, plan("More", checks=[_CHECK]))
        running.until("task_completed", timeout_s=180)
        done = running.get(session.id)
        assert {"more.py", "again.py"} <= set(run_git(repo, "ls-tree", "--name-only", done.session_branch).split())
        assert "cannot be imported" in logged(running, session.id)
        assert queries.list_approvals(running.rt, session_id=session.id) == []
    assert of_repository(repo) == before
    assert not run_git(repo, "fsck", "--connectivity-only")


def test_the_demo_runs_in_mode_auto_without_a_question_of_an_agent(tmp_path: Path) -> None:
    """As a newcomer has it: no mode is set."""
    with AppProcess(tmp_path / "data", MAESTRO_PERMISSION_MODE="") as app, app.client() as api, app.events() as events:
        session = api.post("/api/sessions/demo").raise_for_status().json()
        base = f"/api/sessions/{session['id']}"
        for words in ("", "Yes, all of them.", "That is all."):
            if words:
                api.post(f"{base}/messages", json={"content": words}).raise_for_status()
            events.until("message", role="ai", status="complete")
        api.post(f"{base}/plan").raise_for_status()
        events.until("state_changed", to="plan_review")
        api.post(f"{base}/plan/approve").raise_for_status()
        asked = []
        while (event := events.until(where=lambda e: e["type"] in _TURNS, timeout_s=180)).get("to") != "completed":
            assert event.get("to") not in {"failed", "paused"}, api.get(f"{base}/logs").text[-5000:]
            if event["type"] == "approval_requested":
                asked.append((event["kind"], event["title"]))
                answer = {"decision": "allow", "message": "In the block of commands"}
                api.post(f"/api/approvals/{event['approval_id']}", json=answer).raise_for_status()
        done = api.get(base).json()
        assert done["agent_config"]["permission_mode"] == "sandboxed"
        assert done["result"]["proven"]
        kinds = sorted(kind for kind, _ in asked)
        assert kinds == ["agent_question", "task_start"], "the plan says so, one agent wants words; no agent may not"
        api.post(f"{base}/merge", json={}).raise_for_status()
