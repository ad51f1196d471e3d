"""An independent reader: are the six conditions of "nothing is ever lost" true of a data folder and a repository?

Reads SQLite and git by itself and imports nothing of Maestro, so that a mistake there cannot hide itself here.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Acknowledged:
    """What the outside was told, and must therefore be found again."""

    events: dict[int, str] = field(default_factory=dict)  # seq -> type
    logs: dict[int, str] = field(default_factory=dict)  # id -> message
    messages: set[str] = field(default_factory=set)  # ids
    approvals: dict[str, str] = field(default_factory=dict)  # id -> decision
    work: dict[str, str] = field(default_factory=dict)  # files that lay in worktrees before a cancel
    doubled_workers: list[str] = field(default_factory=list)  # sightings of two live workers on one task


def git(repo: Path, *args: str, data: str | None = None) -> str:
    """What git says, as text."""
    environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-C", str(repo), *args]
    done = subprocess.run(command, input=data, capture_output=True, text=True, errors="replace", env=environment)
    return done.stdout.strip("\n")


def checkout_state(repo: Path) -> dict[str, Any]:
    """The user's checkout: HEAD, branches of their own, index, and every file's bytes."""
    branches = [line for line in git(repo, "show-ref", "--heads").splitlines() if "refs/heads/maestro/" not in line]
    files = {str(p.relative_to(repo)): p.read_bytes() for p in repo.rglob("*") if p.is_file() and ".git" not in p.parts}
    head = (repo / ".git" / "HEAD").read_text()
    return {"head": head, "branches": branches, "index": git(repo, "ls-files", "-s"), "files": files}


def violations(data_dir: Path, repo: Path, before: dict[str, Any], told: Acknowledged) -> list[str]:
    """Every broken promise as a sentence; an empty list is what one wants."""
    db = sqlite3.connect(f"file:{data_dir / 'maestro.db'}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    try:
        return [
            *_acknowledged(db, told),
            *_spools(db, data_dir),
            *_commits(repo),
            *_work(repo, told),
            *_tasks(db, repo, told),
            *_user(repo, before),
            *_leftovers(db, data_dir, repo),
        ]
    finally:
        db.close()


def _rows(db: sqlite3.Connection, query: str, *values: Any) -> list[sqlite3.Row]:
    return db.execute(query, values).fetchall()


def _acknowledged(db: sqlite3.Connection, told: Acknowledged) -> Iterator[str]:
    events = {r["seq"]: r["type"] for r in _rows(db, "select seq, type from events")}
    for seq, kind in told.events.items():
        if events.get(seq) != kind:
            yield f"event {seq} ({kind}) was seen and is {events.get(seq)} now"
    logs = {r["id"]: r["message"] for r in _rows(db, "select id, message from agent_logs")}
    for number, message in told.logs.items():
        if logs.get(number) != message:
            yield f"log row {number} was seen and is gone or changed: {message[:80]!r}"
    known = {r["id"] for r in _rows(db, "select id from messages")}
    for lost in told.messages - known:
        yield f"message {lost} was acknowledged and is gone"
    answers = {r["id"]: r["status"] for r in _rows(db, "select id, status from approvals")}
    for approval, decision in told.approvals.items():
        if answers.get(approval) != decision:
            yield f"approval {approval} was acknowledged as {decision} and is {answers.get(approval)}"
    for row in _rows(
        db, "select ref, type, count(*) n from events where ref is not null group by type, ref having n > 1"
    ):
        yield f"{row['n']} events tell of the same {row['type']} {row['ref']}"
    if (verdict := _rows(db, "pragma integrity_check")[0][0]) != "ok":
        yield f"the database is damaged: {verdict}"


def _spools(db: sqlite3.Connection, data_dir: Path) -> Iterator[str]:
    """What workers wrote is in the tables once, money included."""
    for worker in _rows(db, "select * from workers"):
        entries = list(_entries(data_dir / "workers" / worker["id"] / "events.jsonl"))
        wrote = Counter(e["message"] for e in entries if e.get("type") == "log")
        query = "select message from agent_logs where worker_id = ? and source = ? and kind != 'progress' and kind != 'gate'"
        stored = Counter(r["message"] for r in _rows(db, query, worker["id"], worker["name"]))
        for message, count in wrote.items():
            if stored[message] != count:
                yield f"{worker['name']} wrote {message[:60]!r} {count} times, stored {stored[message]} times"
        usages = [
            e if e["type"] == "usage" else e.get("usage") or {} for e in entries if e.get("type") in {"usage", "result"}
        ]
        for column in ("input_tokens", "output_tokens", "cost_usd"):
            spent = max((float(u.get(column) or 0) for u in usages), default=0.0)
            # A run that died before its agent named a price has cost what its tokens cost: Maestro's own estimate.
            estimated = column == "cost_usd" and not spent and any(u.get("output_tokens") for u in usages)
            if abs(spent - worker[column]) > 1e-6 and not estimated:
                yield f"{worker['name']} used {spent} {column}, recorded {worker[column]}"
    for row in _rows(
        db,
        "select t.key, t.cost_usd a, coalesce(sum(w.cost_usd), 0) b, t.output_tokens c, coalesce(sum(w.output_tokens), 0) d"
        " from tasks t left join workers w on w.task_id = t.id group by t.id",
    ):
        if abs(row["a"] - row["b"]) > 1e-6 or row["c"] != row["d"]:
            yield f"task {row['key']} counts {row['a']} USD, {row['c']} tokens; its workers {row['b']} USD, {row['d']} tokens"


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_bytes().split(b"\n")[:-1]:  # a torn last line was never written
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry


def _commits(repo: Path) -> Iterator[str]:
    """No commit is unreachable, unless one with the same change (rebased, or given trailers) is reachable."""
    lines = git(repo, "fsck", "--unreachable", "--no-reflogs", "--no-progress").splitlines()
    lost = [line.split()[2] for line in lines if line.startswith("unreachable commit")]
    if not lost:
        return
    # Maestro's snapshots of an index are compared by tree, single commits by what they change.
    kept = set(_patches(repo, git(repo, "log", "--all", "-p", "--no-color")))
    trees = set(git(repo, "log", "--all", "--format=%T").split())
    for commit in lost:
        patch = _patches(repo, git(repo, "show", "-p", "--no-color", commit))
        if not set(patch) <= kept and git(repo, "show", "-s", "--format=%T", commit) not in trees:
            yield f"commit {commit[:12]} ({git(repo, 'show', '-s', '--format=%s', commit)}) hangs on no ref"


def _patches(repo: Path, text: str) -> list[str]:
    return [line.split()[0] for line in git(repo, "patch-id", "--stable", data=text).splitlines()]


def _work(repo: Path, told: Acknowledged) -> Iterator[str]:
    if not told.work:
        return
    blobs = {line.split()[0] for line in git(repo, "rev-list", "--objects", "--all").splitlines()}
    for path, content in told.work.items():
        blob = git(repo, "hash-object", "--stdin", data=content)
        if blob not in blobs:
            yield f"uncommitted work {path} is on no ref"


def _tasks(db: sqlite3.Connection, repo: Path, told: Acknowledged) -> Iterator[str]:
    yield from told.doubled_workers
    for session in _rows(db, "select * from sessions where session_commit is not null"):
        tip = git(repo, "rev-parse", "--verify", "-q", f"refs/heads/{session['session_branch']}")
        if tip != session["session_commit"]:
            yield f"the session branch stands at {tip[:12]}, the database says {session['session_commit'][:12]}"
        ends = _rows(db, "select payload from events where session_id = ? and type = 'task_completed'", session["id"])
        ended = Counter(json.loads(r["payload"])["key"] for r in ends)
        doubled = [key for key, n in ended.items() if n > 1]
        if doubled:
            yield f"tasks ended more than once: {doubled}"
        shown = git(
            repo,
            "log",
            "--format=%(trailers:key=Maestro-Task,valueonly,separator=%x2C)",
            f"{session['base_commit']}..{tip}",
        )
        carried = {key for line in shown.splitlines() for key in line.split(",") if key}
        tasks = _rows(db, "select * from tasks where session_id = ?", session["id"])
        points = Counter(
            r["task_id"] for r in _rows(db, "select * from checkpoints where session_id = ?", session["id"])
        )
        for task in tasks:
            done = task["status"] == "completed"
            if done != (task["key"] in carried) or points[task["id"]] != int(done):
                where = f"in the branch: {task['key'] in carried}, checkpoints: {points[task['id']]}"
                yield f"task {task['key']} is {task['status']}, {where}"
        for point in _rows(db, "select * from checkpoints where session_id = ?", session["id"]):
            kept = git(
                repo, "rev-parse", "-q", "--verify", f"refs/maestro/{session['id']}/checkpoints/{point['number']}"
            )
            if kept != point["commit"]:
                yield f"checkpoint {point['number']} is at {point['commit'][:12]}, its ref at {kept[:12]}"


def _user(repo: Path, before: dict[str, Any]) -> Iterator[str]:
    after = checkout_state(repo)
    for part, value in before.items():
        if after[part] != value:
            yield f"the user's {part} changed"


def _leftovers(db: sqlite3.Connection, data_dir: Path, repo: Path) -> Iterator[str]:
    if living := _rows(db, "select name from workers where status != 'ended'"):
        yield f"workers that never ended: {[r['name'] for r in living]}"
    if waiting := _rows(db, "select title from approvals where status = 'pending'"):
        yield f"questions nobody waits for: {[r['title'] for r in waiting]}"
    known = [
        line[9:] for line in git(repo, "worktree", "list", "--porcelain").splitlines() if line.startswith("worktree ")
    ]
    left = [*known[1:], *(str(p) for p in (data_dir / "worktrees").glob("*/*"))]  # the first one is the checkout
    if left:
        yield f"worktrees were left behind: {left}"
    if locks := list((repo / ".git").rglob("*.lock")):
        yield f"lock files were left behind: {locks}"
