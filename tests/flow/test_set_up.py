"""A worktree's set-up: what its commands print is in the log while they run, and stopping ends it at once."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.commands import control
from maestro.core.kernel.locks import WorkCancelled
from maestro.core.supervisor import steps
from maestro.core.tasks import prompts
from maestro.core.workspaces.preparing import prepare_worktree
from maestro.db.journal import Event
from tests.landing import Bench, bench, plan_of
from tests.repos import make_repo

_PLAN = plan_of({"id": "t1"}, checks=["true"])
_LONG_S = 60


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "# A\n", ".gitignore": "made/\n"})


class _Beginning:
    """A task's worktree is made ready in a thread of its own, as the supervisor would."""

    def __init__(self, b: Bench) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        b.rt.bus.subscribe(lambda batch: [self.events.put(e) for e in batch])
        with b.rt.db.write() as tx:
            row = b.task()
            row.status, row.attempt = "running", 1
            tx.db.add(row)
        self.thread = threading.Thread(target=steps.start_worker, args=(b.rt, b.task().id))
        self.thread.start()

    def until(self, type_: str, words: str) -> Event:
        while True:
            event = self.events.get(timeout=_LONG_S)
            if event.type == type_ and words in str(event.payload.get("message") or event.payload.get("note")):
                return event


def test_what_a_set_up_prints_is_seen_before_it_ends(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    found = r"printf 'Resolving\r50%%\r\033[32mfound 12\033[0m\n'"
    command = f"{found}; until test -e {go}; do sleep 0.05; done; echo end; exit 3"
    with bench(tmp_path, repo, _PLAN, setup=[command]) as b:
        begun = _Beginning(b)
        note = begun.until("task_progress", "Running `printf")
        assert note.payload["key"] == "t1"
        assert b.task().progress_note == note.payload["note"]
        seen = begun.until("log_entry", "found 12")
        assert (seen.payload["message"], seen.payload["source"]) == ("found 12", "setup")
        assert begun.thread.is_alive()
        go.touch()
        begun.until("log_entry", "ended with exit code 3")
        begun.thread.join(_LONG_S)
        assert [line for line in b.logs().splitlines() if line in ("found 12", "end")] == ["found 12", "end"]
        assert b.asked("infrastructure")


def test_a_pause_ends_a_set_up_at_once_and_the_resume_begins_it_anew(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with bench(
        tmp_path,
        repo,
        _PLAN,
        setup=[f"test ! -e half; touch half; printf '%s way\\n' half; test -e {go} || sleep 1000"],
    ) as b:
        begun = _Beginning(b)
        begun.until("log_entry", "half way")
        control.pause(b.rt, b.id)
        begun.thread.join(_LONG_S)
        assert not begun.thread.is_alive()
        with pytest.raises(WorkCancelled):  # a start that looked just before the pause
            prepare_worktree(b.rt, b.session, b.task())
        assert b.logs().splitlines().count("half way") == 1
        go.touch()
        control.resume(b.rt, b.id)
        b.begin()
        assert "ended with exit code 0" in b.logs()


def test_cancelling_ends_a_set_up_at_once(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, _PLAN, setup=["printf '%s way\\n' half; sleep 1000"]) as b:
        begun = _Beginning(b)
        begun.until("log_entry", "half way")
        control.cancel(b.rt, b.id)
        begun.thread.join(_LONG_S)
        assert not begun.thread.is_alive()
        assert b.task().status == "cancelled"
        assert not b.asked("infrastructure")


def test_a_flood_of_output_is_cut_and_what_git_does_not_ignore_is_told(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, _PLAN, setup=["seq 1 3000000; mkdir made left; touch made/a left/b"]) as b:
        b.begin()
        rows = [r for r in queries.list_logs(b.rt, b.id, limit=500) if r.source == "setup"]
        printed = "\n".join(r.message for r in rows)
        assert len(rows) < 20
        assert "1\n2\n" not in rows[0].message
        assert "\n499\n500\n[… more than this is not shown while it runs]" in printed
        assert "\n501\n" not in printed
        assert rows[-1].message.startswith("The setup left left/, which git does not ignore")
        assert "Run already" in prompts.first_prompt(b.task(), b.session, "", [], [])
        assert "3000000" in str(next(r.metadata for r in rows if "ended with exit code 0" in r.message))
