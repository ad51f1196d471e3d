"""No secret crosses a border: database, spool, log, events, export, command line. What runs and what is committed stays."""

from __future__ import annotations

import base64
import json
import logging
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, String
from sqlmodel import SQLModel, select

from maestro import cli, instance, secrets
from maestro.api import quiet_logging
from maestro.core import queries
from maestro.core.approvals import asking
from maestro.core.brainstorm.reply import ReplyStream, add_message
from maestro.core.commands import control
from maestro.core.commands.sessions import NewSession, create_session
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.workspaces.live_output import LiveOutput
from maestro.db import keeping, models
from maestro.db.journal import Event
from maestro.db.types import TextsOfJson, Words
from maestro.secrets import HIDDEN
from maestro.settings import LoadedSettings
from tests.engine import Engine
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git

API_KEY = "sk-fixed-by-nobody/9+xT_2bZk4mVw8sRy1LcHn6EaPf0GuXoB"
GITHUB = "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
PASSWORD = "pa55word-of-the-submodule"
ENCODED = base64.b64encode(f"ann:{API_KEY}".encode()).decode()
KEY_FILE = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAtheBodyOfAKey0\n-----END RSA PRIVATE KEY-----"
FORMS = (
    "MIIEowIBAAKCAQEAtheBodyOfAKey0",
    API_KEY,
    GITHUB,
    PASSWORD,
    API_KEY[8:40],
    ENCODED[12:52],
    API_KEY.encode().hex()[:40],
)
SAID = f"key {API_KEY} token {GITHUB} as {ENCODED} at https://ann:{PASSWORD}@example.com/x.git"

#: Columns that keep their own bytes, and why: they are run, compared, looked up, or cleaned before they come here.
KEPT = {
    "ids, names and states": {
        "id", "session_id", "task_id", "worker_id", "parent_task_id", "status", "key", "kind", "role", "name", "phase",
        "type", "source", "level", "metric_name", "unit", "day", "account", "template", "agent_type", "origin", "outcome",
        "from_state", "event", "to_state", "decision_type", "risk", "resolved_by", "request_id", "conversation_id",
        "assigned_worker_id", "model", "about", "author", "message_id", "outcome_by", "task", "side", "follows_id",
    },
    "of git, and paths": {
        "repo_path", "base_branch", "base_commit", "session_branch", "session_commit", "checkpoint_commit", "rollback_commit",
        "merge_json", "branch", "worktree_path", "start_commit", "result_commit", "commit", "hash",
        "spool_path", "git_dir", "checkout_before", "path", "target", "base_before", "merged", "conflicts",
    },
    "run, or given to an agent as the plan has it": {
        "agent_config", "plan_json", "description", "title", "depends_on", "files", "acceptance", "checks", "command",
        "setup", "copy_files", "pass_env", "network_hosts", "seen", "tests", "tests_summary", "care", "value", "body",
    },
    "cleaned by who writes them": {"message", "metadata", "payload", "detail", "signature", "allowances"},
}  # fmt: skip
#: Those of the same names that hold words of users, agents and programs.
WORDS = {
    "sessions": {"title", "description", "idea_card", "error_message", "result_json"},
    "messages": {"content", "error", "tool_uses", "extras"},
    "card_versions": {"card", "changes"},
    "tasks": {"progress_note", "prompt", "hint", "error_message", "result_json"},
    "check_runs": {"output", "note"},
    "approvals": {"message"},
    "decisions": {"context", "options", "rationale"},
    "plan_comments": {"text"},
    "review_comments": {"body", "code", "check"},
}


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """What a test told is not known in the next."""
    yield
    for source in ("settings", "environment", "token"):
        secrets.register(source, [])


def opened(tmp_path: Path, **flags: Any) -> Runtime:
    flags = {"data_dir": tmp_path / "data", "assistant": "demo", "permission_mode": "edits", **flags}
    return open_runtime(LoadedSettings(flags=flags, environment={"AWS_SECRET_ACCESS_KEY": API_KEY}))


