# ruff: noqa: E501 - commands
"""Ten everyday tasks on a real package, side by side in mode ``auto``: no question, no alarm; without a sandbox it says so."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from maestro.confinement import probing
from maestro.core import queries
from maestro.db import models
from tests import public_package
from tests.engine import Engine, engine
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git
from tests.scripted import bash, call, scenario, task_rule, write

_WHEEL = """\
import zipfile
with zipfile.ZipFile("/tmp/colors_of_ours-1.0-py3-none-any.whl", "w") as wheel:
    info = "colors_of_ours-1.0.dist-info"
    wheel.writestr("colors_of_ours.py", "RED = 31\\n")
    wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: colors-of-ours\\nVersion: 1.0\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", "")
"""

#: Each with what its agent does; the last words of each show that it all ran.
_TASKS: dict[str, list[Any]] = {
    "Look around": [
        bash("pwd && ls -la && git status --short && git log --oneline -5"),
        bash("grep -rn 'def match_file' pathspec | head -20; rg --version >/dev/null 2>&1 || true"),
        bash("find . -name '*.py' -not -path './.git/*' | xargs wc -l | sort -n | tail -5"),
        call("Read", file_path="{cwd}/pathspec/util.py", limit=40),
        bash("cat > NOTES.md <<'EOF'\n# Notes\n\n`match_file` and its $friends\nEOF\nwc -l NOTES.md"),
    ],
    "Fix with a test": [
        bash("python3 - <<'EOF'\nimport pathspec\nprint(pathspec.PathSpec.from_lines('gitignore', ['*.py']).match_file('a.py'))\nEOF"),
        write("pathspec/size.py", "def size(spec):\n  return len( spec.patterns )\n"),
        write("tests/test_size.py", "from pathspec import PathSpec\nfrom pathspec.size import size\n\n\ndef test_size():\n    assert size(PathSpec.from_lines('gitignore', ['*.py'])) == 1\n"),
        bash("python -m pytest -q tests/test_size.py 2>&1 | tail -5"),
        bash("ruff check pathspec/size.py --fix; ruff format pathspec/size.py tests/test_size.py && git diff --stat"),
        bash("PYTHONPATH=. python3 -c 'from pathspec.size import size; print(size)'"),
    ],
    "Rename a helper": [
        bash("mkdir -p pathspec/inner && touch pathspec/inner/__init__.py && git mv pathspec/util.py pathspec/inner/util.py"),
        bash("git ls-files 'pathspec/*.py' | xargs sed -i -E 's/from \\.util import/from .inner.util import/; s/from \\.\\.util/from ..inner.util/'"),
        bash("cp pathspec/inner/util.py pathspec/util.py && mv pathspec/util.py pathspec/old.py && rm -f pathspec/old.py"),
        bash("printf '%s\\n' 'from .inner.util import *' > pathspec/util.py; diff <(git show HEAD:pathspec/util.py) pathspec/util.py | wc -l"),
        bash("rm -rf pathspec/inner && git checkout HEAD -- pathspec && git clean -fdq && git status --short"),
        bash("echo '# A helper may be renamed.' >> pathspec/util.py && tail -1 pathspec/util.py"),
    ],
    "Install a local wheel": [
        bash("python3 - <<'EOF'\n" + _WHEEL + "EOF\nls -l /tmp/*.whl"),
        bash("python3 -m venv --without-pip /tmp/venv && python3 -m zipfile -e /tmp/*.whl /tmp/unpacked && ls /tmp/unpacked"),
        bash("python3 -m pip install --quiet --no-index --no-deps --target /tmp/site /tmp/colors_of_ours-1.0-py3-none-any.whl; "
             "PYTHONPATH=/tmp/site python3 -c 'import colors_of_ours as c; print(c.RED)'"),
        bash("pip list 2>/dev/null | head -3; pip --version"),
        bash("PYTHONPATH=/tmp/site python3 -c 'import colors_of_ours as c; print(c.RED)' > color.txt && cat color.txt"),
    ],
    "An npm script": [
        bash("cat > package.json <<'EOF'\n{\"name\": \"x\", \"private\": true, \"scripts\": {\"test\": \"node --test web/\", \"hello\": \"node -e 'console.log(6*7)'\"}}\nEOF"),
        write("web/sum.test.js", "const test = require('node:test');\ntest('sum', () => { if (1 + 1 !== 2) throw new Error(); });\n"),
        bash("npm test 2>&1 | tail -8 && npm run --silent hello"),
        bash("node - <<'EOF'\nconsole.log(JSON.stringify(require('./package.json').scripts))\nEOF"),
    ],
    "A program": [
        bash("mkdir -p tools && cat > tools/count.sh <<'EOF'\n#!/bin/sh\nset -eu\nfind \"$1\" -type f | wc -l\nEOF\nchmod +x tools/count.sh && ./tools/count.sh pathspec"),
        bash("for f in pathspec/*.py; do n=$(wc -l < \"$f\"); [ \"$n\" -gt 100 ] && echo \"$f: $n\"; done; true"),
        bash("while read -r line; do echo \"> $line\"; done < tools/count.sh | head -2; if [ -x tools/count.sh ]; then echo ok; fi"),
        bash("awk 'END {print NR}' README.rst; cut -c1-20 README.rst | sort | uniq -c | sort -rn | head -3; tr a-z A-Z < tools/count.sh | head -1"),
    ],
    "Git work": [
        bash("git log --oneline -3; git show --stat HEAD | head; git blame README.rst | head -2; git branch -a; git remote -v; git config user.name || true"),
        bash("git switch -q -c try-it && echo one > one.txt && git add -A && git commit -qm 'One' && git switch -q - && git branch -D try-it"),
        bash("echo two > two.txt && git stash -uq && git stash list && git stash pop -q && git add two.txt && git commit -qm 'Two' && git log --oneline | head -2"),
        bash("echo three >> two.txt && git commit -qam 'Three' && git rebase -q HEAD~1 && git diff HEAD~1 --stat && git tag -l | head -3"),
    ],
    "Data and archives": [
        bash("python3 -c \"import sqlite3; d = sqlite3.connect('/tmp/x.db'); d.execute('create table t (a)'); print(d.execute('select 1').fetchall())\""),
        bash("tar czf /tmp/src.tgz pathspec && mkdir -p /tmp/out && tar xzf /tmp/src.tgz -C /tmp/out && diff -r pathspec /tmp/out/pathspec && sha256sum /tmp/src.tgz | cut -c1-8"),
        bash("python3 -c \"import json; json.dump({'a': [1, 2]}, open('data.json', 'w'))\" && python3 -m json.tool data.json && find . -name '*.json' -newer README.rst -exec ls -l {} +"),
        bash("perl -ne 'print if /match/' README.rst | head -2; xargs -n1 echo < data.json; date; whoami; id -u; uname -s; env | wc -l; df -h . | tail -1"),
    ],
    "A server and make": [
        bash("printf 'check:\\n\\tpython3 -m compileall -q pathspec\\n\\n.PHONY: check\\n' > Makefile.local && make -f Makefile.local check && echo made"),
        bash("(python3 -m http.server 8765 --bind 127.0.0.1 >/tmp/server.log 2>&1 & sleep 0.7; curl -sf localhost:8765/ | head -1; kill %1) 2>/dev/null; true"),
        bash("trap 'rm -f /tmp/lock' EXIT; touch /tmp/lock; timeout 20 python3 -c 'print(1)'; CI=1 DEBUG=x env | grep -c DEBUG; nohup true >/dev/null 2>&1 &\nwait; echo waited"),
        bash("rm -rf pathspec/__pycache__; git status --short; cat .gitignore 2>/dev/null | head -2; ls .github 2>/dev/null; echo seen"),
    ],
    "The whole": [
        bash("set -euo pipefail\npython -m pytest -q tests 2>&1 | tail -3\npython3 -m unittest -q tests.test_05_pathspec 2>&1 | tail -3"),
        bash("python -m mypy --version; ruff check pathspec --statistics | tail -3; python3 -m compileall -q pathspec tests && find . -name __pycache__ -prune -exec rm -rf {} +"),
        bash("cat >> CHANGES.rst <<EOF\n\nNothing else, on $(date +%Y) $((1 + 1))\nEOF\ntail -1 CHANGES.rst && sed -n '1,3p' CHANGES.rst && nl -ba CHANGES.rst | head -2"),
    ],
}  # fmt: skip
_CHECK = "python3 -m unittest -q tests.test_01_util"


#: A machine that is busy with other tests may let a worker stand still.
_SLOW = re.compile(r"W-\d+ is not responding|Interrupted: ")


def _plan() -> dict[str, Any]:
    tasks = [{"id": f"t{n}", "title": title, "description": title} for n, title in enumerate(_TASKS, 1)]
    return {"summary": "Everyday work.", "checks": [_CHECK], "tasks": tasks}


def _script() -> Any:
    return scenario(*(task_rule(f"# Task t{n}:", *steps, "Done.") for n, steps in enumerate(_TASKS.values(), 1)))


def _logged(running: Engine, session_id: str) -> list[models.AgentLog]:
    with running.rt.db.read() as db:
        return list(db.exec(select(models.AgentLog).where(models.AgentLog.session_id == session_id)).all())


def _completed(running: Engine) -> list[str]:
    """Wait for the end of the session; what was asked before that, at once."""
    while (event := running.events.get(timeout=240)).type != "state_changed" or event.payload["to"] != "completed":
        running.seen.append(event)
        if event.type == "approval_requested":
            return [str(event.payload["title"])]
    return []


def test_ten_everyday_tasks_ask_nothing_and_alarm_nobody(tmp_path: Path) -> None:
    assert probing.available().works
    repo = public_package.clone(tmp_path / "pathspec")
    with engine(tmp_path, _script(), permission_mode="auto", max_workers=5) as running:
        session = running.run(repo, _plan())
        asked = _completed(running)
        said = _logged(running, session.id)
        whole = "\n".join(f"{row.level} {row.kind}: {row.message}" for row in said)
        assert running.get(session.id).agent_config["permission_mode"] == "sandboxed"
        assert queries.list_approvals(running.rt, session_id=session.id) == [], whole
        assert [t.status for t in queries.list_tasks(running.rt, session.id)] == ["completed"] * len(_TASKS)
        assert [t.attempt for t in queries.list_tasks(running.rt, session.id)] == [1] * len(_TASKS), whole
        assert asked == [], whole
        alarms = [row.message for row in said if row.level in ("warn", "error") and not _SLOW.match(row.message)]
        assert alarms == [], whole
        for words in ("42", "31", "made", "waited", "DOCTYPE", "passed"):
            assert words in whole, words
        names = run_git(repo, "ls-tree", "-r", "--name-only", running.get(session.id).session_branch).split()
        assert {
            "NOTES.md",
            "color.txt",
            "package.json",
            "tools/count.sh",
            "two.txt",
            "data.json",
            "Makefile.local",
        } <= {*names}
    assert run_git(repo, "status", "--porcelain") == ""


def test_without_a_sandbox_the_session_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = make_repo(tmp_path / "repo", {"a": "x\n"})
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh", "python3", "env", "true"):
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))
    probing.available.cache_clear()
    try:
        with bench(tmp_path, repo, plan_of({"id": "t1"}), permission_mode="auto") as b:
            assert b.session.agent_config["permission_mode"] == "edits"
            said = [row.message for row in queries.list_logs(b.rt, b.id) if row.level == "warn"]
    finally:
        probing.available.cache_clear()
    assert len(said) == 1
    for words in ("no sandbox", "bubblewrap and socat are missing", "To change that:", "bubblewrap socat"):
        assert words in said[0]
