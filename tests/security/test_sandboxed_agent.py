"""Claude Code in mode ``sandboxed`` on Linux: everyday work without a question or an alarm, and no way out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from maestro.core import queries
from maestro.db import models
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
