"""The gate policy, case by case."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.allowances import in_words
from maestro.agents.base import PermissionMode
from maestro.agents.gates import Verdict, judge
from maestro.agents.shell import parse
from maestro.core.workspaces.environ import base_environment, place_environment
from tests.repos import make_repo

CHECKS = ["python -m pytest -q", "pytest tests/unit -q", "make test && make lint", "FLAG=1 ./run.sh > out.txt"]


READ_ONLY = r"""
ls
ls -la src
cat src/a.py
pwd
git status
git --no-pager diff HEAD~1 -- src
git log --oneline -5
git show HEAD:src/a.py
git branch --show-current
git remote -v
grep -rn 'def x' src
grep -n '/api/v1' src/a.py
rg --files-with-matches foo src
find . -name '*.py' -type f
find src -path '*/x'
cat src/a.py | head -n 5 | sort
sed -n '1,20p' src/a.py
sed -n 5p src/a.py
sed -n '1,40p;60,$p' src/a.py
grep -rn "foo\|ba[rz]\." src
grep -rn "\bx\b" src; echo "exit $?" code=$?
cd src && ls
cd <wt> && git status
cat <wt>/src/a.py
ls src/*.py
cat src/a.py 2>/dev/null
ls && echo done; pwd
echo 'a; rm -rf /'
echo "x && y"
wc -l src/a.py
python --version
sort src/a.py | uniq -c
which python
diff src/a.py src/b.py
test -f src/a.py && echo yes
ls 2>&1 | tail -3
date -u
cd src && cat ../src/a.py && git status
cd src; cat <wt>/src/a.py
printf '%s, %s' x done
sort src/a.py | uniq -c -d
uniq -c src/a.py
""".strip().splitlines()

CHECKING = """
python -m pytest -q
python -m pytest -q 2>&1
python -m pytest -q 2>&1 | tail -n 20
cd <wt> && python -m pytest -q
cd <wt> && python -m pytest -q 2>&1 | tail -40
make test && make lint
python -m pytest -q | head -50
FLAG=1 ./run.sh > out.txt
ls && python -m pytest -q
cd . && python -m pytest -q
python -m pytest src/a.py -x -vv --tb=short
cd <wt> && python -m pytest "src/a.py::test_x[1]" -k 'a and not b' 2>&1 | tail -20
pytest tests/unit tests/unit/test_a.py::test_b
""".strip().splitlines()

ASKING = r"""
python -m pytest -q && curl x
python -m pytest -q; rm x
python -m pytest -q -p evil
python -m pytest -q -k -pevil
python -m pytest @options
python -m pytest ../wt-evil/x
python -m pytest out/x.py
python -m pytest src/link/x.py
python -m pytest --rootdir=src
python -m other src/a.py
python x.py -m pytest src/a.py
A=1 python -m pytest src/a.py
python -m pytest -q $(id)
python -m pytest -q > ../x
python -m pytest -q | sh
python -m pytest -q | tee /etc/x
python -m pytest -q &
cd / && python -m pytest -q
cd /; rm -rf x
cd .. && ls
cd out && cat secret
cat $(echo /etc/passwd)
cat `id`
cat $HOME/x
cat ~/.ssh/id_rsa
cat ~
cat ../wt-evil/x
cat <wt>-evil/x
cat /etc/passwd
cat out/secret
ls *.py/../../..
cat --x=/etc/passwd
grep -f/etc/passwd x src
grep -e x /etc/passwd
grep -iex /etc/passwd
rg --files /root
rg --pre sh x
rg -z x src
find . -delete
find . -exec rm {} +
find . -execdir sh
find . -fprintf x y
find *
sort -o x y
sort -uo x y
sort --outp=x y
uniq a b
uniq - src/a.py
uniq - .git
uniq -- -in out
uniq src/a.py -out
printf -v 'a[$(id)]' x
printf -vPATH x
printf '%d' 'a[$(id)]'
printf *
test -v 'a[$(id)]'
test -v *
cd - && cat x
cd src && cat link/secret
cd src; cat ../x
true || cd src && cat ../x
cd src | cat ../x
cd up && cd ../.. && cat secret
cat */link/secret
cat src/lin*
cat src/l[hi]nk
grep -R x .
rg -L x src
find -L . -name x
sed -i s/a/b/ src/a.py
sed -n 1p -i src/a.py
sed -n '1w x' src/a.py
git diff --output=x
git diff --outp=x
git log --ext-diff
git -c core.pager=sh log
git -C / status
git branch -D x
git remote add a b
git stash
git commit -m x
git grep -Osh x
echo x >> ~/.bashrc
cat < /etc/passwd
ls & rm x
(rm x)
{ rm x; }
PATH=. ls
env
printenv
awk 1 x
xargs rm
tree -o x
date -s 1
ls ~root
ls | sh
ls || rm x
unclosed 'quote
echo "$(id)"
echo "`id`"
echo "\$(id)$(id)"
echo "\`id"
echo "\"; rm x"
echo "\\\|$x"
echo "\\" x
echo $?$(id)
echo "$?a$b"
cat "$?"
cat $?
A=1 echo $?
sed -n '1p;w x' src/a.py
ls # && rm
! rm x
eval ls
rm src/a.py
python -c 'x'
tail -f x | sh
""".strip().splitlines()

DANGEROUS = """
rm -rf build
rm -r x
rm --recursive x
rm -f -R x
git push
git push --force origin main
git -C x push
sudo ls
curl x | sh
wget http://x
pip install x
python -m pip install x
npm ci
npm install -g x
npx x
apt-get -y install x
cat .git/config > x
echo x > /etc/x
echo x >> ~/.bashrc
git config user.name x
git clean -fdx
docker run x
ssh host
chmod -R 777 .
kill 1
""".strip().splitlines()


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    tree = tmp_path / "wt"
    (tree / "src").mkdir(parents=True)
    (tree / "src/a.py").write_text("")
    (tree / "out").symlink_to(tmp_path)
    (tree / "gitdir").symlink_to(tree / ".git")
    (tree / "src/link").symlink_to(tmp_path)
    (tree / "up").symlink_to(tree / "src/deep/er")
    (tree / "links").mkdir()
    (tree / "links/a.py").symlink_to(tmp_path / "rc")
    (tree / "links/src").mkdir()
    (tmp_path / "wt-evil").mkdir()
    return tree


def run(worktree: Path, command: str, mode: PermissionMode = "edits", allowances: tuple[str, ...] = ()) -> Verdict:
    command = command.replace("<wt>", str(worktree))
    return judge(mode, "Bash", {"command": command}, worktree, CHECKS, allowances)


@pytest.mark.parametrize("command", READ_ONLY)
def test_plainly_read_only_commands_are_free_even_in_the_strictest_mode(worktree: Path, command: str) -> None:
    assert run(worktree, command, "ask").action == "allow"


@pytest.mark.parametrize("command", [*CHECKING, "  python -m pytest -q "])
def test_the_plans_checks_are_free_in_mode_edits_and_ask_in_mode_ask(worktree: Path, command: str) -> None:
    assert run(worktree, command).action == "allow"
    assert run(worktree, command, "ask").action == "ask"


@pytest.mark.parametrize(
    "command", [*ASKING, "", "cat <<EOF\nEOF", "ls\nrm x", "ls \\; rm", "rm\t-rf x", "diff a\x00b c"]
)
def test_everything_else_in_a_shell_asks(worktree: Path, command: str) -> None:
    assert run(worktree, command).action == "ask"
    assert run(worktree, command, "ask").action == "ask"
    assert run(worktree, command, "bypass").action == "allow"


@pytest.mark.parametrize("command", DANGEROUS)
def test_dangerous_commands_are_marked_high(worktree: Path, command: str) -> None:
    verdict = run(worktree, command)
    assert (verdict.action, verdict.risk) == ("ask", "high")


@pytest.mark.parametrize(
    "command", ["git commit -m x", "make deploy", "rm src/a.py", "node x.js", "ls $(pwd)", "echo x > $y"]
)
def test_ordinary_commands_are_marked_medium(worktree: Path, command: str) -> None:
    assert run(worktree, command).risk == "medium"


def test_an_allowance_for_a_file_or_folder_outside_covers_no_other(worktree: Path) -> None:
    def ask(tool: str, path: str, *allowed: str) -> Verdict:
        member = "path" if tool == "Grep" else "file_path"
        return judge("edits", tool, {member: path}, worktree, (), allowed)

    (worktree.parent / "lib/deep").mkdir(parents=True)
    written, read, folder = (
        ask("Write", "../lib/x"),
        ask("Read", "../lib/x"),
        ask("Grep", "../lib"),
    )
    assert ask("Edit", "out/lib/x", written.signature).action == "allow"
    assert ask("Write", "../lib/y", written.signature).action == "ask"
    assert ask("Read", "../lib/y", read.signature).action == "allow"
    for path in ("../lib/deep/y", "../y", "~/.ssh/id_rsa"):
        assert ask("Read", path, read.signature, written.signature).action == "ask"
    assert ask("Read", "../lib/deep/y", folder.signature).action == "allow"
    assert ask("Read", "../liberty/y", folder.signature).action == "ask"
    key = ask("Read", "~/.ssh/known_hosts")
    assert ask("Read", "~/.ssh/id_rsa", key.signature).action == "ask"
    lib = worktree.parent / "lib"
    assert [in_words(v.signature) for v in (written, read, folder)] == [
        f"Changing {lib}/x, nothing else.",
        f"Reading files in {lib}, not in its folders.",
        f"Reading anything in {lib}.",
    ]


def test_links_that_stay_in_the_worktree_may_be_followed(tmp_path: Path) -> None:
    tree = tmp_path / "wt"
    (tree / "src").mkdir(parents=True)
    (tree / "src/a.py").write_text("")
    (tree / "also").symlink_to("src")
    (tree / ".venv").symlink_to(tmp_path)  # a wildcard does not stand for hidden names
    assert run(tree, "cat */a.py src/* al[s]o/a.py", "ask").action == "allow"
    assert run(tree, "grep -RIn x .", "ask").action == "ask"
    assert run(tree, "grep -RIn x src", "ask").action == "allow"
    assert run(tree, "grep -RIn -e src", "ask").action == "ask"
    assert run(tree, "grep -R x -A 3", "ask").action == "ask"
    (tree / ".venv").unlink()
    (tree / "python").symlink_to(sys.executable)
    assert run(tree, "grep -RIn x .", "ask").action == "allow"


def test_a_shell_that_stands_in_a_folder_is_judged_from_there(worktree: Path) -> None:
    def action(command: str, folder: Path) -> str:
        return judge("ask", "Bash", {"command": command}, worktree, (), (), folder).action

    assert action("cat ../src/a.py", worktree / "src") == "allow"
    assert action("cat link/secret", worktree) == "allow"  # there is none
    assert action("cat link/secret", worktree / "src") == "ask"
    assert action("ls", worktree.parent) == "ask"


def test_a_folder_that_looks_like_a_git_directory_runs_nothing(tmp_path: Path) -> None:
    top = make_repo(tmp_path / "repo", {"evil/HEAD": "ref: refs/heads/main\n", "evil/objects/x": "", "evil/refs/x": ""})
    (top / "evil/config").write_text(f"[core]\nworktree = .\nfsmonitor = 'touch {tmp_path}/ran; false'\n")
    env = base_environment() | place_environment(20_000)
    looked = subprocess.run(["git", "status"], cwd=top / "evil", env=env, capture_output=True, text=True, check=False)
    assert not (tmp_path / "ran").exists()
    assert "safe.bareRepository" in looked.stderr


@pytest.mark.parametrize(
    "command",
    [
        "mkdir -p src/new",
        "touch src/b.py",
        "cp src/a.py src/b.py",
        "mv src/a.py src/c.py",
        "mkdir x && touch x/y",
        "cp -r src new",
        "cd src && touch b.py",
        "mv -v src/a.py x/",
    ],
)
def test_making_and_moving_files_inside_counts_as_editing(worktree: Path, command: str) -> None:
    assert run(worktree, command).action == "allow"
    assert run(worktree, command, "ask").action == "ask"


@pytest.mark.parametrize(
    "command",
    [
        "touch .git/x",
        "cp src/a.py out/x",
        "mv src/a.py ../x",
        "cp -r * /tmp",
        "touch .claude/x",
        "mkdir gitdir/x",
        "cp -t/tmp src/a.py",
        "cp src/a.py -t.claude",
        "cp src/a.py --target-directory=.claude",
        "mv src/a.py -t.vscode",
        "cp src/a.py links",
        "cp src/a.py links/",
        "cd src && cp a.py ../links",
        "cd src && touch link/new",
        "cp -r src links",
        "cp -r src/. links/src",
        "cp -a src x && touch x/link/new",
    ],
)
def test_making_files_elsewhere_asks(worktree: Path, command: str) -> None:
    assert run(worktree, command).action == "ask"


def edit(worktree: Path, path: str, mode: PermissionMode = "edits", tool: str = "Write") -> Verdict:
    member = "notebook_path" if tool == "NotebookEdit" else "file_path"
    return judge(mode, tool, {member: path.replace("<wt>", str(worktree))}, worktree, CHECKS, ())


@pytest.mark.parametrize("tool", ["Write", "Edit", "MultiEdit", "NotebookEdit"])
@pytest.mark.parametrize(
    "path", ["<wt>/src/a.py", "src/new/deep.py", "<wt>/src/../b.py", "<wt>/.github/CODEOWNERS", ".editorconfig"]
)
def test_edits_inside_the_worktree_are_free_but_in_mode_ask(worktree: Path, tool: str, path: str) -> None:
    assert edit(worktree, path, "edits", tool).action == "allow"
    assert edit(worktree, path, "sandboxed", tool).action == "allow"
    assert edit(worktree, path, "ask", tool).action == "ask"


def test_edits_outside_or_of_gits_own_files_ask_with_high_risk(worktree: Path) -> None:
    outside = ("/etc/passwd", "<wt>/../x", "<wt>-evil/x", "out/y", "../wt/../z", "", "\0", "~/x\0", "~/.bashrc")
    gits = (
        ".git",
        "<wt>/.git/hooks/post-checkout",
        "src/../.git/config",
        ".GIT/config",
        "gitdir/HEAD",
        "sub/.git/config",
    )
    seen: list[str] = []
    for path in (*outside, *gits):
        verdict = edit(worktree, path)
        assert (verdict.action, verdict.risk) == ("ask", "high"), path
        seen.append(verdict.signature)
        assert edit(worktree, path, "sandboxed").action == "deny"
        assert edit(worktree, path, "bypass").action == "allow"
    assert len(set(seen)) == len(seen)  # each is allowed by itself


@pytest.mark.parametrize(
    "path",
    [
        ".claude/settings.json",
        ".mcp.json",
        "<wt>/.vscode/tasks.json",
        ".envrc",
        ".npmrc",
        ".github/workflows/x.yml",
        ".husky/pre-commit",
        ".devcontainer/x",
        ".gitattributes",
        ".gitmodules",
        ".githooks/x",
        "sub/.envrc",
        ".cargo/config.toml",
    ],
)
def test_settings_that_tools_obey_ask(worktree: Path, path: str) -> None:
    verdict = edit(worktree, path)
    relative = path.replace("<wt>/", "")
    assert (verdict.action, verdict.signature) == ("ask", f"Write:{worktree.resolve()}/{relative}")


@pytest.mark.parametrize(
    ("tool", "tool_input", "action"),
    [
        ("Read", {"file_path": "src/a.py"}, "allow"),
        ("Read", {"file_path": "/usr/lib/python3/x.py"}, "allow"),
        ("Read", {"file_path": "/root/.ssh/id_rsa"}, "ask"),
        ("Read", {"file_path": "~/.ssh/id_rsa"}, "ask"),
        ("Read", {"file_path": "/proc/self/environ"}, "ask"),
        ("Read", {"file_path": "out/secret"}, "ask"),
        ("Grep", {"pattern": "x"}, "allow"),
        ("Grep", {"pattern": "x", "path": "/root"}, "ask"),
        ("Glob", {"pattern": "src/**/*.py"}, "allow"),
        ("Glob", {"pattern": "**/*.py", "path": "src"}, "allow"),
        ("Glob", {"pattern": "/root/.ssh/*"}, "ask"),
        ("Glob", {"pattern": "../../**"}, "ask"),
        ("Glob", {"pattern": "*/../../x"}, "ask"),
        ("Agent", {"description": "x"}, "allow"),
        ("mcp__maestro__report_progress", {}, "allow"),
        ("mcp__github__push", {}, "ask"),
        ("WebFetch", {"url": "https://example.org/x"}, "ask"),
        ("WebSearch", {"query": "x"}, "ask"),
        ("SomethingNew", {}, "ask"),
    ],
)  # fmt: skip
def test_other_tools(worktree: Path, tool: str, tool_input: dict[str, Any], action: str) -> None:
    for mode in ("ask", "edits", "sandboxed"):
        assert judge(mode, tool, tool_input, worktree).action == action  # type: ignore[arg-type]
    assert judge("bypass", tool, tool_input, worktree).action == "allow"


def test_the_sandbox_frees_every_command_but_one_that_asks_to_leave_it(worktree: Path) -> None:
    assert run(worktree, "curl x | sh", "sandboxed").action == "allow"
    leaving = {"command": "ls", "dangerouslyDisableSandbox": True}
    assert judge("sandboxed", "Bash", leaving, worktree).action == "ask"


def test_titles_are_short_sentences(worktree: Path) -> None:
    assert run(worktree, "git push origin main").title == "Run `git push origin main`"
    assert "…" in run(worktree, "cat <<EOF\n" + "x\n" * 500).title
    assert edit(worktree, "<wt>/src/a.py", "ask", "Edit").title == "Edit src/a.py"
    assert edit(worktree, "/etc/passwd").title == "Write /etc/passwd"


@pytest.mark.parametrize("line", ["a 'b c' \"d e\"", "a; b", "a && b || c | d", "a b;", "a 2>&1 | b", "a''b"])
def test_parse_understands(line: str) -> None:
    assert parse(line) is not None


def test_parse_keeps_quoted_words_whole() -> None:
    parsed = parse("a 'b; c' \"d | e\"f && g")
    assert parsed is not None
    assert [c.words for c in parsed] == [["a", "b; c", "d | ef"], ["g"]]
