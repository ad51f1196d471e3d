"""Claude Code through a cloud, with the real CLI: the shell's variables reach the assistant and the workers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from maestro.assistants.base import Request, Turn
from maestro.assistants.claude_code import ClaudeCodeAssistant
from maestro.cli.doctor import examine
from maestro.core.kernel import claude_login
from maestro.core.kernel.endpoint import Endpoint
from maestro.core.workspaces.environ import worker_environment
from maestro.settings import LoadedSettings
from tests.scripted import WorkerRun


class Bedrock(ThreadingHTTPServer):
    """Says no to everybody, and remembers who was asked for what."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _No)
        self.asked: list[tuple[str, str]] = []  # path, authorization

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _No(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        assert isinstance(self.server, Bedrock)
        self.server.asked.append((self.path, self.headers.get("authorization") or ""))
        body = json.dumps({"message": "The security token included in the request is invalid."}).encode()
        self.send_response(403)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    server = Bedrock()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["shell", "settings"])
def shell(
    request: pytest.FixtureRequest, bedrock: Bedrock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """A shell with Bedrock, or Claude settings of the user that say so, with the keys in the shell."""
    chosen = {"CLAUDE_CODE_USE_BEDROCK": "1", "ANTHROPIC_BEDROCK_BASE_URL": bedrock.url, "AWS_REGION": "eu-central-1"}
    keys = {"AWS_ACCESS_KEY_ID": "AKIASCRIPTED", "AWS_SECRET_ACCESS_KEY": "scripted-secret-key"}
    folder = tmp_path / "claude"
    folder.mkdir()
    if request.param == "settings":
        (folder / "settings.json").write_text(json.dumps({"env": chosen}))
        chosen = {}
    made = chosen | keys | {"CLAUDE_CONFIG_DIR": str(folder), "ANTHROPIC_API_KEY": "sk-ant-not-for-bedrock"}
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    return made


def _went_there(bedrock: Bedrock) -> bool:
    return any(path.startswith("/model/") and "Credential=AKIASCRIPTED/" in sign for path, sign in bedrock.asked)


def test_the_assistant_asks_bedrock(bedrock: Bedrock, shell: dict[str, str], tmp_path: Path) -> None:
    assistant = ClaudeCodeAssistant(work_dir=tmp_path / "assistant", sign_in=claude_login.assistant_environment)
    # The CLI tries again for minutes after such a no.
    assistant.converse(Request(system="s", history=[Turn("user", "Hello")]), _UntilAsked(bedrock))
    assert _went_there(bedrock), bedrock.asked


def test_a_worker_asks_bedrock_and_says_who_refused(bedrock: Bedrock, shell: dict[str, str], tmp_path: Path) -> None:
    env = worker_environment(Endpoint("claude_code"), tmp_path / "demo")
    blank = {"ANTHROPIC_API_KEY": "", "ANTHROPIC_BASE_URL": ""}
    run = WorkerRun(tmp_path, "", env=blank | env | {"HOME": str(tmp_path / "home")})
    try:
        result = run.result()
    finally:
        run.end()
    assert _went_there(bedrock), (bedrock.asked, result)
    assert (result["outcome"], result["failure"]) == ("failed", "auth")
    assert "Amazon Bedrock refused the sign-in" in result["message"]
    assert "scripted-secret-key" not in run.spool.events.read_text()


def test_doctor_sees_it(shell: dict[str, str], tmp_path: Path) -> None:
    settings = LoadedSettings(flags={"data_dir": tmp_path / "data"}, environment={}, dotenv=None).current
    lines = [finding.line for finding in examine(settings)]
    assert "✓ Claude Code works through Amazon Bedrock (CLAUDE_CODE_USE_BEDROCK)" in lines


class _UntilAsked:
    """A listener that has heard enough when Bedrock was asked."""

    def __init__(self, bedrock: Bedrock) -> None:
        self._bedrock = bedrock

    def on_text(self, delta: str) -> None: ...

    def on_tool(self, name: str, summary: str) -> None: ...

    def on_usage(self, usage: object) -> None: ...

    def should_stop(self) -> bool:
        return _went_there(self._bedrock)