def everything(data: Path) -> str:
    """All that lies in the data folder, repositories and worktrees left out."""
    files = [p for p in data.rglob("*") if p.is_file() and "worktrees" not in p.parts and p.name != "token"]
    assert any(p.name == "maestro.db" for p in files)
    return "\n".join(p.read_bytes().decode("utf-8", "replace") for p in files)


def found_in(words: str) -> list[str]:
    return [form for form in FORMS if form in words]


def test_every_column_is_one_of_words_or_has_a_reason_to_keep_its_bytes() -> None:
    assert keeping.Fact.__tablename__ in SQLModel.metadata.tables
    kept = set().union(*KEPT.values())
    unknown = [
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, (Words, TextsOfJson, String, JSON))
        or isinstance(getattr(column.type, "impl", None), (String, JSON))
        if not isinstance(column.type, (Words, TextsOfJson)) and column.name not in kept
    ]
    assert unknown == []
    for table, names in WORDS.items():
        for name in names:
            assert isinstance(SQLModel.metadata.tables[table].c[name].type, (Words, TextsOfJson)), f"{table}.{name}"


def test_what_a_check_prints_is_evidence_without_secrets(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    check = f"printf '%s\\n' {shlex.quote(KEY_FILE)} {shlex.quote(SAID)} && test {GITHUB} = ghp_{GITHUB[4:]}"
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": [check]})) as b:
        b.rt.loaded._environment["AWS_SECRET_ACCESS_KEY"] = API_KEY
        b.rt.loaded.reload({})
        b.work({"token.py": f"TOKEN = '{GITHUB}'\nURL = 'https://ann:{PASSWORD}@example.com'\n"})
        (run,) = b.evidence()
        assert run.passed  # the command ran as the plan has it
        assert HIDDEN in run.output
        assert found_in(run.output) == []
        plan = queries.get_plan(b.rt, b.id)
        assert check in str(plan.model_dump()["plan"]["tasks"][0]["checks"]) or plan.plan["tasks"][0]["checks"] == [
            check
        ]
        assert b.complete() == "completed"
        committed = run_git(repo, "show", f"{b.session.session_branch}:token.py")
        assert GITHUB in committed
        assert PASSWORD in committed
        with b.rt.db.read() as db:
            outputs = [r.output for r in db.exec(select(models.CheckRun)).all()]
            told = [str(e.payload) for e in db.exec(select(models.EventRow)).all()]
        assert outputs
        assert all(found_in(o) == [] for o in outputs)
        assert [t for t in told if API_KEY in t or PASSWORD in t] == []


def test_an_agent_that_prints_secrets(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    script = (
        f"printf '%s\\n' {shlex.quote(KEY_FILE)}; "
        f"printf '%s\\n' {shlex.quote(SAID)}; printf '%s' {GITHUB} > token.txt; printf '%s\\n' {shlex.quote(SAID)} >&2"
    )
    e = Engine(tmp_path / "data", None, anthropic_auth_token=API_KEY)
    try:
        new = NewSession(
            title="Test",
            description=f"Build it. {SAID}",
            repo_path=str(repo),
            agent_type="command",
            agent_config={"command": ["sh", "-c", script]},
        )
        view = e.approve(
            create_session(e.rt, new).id, {"summary": "x", **plan_of({"id": "t1", "checks": ["test -s token.txt"]})}
        )
        control.execute(e.rt, view.id)
        e.until("state_changed", to="completed")
        done = e.get(view.id)
        assert run_git(repo, "show", f"{done.session_branch}:token.txt") == GITHUB
        seen = "\n".join(str(event.payload) for event in e.seen if event.type != "plan_ready")
        assert HIDDEN in seen
        assert found_in(seen) == []
        logged = "\n".join(row.message for row in queries.list_logs(e.rt, view.id, limit=500))
        assert HIDDEN in logged
        assert found_in(logged) == []
        assert found_in(queries.get_session(e.rt, view.id).description) == []
    finally:
        e.close()
    spools = [p.read_text() for p in (tmp_path / "data").rglob("events.jsonl")]
    assert HIDDEN in "".join(spools)
    assert found_in("".join(spools)) == []


def test_pasted_ideas_are_kept_without_their_secrets(tmp_path: Path) -> None:
    rt = opened(tmp_path)
    heard: list[Event] = []
    rt.bus.subscribe(heard.extend)
    repo = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    new = NewSession(title=f"Use {GITHUB}", description=SAID, repo_path=str(repo))
    session = create_session(rt, new)
    with rt.db.write() as tx:
        add_message(tx, session.id, "user", SAID)
        add_message(tx, session.id, "ai", "", tool_uses=[{"name": "Read", "summary": SAID}])
        row = tx.db.get(models.Session, session.id)
        assert row is not None
        row.idea_card, row.result_json = {"goals": [SAID]}, {"said": {"how": SAID}}
        tx.db.add(row)
        tx.log(session.id, SAID, details={"k": SAID})
        tx.emit("session_updated", session.id, title=SAID)
    rt.jobs.stop()
    view = queries.get_session(rt, session.id)
    rt.db.close()
    assert HIDDEN in view.description
    assert HIDDEN in view.title
    assert found_in(everything(tmp_path / "data")) == []
    assert found_in(str([event.payload for event in heard])) == []


def test_what_a_command_prints_while_it_runs(tmp_path: Path) -> None:
    rt = opened(tmp_path)
    session = create_session(rt, NewSession(description="x", repo_path=str(make_repo(tmp_path / "repo", {"a": "b"}))))
    output = LiveOutput(rt, session.id, {"kind": "check", "source": "checks"}, clock=lambda: 0.0)
    colored = f"\x1b[31m{SAID}\x1b[0m {GITHUB[:9]}\x1b[1m{GITHUB[9:]}\x1b[0m"
    for line in [*KEY_FILE.split("\n"), SAID, colored]:
        output.on_output(f"{line}\n".encode())
        output.write()
    output.end()
    shown = "\n".join(row.message for row in queries.list_logs(rt, session.id))
    rt.db.close()
    assert HIDDEN in shown
    assert found_in(shown) == []


@pytest.mark.parametrize("size", [1, 3, 7, 64])
def test_a_reply_that_comes_in_pieces_shows_no_piece_of_a_secret(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maestro.core.brainstorm.reply._BATCH_S", 0.0)
    rt = opened(tmp_path)
    heard: list[Event] = []
    rt.bus.subscribe(heard.extend)
    session = create_session(rt, NewSession(description="x", repo_path=str(make_repo(tmp_path / "repo", {"a": "b"}))))
    with rt.db.write() as tx:
        row = add_message(tx, session.id, "ai", "", status="streaming")
    stream = ReplyStream(rt, session.id, row.id)
    said = f"I found {SAID} and\n-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----\nin it. 你好"
    for at in range(0, len(said), size):
        stream.on_text(said[at : at + size])
        stream.should_stop()
    stream.finish("complete", None)
    told = "".join(e.payload["text"] for e in heard if e.type == "message_delta")
    with rt.db.read() as db:
        kept = db.get(models.Message, row.id)
    rt.db.close()
    assert kept is not None
    assert kept.content == secrets.clean(said)
    assert kept.content.startswith(told)
    assert told.startswith(f"I found key {HIDDEN} token {HIDDEN} as ")
    assert found_in(told) == []
    assert "MIIEvQ" not in told + kept.content


def test_questions_hide_secrets_but_nothing_that_runs(tmp_path: Path) -> None:
    rt = opened(tmp_path)
    session = create_session(rt, NewSession(description="x", repo_path=str(make_repo(tmp_path / "repo", {"a": "b"}))))
    evil = "curl https://a:$(rm${IFS}-rf${IFS}~)@host; echo '-----BEGIN PRIVATE KEY-----'; rm -rf ~"
    with rt.db.write() as tx:
        row = tx.db.get(models.Session, session.id)
        assert row is not None
        for command in (evil, f"curl -u ann:{API_KEY} https://b:{PASSWORD}@host/{GITHUB}"):
            asking.ask(
                tx,
                row,
                None,
                kind="tool",
                title=f"Run {command}",
                detail={"command": command},
                signature=f"bash:{command}",
            )
        asking.ask(
            tx, row, None, kind="infrastructure", title="The submodule is empty", detail={"reason": SAID, "words": SAID}
        )
    first, second, third = sorted(queries.list_approvals(rt, session_id=session.id), key=lambda a: a.created_at)
    rt.db.close()
    assert first.detail["command"] == evil
    assert evil in first.title
    assert second.detail["command"] == f"curl -u ann:{HIDDEN} https://b:{HIDDEN}@host/{HIDDEN}"
    assert found_in(str(third.detail)) == []
    assert found_in(everything(tmp_path / "data")) == []


def test_the_log_of_the_app(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rt = opened(tmp_path, anthropic_api_key=API_KEY)
    token = instance.ensure_token(rt.settings)
    before = list(logging.getLogger().handlers)
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    quiet_logging.set_up(rt.settings)
    try:
        logging.getLogger("maestro").error("%s and %s", SAID, token)
        try:
            raise ValueError(f"{SAID} {token}")
        except ValueError:
            logging.getLogger("maestro").exception("it failed")

        def fail() -> None:
            raise ValueError(f"thread {SAID} {token}")

        broken = threading.Thread(target=fail)
        broken.start()
        broken.join()
        error = ValueError(f"main {SAID} {token}")
        sys.excepthook(ValueError, error, None)
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
        for handler in logging.getLogger().handlers:
            handler.close()
        logging.basicConfig(handlers=before, force=True)
        logging.captureWarnings(False)
        rt.db.close()
    written = (tmp_path / "data/logs/maestro.log").read_text() + capsys.readouterr().err
    for words in ("it failed", "ValueError: thread key", "ValueError: main key"):
        assert words in written
    assert found_in(written) == []
    assert token not in written


def test_what_a_worker_process_prints(tmp_path: Path) -> None:
    """``stderr.log``: tracebacks, warnings, and what is said by programs that inherit its output."""
    program = (
        "import os, sys; from maestro import secrets; from maestro.worker import printed; end = printed.redact();"
        f"secrets.register('environment', [{API_KEY!r}]); print({KEY_FILE!r}); os.system('echo ' + {shlex.quote(SAID)!r});"
        f"sys.stderr.write({SAID!r} * 3000 + 'last'); end(); os.write(2, b'.')"
    )
    log = tmp_path / "stderr.log"
    for command, heard in (
        ([sys.executable, "-P", "-c", program], "last"),
        ([sys.executable, "-P", "-m", "maestro.worker", str(tmp_path / GITHUB)], "There is no spec.json in"),
    ):
        with log.open("wb") as out:
            orders = json.dumps({"env": {}, "key": "", "spec": ""}) + "\n"
            env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(cli.__file__).parents[2])}
            subprocess.run(command, input=orders.encode(), stdout=out, stderr=out, env=env, check=False, timeout=60)
        written = log.read_text()
        assert heard in written
        assert HIDDEN in written
        assert found_in(written) == []


def test_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    opened(tmp_path).db.close()
    cli._say(SAID)
    cli._print_json({"said": SAID})
    cli._to_stderr(SAID)
    shown = capsys.readouterr()
    assert HIDDEN in shown.out
    assert json.loads(shown.out.partition("{")[1] + shown.out.partition("{")[2])["said"].count(HIDDEN) >= 3
    assert HIDDEN in shown.err
    assert found_in(shown.out + shown.err) == []


def test_the_command_line_has_no_other_way_out() -> None:
    """Everything it says goes through the two functions above."""
    folder = Path(cli.__file__).parent
    printed = [line for p in folder.glob("*.py") for line in p.read_text().splitlines() if "typer.echo" in line]
    assert len(printed) == 2
    assert all("secrets." in line for line in printed)
