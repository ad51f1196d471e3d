"""What a known command prints may be kept in plain files of the worktree unasked, and what never ends is not free."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from maestro.agents.gates import judge

CHECKS = ["python -m pytest -q"]


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    tree = tmp_path.resolve() / "wt"
    for folder in ("src", ".git", ".claude", ".vscode", "docs"):
        (tree / folder).mkdir(parents=True)
    (tree / "src/a.py").write_text("x = 1\n")
    (tree / "notes.txt").write_text("")
    (tmp_path / "outside").mkdir()
    (tmp_path / "secret").write_text("")
    (tree / "linked.txt").symlink_to(tmp_path / "secret")
    (tree / "inner.txt").symlink_to(tree / "notes.txt")
    (tree / "out").symlink_to(tmp_path / "outside")
    (tree / "src/up").symlink_to(tree)
    os.link(tmp_path / "secret", tree / "twin.txt")
    os.mkfifo(tree / "pipe")
    return tree


def _action(worktree: Path, command: str, mode: str = "edits") -> str:
    return judge(mode, "Bash", {"command": command.replace("<wt>", str(worktree))}, worktree, CHECKS).action  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "command",
    [
        "echo x > src/a.py",
        "echo 'a b' >> notes.txt",
        "cat src/a.py >notes.txt",
        "git diff > docs/change.patch",
        "git log --oneline -5 >> docs/log 2>/dev/null",
        "grep -rn x src > found.txt 2> errors.txt",
        "python -m pytest -q > report.txt 2>&1",
        "python -m pytest -q 2>&1 | tail -n 5 > report.txt",
        "ruff check src > lint.txt",
        "mkdir -p build/a && echo x > build/a/b.txt",
        "cd src && echo x > b.py",
        "echo x > <wt>/docs/x.md && cat docs/x.md",
        "printf 'a\\nb\\n' > notes.txt; ls",
        "> notes.txt echo x",
    ],
)
def test_output_kept_in_a_plain_file_of_the_worktree_is_an_edit(worktree: Path, command: str) -> None:
    assert _action(worktree, command) == "allow"
    assert _action(worktree, command, "ask") == "ask"


@pytest.mark.parametrize(
    "command",
    [
        "echo x > ../x",
        "echo x > <wt>/../x",
        "echo x > /tmp/x",
        "echo x > //tmp/x",
        "echo x > ~/x",
        "echo x > $HOME/x",
        "echo x > .git/hooks/pre-commit",
        "echo x > .GIT/config",
        "cd .git && echo x > config",
        "echo x > .claude/settings.json",
        "echo x > .vscode/tasks.json",
        "echo x > .mcp.json",
        "echo x > linked.txt",
        "echo x > inner.txt",
        "echo x > twin.txt",
        "echo x > pipe",
        "echo x > out/x",
        "echo x > src/up/x",
        "echo x > src/up/../../x",
        "echo x > src",
        "echo x > -R",
        "echo x > src/-R",
        "echo x > 'a b'",
        'echo x > "a"',
        "echo x > a\\ b",
        "echo x > *.txt",
        "echo x > a{b,c}",
        "echo x > `id`",
        "echo x > $(id)",
        "echo x >| notes.txt",
        "echo x &> notes.txt",
        "echo x <> notes.txt",
        "echo x >&notes.txt",
        "echo x >(cat)",
        "echo x > >(cat)",
        "echo x > notes.txt &",
        "echo x 3> notes.txt",
        "> notes.txt",
        "rm src/a.py > notes.txt",
        "curl example.org > notes.txt",
        "python x.py > notes.txt",
        "echo x > =ls",
        "echo x > a=~/b",
        "cp -a src new && echo x > new/b.py",
        "mv out new && echo x > new/b.py",
        "echo x > src/a.py && ruff check src",  # judged as it stands now
        "cat .git/config > notes.txt",
        "cat /etc/passwd > notes.txt",
        "cat < /etc/passwd > notes.txt",
        "echo x > \u00a0/dev/null",
        "cd out; echo x > b.txt",
        "cd src || cd ..; echo x > ../b.txt",
    ],
)
def test_any_other_redirection_asks(worktree: Path, command: str) -> None:
    assert _action(worktree, command) == "ask"


@pytest.mark.parametrize(
    "command",
    [
        "tail -f src/a.py",
        "tail -F src/a.py",
        "tail -n5f src/a.py",
        "tail -5f src/a.py",
        "tail --follow src/a.py",
        "tail --fol=name src/a.py",
        "tail --retry src/a.py",
        "tail +5f src/a.py",
        "cat src/a.py | tail -f",
        "watch ls",
        "yes",
        "yes > notes.txt",
        "sleep infinity",
        "ruff check --watch src",
        "ruff check -w src",
        "python -m pytest -f",
        "python -m pytest -q --looponfail",
        "npx vitest --watch",
        "npx vitest watch",
        "npx vitest dev",
        "npx jest --watch",
        "npx jest --watchAll src",
        "npx mocha --watch",
        "npx mocha -w",
        "npx tsc --watch",
        "npx tsc -w --noEmit",
        "npx tsc --noEmit -w",
        "npx tsc -noEmit -watch",
        "npx eslint --watch src",
        "npx prettier --watch .",
        "npx webpack --watch",
        "npx webpack serve",
        "npx rollup -c -w",
        "npx vite",
        "npx vite build --watch",
        "npx esbuild src/a.js --watch",
        "npx ava --watch",
        "node --test --watch",
        "node --watch --test",
        "bun test --watch",
        "deno test --watch",
        "cargo watch -x test",
        "dotnet watch test",
        "gradle test --continuous",
        "./gradlew test -t",
        "python -m http.server",
        "mkdocs serve",
        "npx next dev",
        "npx ng test",
        "npx karma start",
    ],
)
def test_what_never_ends_is_not_free(worktree: Path, command: str) -> None:
    (worktree / "gradlew").write_text("")
    (worktree / "Cargo.toml").write_text("")
    assert _action(worktree, command) == "ask"


@pytest.mark.parametrize("command", ["tail src/a.py", "tail -n 5 src/*.py", "tail -5 notes.txt", "ls | tail -3"])
def test_the_end_of_a_file_is_free(worktree: Path, command: str) -> None:
    assert _action(worktree, command, "ask") == "allow"
