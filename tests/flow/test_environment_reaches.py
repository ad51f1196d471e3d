"""A whole session: what set-up, checks and the agent find of the user's environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core.commands import control
from maestro.core.commands.sessions import NewSession, create_session
from tests.engine import engine
from tests.landing import plan_of
from tests.repos import make_repo
from tests.scripted import scenario

REACHES = {
    "SSH_AUTH_SOCK": "/run/agent.sock", "JAVA_HOME": "/opt/java", "GOPATH": "/opt/go", "CARGO_HOME": "/opt/cargo",
    "NVM_DIR": "/opt/nvm", "NPM_CONFIG_REGISTRY": "https://npm.example.org", "UV_INDEX_URL": "https://pypi.example.org",
    "PIP_INDEX_URL": "https://pypi.example.org", "NODE_EXTRA_CA_CERTS": "/etc/ca.pem", "DATABASE_URL": "postgres://localhost",
}  # fmt: skip
STAYS = {"AWS_SECRET_ACCESS_KEY": "aws-secret", "GITHUB_TOKEN": "gh-secret", "OTHER_URL": "other"}
CLAUDE = {"CLAUDE_CODE_OAUTH_TOKEN": "oat-secret", "CLAUDE_CONFIG_DIR": "/opt/claude"}


def _names(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


def test_tool_chains_reach_all_keys_reach_nobody_and_the_login_only_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (REACHES | STAYS | CLAUDE).items():
        monkeypatch.setenv(name, value)
    repo = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    out = tmp_path / "out"
    out.mkdir()
    config = {
        "setup": [f"env > {out}/setup"], "pass_env": ["DATABASE_URL"], "permission_mode": "bypass",
        "command": ["/bin/sh", "-c", f"env > {out}/agent; echo t1 > t1.txt"],
    }  # fmt: skip
    with engine(tmp_path, scenario(), assistant="claude_code") as e:
        new = NewSession(description="Build it", repo_path=str(repo), agent_type="command", agent_config=config)
        session = create_session(e.rt, new)
        e.approve(session.id, {"summary": "Test", **plan_of({"id": "t1"}, checks=[f"env > {out}/check"])})
        control.execute(e.rt, session.id)
        e.until("state_changed", to="completed")
    for who in ("setup", "check", "agent"):
        found = _names(out / who)
        assert REACHES.items() <= found.items(), who
        assert not STAYS.keys() & found.keys(), who
    for who in ("setup", "check"):
        found = _names(out / who)
        assert not [name for name in found if name.startswith(("CLAUDE", "ANTHROPIC"))]
        assert found["CI"] == "1"
    assert _names(out / "agent")["CLAUDE_CONFIG_DIR"] == "/opt/claude"
