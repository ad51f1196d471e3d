"""Files that tools, editors, git or a build server obey: no edit of one is free, and none lands unasked, whatever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.agents.gates import judge
from maestro.core import queries
from tests.engine import engine
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git
from tests.scripted import bash, scenario, task_rule

_NAMES = """
.envrc .husky/pre-commit .husky/_/husky.sh .devcontainer/devcontainer.json .devcontainer.json .npmrc packages/a/.npmrc
.github/workflows/ci.yml .github/actions/x/action.yml .vscode/tasks.json .vscode/settings.json .claude/settings.json
.claude/settings.local.json .claude/hooks/x.sh .mcp.json .gitmodules .gitattributes sub/.gitattributes .gitignore
.gitlab-ci.yml .githooks/post-checkout .gitconfig .idea/workspace.xml .circleci/config.yml .yarnrc.yml .cargo/config.toml
.cursor/rules .travis.yml Jenkinsfile azure-pipelines.yml bitbucket-pipelines.yml .buildkite/pipeline.yml .drone.yml
.run/Tests.run.xml .exrc .nvim.lua .dir-locals.el .gdbinit .netrc .codex/config.toml .gemini/settings.json
"""
_FILES = _NAMES.split()


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    made = make_repo(tmp_path / "repo", {"a": "x\n", ".vscode/tasks.json": "{}\n", "src/x": ""})
    (made / "looks-harmless").symlink_to(".vscode")
    (made / "src/up").symlink_to("..")
    return made


def _spellings(path: str) -> list[str]:
    folder, _, name = path.rpartition("/")
    return [path, f"./{path}", f"src/../{path}", f"src/up/{path}", path.upper(), path.title(), f"{path}.", f"{folder}//{name}"
            if folder else f".//{name}"]  # fmt: skip


@pytest.mark.parametrize("path", _FILES)
def test_no_edit_of_one_is_free(worktree: Path, path: str) -> None:
    for mode in ("ask", "edits", "sandboxed"):
        for spelled in (*_spellings(path), str(worktree / path)):
            for tool in ("Write", "Edit"):
                found = judge(mode, tool, {"file_path": spelled}, worktree)
                assert found.action == "ask", (mode, tool, spelled)


_WRITERS = r"""
echo x > {}
echo x >> {}
printf x >| {}
cat a > './{}'
: > "{}"
tee {} < a
cat a | tee -a {}
cp a {}
mv a {}
install -m 755 a {}
ln -s a {}
ln -sf /tmp/x {}
sed -i s/a/b/ {}
sed -i.bak -e s/a/b/ -- {}
perl -pi -e s/a/b/ {}
touch {}
dd if=a of={}
truncate -s 0 {}
rsync a {}
git checkout HEAD~1 -- {}
git show HEAD:a > {}
curl -so {} http://127.0.0.1/
python3 -c "open('{}', 'w').write('x')"
python3 - <<'E'\nfrom pathlib import Path\nPath("{}").write_text("x")\nE
node -e "require('fs').writeFileSync('{}', 'x')"
cat > {} <<'E'\nx\nE
(cd src && cp a ../{})
bash -c 'echo x > {}'
F={}; echo x > $F
for f in {}; do echo x > "$f"; done
awk '{{print > "{}"}}' a
find . -name a -exec cp {{}} {} \\;
xargs -I% cp % {} < a
"""


@pytest.mark.parametrize("writer", [line.replace("\\n", "\n") for line in _WRITERS.strip().splitlines()])
def test_no_command_that_names_one_writes_it_unasked(worktree: Path, writer: str) -> None:
    for mode in ("edits", "sandboxed"):
        for path in (
            ".envrc",
            ".github/workflows/ci.yml",
            ".GITATTRIBUTES",
            ".husky/pre-commit",
            ".gitignore",
            ".npmrc",
        ):
            command = writer.format(path)
            assert judge(mode, "Bash", {"command": command}, worktree).action == "ask", (mode, command)


def test_what_only_the_shell_reads_is_no_name_for_a_program(worktree: Path) -> None:
    for free in (
        "xargs -n1 echo < .gitignore",
        "xargs -n1 echo <.gitignore; ls",
        "while read a; do echo $a; done <.envrc",
    ):
        assert judge("sandboxed", "Bash", {"command": free}, worktree).action == "allow", free
    for asks in (
        "xargs touch <> .envrc",
        "xargs rm < a > .envrc",
        """python3 -c "open(' < .envrc '.strip()[2:], 'w')" """,
        """python3 -c 'open('"'"' < .envrc '"'"'.strip()[2:], "w")' | cat & (ls) """,
        "tee .envrc < .gitignore",
    ):
        assert judge("sandboxed", "Bash", {"command": asks}, worktree).action == "ask", asks


def test_a_link_in_the_place_of_a_folder_is_the_folder(worktree: Path) -> None:
    assert judge("sandboxed", "Write", {"file_path": "looks-harmless/tasks.json"}, worktree).action == "ask"
    assert judge("edits", "Bash", {"command": "cp a looks-harmless/tasks.json"}, worktree).action == "ask"


_LANDS = [path for path in _FILES if not path.endswith(".gitignore")]


def test_none_lands_unasked_and_a_no_goes_back_to_the_agent(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"a": "x\n", ".npmrc": "save-exact=true\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}, {"id": "t3"})) as b:
        b.work(
            dict.fromkeys(_LANDS, "x\n") | {".gitignore": "dist/\n", "src/.gitkeep": "", ".github/CODEOWNERS": "* @a\n"}
        )
        (change,) = b.asked("check_changed")  # with the diff, for those that checks may obey as well
        b.answer("allow", "check_changed")
        b.land()
        (asked,) = b.asked("outside_files")
        assert asked.detail["what"] == "obeyed"
        assert set(asked.detail["files"]).isdisjoint(item.rpartition(" ")[0] for item in change.detail["items"])
        assert sorted(
            [*asked.detail["files"], *(item.rpartition(" ")[0] for item in change.detail["items"])]
        ) == sorted(_LANDS)
        b.answer("allow", "outside_files")
        assert b.land().status == "completed", [(a.kind, a.title) for a in b.asked()]
        b.work({"b": "y\n"}, "t2")
        assert b.task("t2").status == "completed", "what is there already is no news"
        b.work({".npmrc": None, "c": "z\n"}, "t3")
        assert b.task("t3").status == "waiting", "a change of it is"
        b.answer("deny", "outside_files")
        assert ".npmrc" in str(b.land("t3").prompt)


def test_what_changes_behind_an_answer_is_asked_about_again(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"a": "x\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        b.work({".vscode/tasks.json": "1\n"})
        (asked,) = b.asked("outside_files")
        b.answer("allow", "outside_files")
        assert b.work({".vscode/tasks.json": "2\n"}).status == "waiting"
        assert b.asked("outside_files")[-1].id != asked.id


def test_in_bypass_nothing_is_asked(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"a": "x\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}), permission_mode="bypass") as b:
        assert b.work({".vscode/tasks.json": "1\n"}).status == "completed"


def test_a_name_that_a_script_composes_is_found_at_the_landing(tmp_path: Path) -> None:
    """In the sandbox, with the real agent: commands are free there, so only the landing sees it."""
    repo = make_repo(tmp_path / "repo", {"a": "x\n"})
    composed = "python3 - <<'E'\nimport os\nname = '.' + 'vscode'\nos.mkdir(name)\nopen(f'{name}/tasks.json', 'w').write('{}')\nE"
    script = scenario(task_rule("", bash(composed), bash("git add -A && git commit -qm 'Harmless'"), "Done."))
    plan = {"summary": "s", "checks": ["true"], "tasks": [{"id": "t1", "title": "x", "description": "x"}]}
    with engine(tmp_path, script, permission_mode="sandboxed") as running:
        session = running.run(repo, plan)
        running.until("approval_requested", timeout_s=90)
        (asked,) = queries.list_approvals(running.rt, session_id=session.id)
        assert (asked.kind, asked.detail.get("files")) == ("outside_files", [".vscode/tasks.json"]), (
            asked,
            running.story(),
        )
        done = running.get(session.id)
    assert ".vscode" not in run_git(repo, "ls-tree", "--name-only", done.session_branch)
