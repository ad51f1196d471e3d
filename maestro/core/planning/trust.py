"""Whether a repository's own programs may run: asked once, remembered by repository and by what was shown.

Talking and planning do not ask. What would run the repository's code (set-up, checks, workers, "Try it") waits for the
answer. When what was shown changes, by a pull or by a worker, the trust is gone for what changed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel
from sqlmodel import col, select

from maestro.core.approvals import asking
from maestro.core.kernel import lookup, modes
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.kernel.session_states import State, move
from maestro.core.planning.commands import commands_of
from maestro.core.planning.plan import parse_plan
from maestro.core.tasks import transitions
from maestro.core.views import PlannedCommand
from maestro.core.workspaces import repository_environment
from maestro.db import models
from maestro.db.keeping import Fact
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import InvalidInput, NotAllowed
from maestro.terminal_text import visible
from maestro.worktrees import repository, what_runs
from maestro.worktrees.git import common_dir

Answer = Literal["trusted", "sandboxed", "no"]

#: The kind of its questions.
KIND = "trust"
TITLE = "Do you trust this repository?"

_FACT = "trust:"
#: So many looks at commits are remembered.
_KEPT = 200


class RunsView(BaseModel):
    """Something that work in the repository would run. ``new``: not part of what was agreed to."""

    name: str
    text: str
    new: bool


class TrustView(BaseModel):
    """What is decided on a repository, and what it would run as it is now."""

    repo_path: str
    trust: Answer | None  # null: not decided on
    in_force: Answer | None  # with ``MAESTRO_TRUST``; null: work waits for an answer
    changed: list[str]  # names of what is not covered by the answer
    commands: list[PlannedCommand]  # that are remembered for its worktrees: set-up and checks
    runs: list[RunsView]
    sandbox: bool  # whether "only in the sandbox" can be chosen on this machine


class DecidedView(BaseModel):
    """A repository that was decided on."""

    repo_path: str
    trust: Answer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What holds for a commit: the answer in force (None: ask), and marks that no answer covers, by name."""

    answer: Answer | None
    open: dict[str, str]


def view(rt: Runtime, path: str) -> TrustView:
    """What is decided on the repository at ``path``. Raises InvalidInput naming ``repo_path``."""
    info = repository.inspect(path)
    decided = _decided(rt, info.git_dir)
    now = verdict(rt, info.root, info.head_commit)
    marks = _marks(rt, info.root, info.head_commit)
    ordered = {name: marks[name] for name in sorted(marks, key=lambda n: (n not in now.open, n))}
    shown = what_runs.with_text(info.root, info.head_commit, ordered)
    return TrustView(
        repo_path=str(info.root),
        trust=decided.get("answer"),
        in_force=now.answer,
        changed=sorted(now.open),
        commands=_remembered(rt, info),
        runs=[RunsView(name=r.name, text=r.text, new=r.name in now.open) for r in shown],
        sandbox=modes.no_sandbox() == "",
    )


def decided_on(rt: Runtime) -> list[DecidedView]:
    """The repositories that were decided on, the last first."""
    query = select(Fact).where(col(Fact.name).startswith(_FACT)).order_by(col(Fact.updated_at).desc())
    with rt.db.read() as db:
        rows = [row.value for row in db.exec(query).all() if isinstance(row.value, dict)]
    whole = [r for r in rows if isinstance(r.get("git_dir"), str) and r.get("answer") in get_args(Answer)]
    return [DecidedView(repo_path=r["git_dir"].removesuffix("/.git"), trust=r["answer"]) for r in whole]


def put(rt: Runtime, path: str, answer: Answer) -> TrustView:
    """Decide on a repository as it is checked out now. Raises InvalidInput naming ``repo_path`` or ``trust``."""
    info = repository.inspect(path)
    if answer == "sandboxed":
        check_sandbox()
    marks = _marks(rt, info.root, info.head_commit)
    with rt.db.write() as tx:
        record(tx, str(info.git_dir), answer, marks)
        _answer_open(tx, str(info.git_dir), answer)
    rt.wake()
    return view(rt, path)


def check_sandbox() -> None:
    """Raise InvalidInput where this machine has no sandbox."""
    if words := modes.no_sandbox():
        raise InvalidInput(f"“Only in the sandbox” is not possible here. {words}", {"trust": words})


def record(tx: Transaction, git_dir: str, answer: Answer, marks: dict[str, str]) -> None:
    """Store an answer. A yes is about these marks; those agreed to earlier stay, for other branches have them."""
    row = tx.db.get(Fact, _name(git_dir)) or Fact(name=_name(git_dir))
    before = row.value if isinstance(row.value, dict) and row.value.get("answer") == answer else {}
    shown = {name: list(known) for name, known in (before.get("shown") or {}).items()}
    for name, mark in marks.items():
        if mark not in shown.setdefault(name, []):
            shown[name].append(mark)
    row.value, row.updated_at = {"answer": answer, "git_dir": git_dir, "shown": shown}, utcnow()
    tx.db.add(row)
    tx.emit("trust_changed", "", trust=answer, git_dir=git_dir)


def verdict(rt: Runtime, repo: Path, commit: str) -> Verdict:
    """What holds for a commit of a repository."""
    if _is_the_demos(rt, repo) and not _decided(rt, common_dir(repo)):
        return Verdict("trusted", {})
    if rt.settings.trust == "all":
        decided = _decided(rt, common_dir(repo))
        return Verdict(decided.get("answer") if decided.get("answer") in {"sandboxed", "no"} else "trusted", {})
    decided = _decided(rt, common_dir(repo))
    answer: Answer | None = decided.get("answer")
    if answer in {"sandboxed", "no"}:
        return Verdict(answer, {})
    shown = decided.get("shown") or {}
    marks = _marks(rt, repo, commit)
    uncovered = {name: mark for name, mark in marks.items() if mark not in shown.get(name, ())}
    if answer == "trusted" and not uncovered:
        return Verdict("trusted", {})
    return Verdict("sandboxed" if rt.settings.trust == "sandboxed" else None, uncovered)


def may_run(rt: Runtime, session: models.Session) -> bool:
    """Whether work of a session may run the repository's code now; where nobody has answered it is asked.

    "Only in the sandbox" puts the session into the sandbox; a "no" fails it with the way on.
    """
    if session.demo:
        return True  # Maestro's own repository
    repo = lookup.repository(session)
    found = verdict(rt, repo, session.base_commit)
    if found.answer == "trusted":
        return True
    if found.answer == "sandboxed":
        return _in_sandbox(rt, session)
    if found.answer == "no":
        _fail(rt, session.id, f"{repo} is not trusted: nothing in it runs. Change that with: maestro trust {repo}")
    else:
        _ask(rt, session, repo, found)
    return False


def demand(rt: Runtime, repo: Path, commit: str) -> Answer:
    """The answer under which something of a commit may run right away. Raises NotAllowed where there is none."""
    found = verdict(rt, repo, commit)
    if found.answer in {"trusted", "sandboxed"}:
        return found.answer
    said = (
        "You chose to run nothing from it."
        if found.answer == "no"
        else "You have not decided yet whether its programs may run."
    )
    words = f"{said} Decide with: maestro trust {repo}"
    raise NotAllowed(words, state=found.answer or "undecided", allowed=[])


def instructions_are_material(rt: Runtime, session: models.Session) -> bool:
    """Whether what the repository tells agents is to be weighed, not followed."""
    if session.demo:
        return False
    return verdict(rt, Path(session.repo_path), session.base_commit).answer != "trusted"


def open_changes(rt: Runtime, session: models.Session, head: str) -> dict[str, str]:
    """What a task's commits changed of what was agreed to; nothing where all runs in the sandbox anyway."""
    if session.demo or rt.settings.trust != "ask":
        return {}
    found = verdict(rt, Path(session.repo_path), head)
    if found.answer is not None or in_force(session.agent_config, rt.settings).permission_mode == "sandboxed":
        return {}
    return found.open


def runs_unconfined(rt: Runtime, session: models.Session) -> bool:
    """Whether what a task changed runs as the user where somebody might want to know of it."""
    if session.demo or rt.settings.trust == "all":
        return False
    return in_force(session.agent_config, rt.settings).permission_mode != "sandboxed"


def question_detail(
    repo: Path, commit: str, marks: dict[str, str], git_dir: str, commands: Sequence[PlannedCommand] = ()
) -> dict[str, Any]:
    """What a question shows and what its answer is about; ``commands`` are shown, and agreed to with the plan."""
    shown = what_runs.with_text(repo, commit, dict(sorted(marks.items())))
    return {
        "repo_path": str(repo),
        "git_dir": git_dir,
        "marks": marks,
        "commands": [each.model_dump() for each in commands],
        "runs": [{"name": r.name, "text": r.text} for r in shown],
        "sandbox": modes.no_sandbox() == "",
        "allow": "trust it: its programs run with your permissions",
        "allow_sandboxed": "only in the sandbox",
        "deny": "nothing runs",
    }


def after_answer(tx: Transaction, approval: models.Approval) -> None:
    """Keep what was answered: for the repository, or (of a worker's changes) for what a yes was about."""
    detail = approval.detail
    git_dir, marks = str(detail.get("git_dir")), dict(detail.get("marks") or {})
    if approval.status == "allowed":
        answer: Answer = "sandboxed" if detail.get("chosen") == "allow_sandboxed" else "trusted"
    elif approval.task_id is None:
        answer = "no"
    else:
        return  # the task goes back to its agent
    record(tx, git_dir, answer, marks)
    _answer_open(tx, git_dir, answer)


def _answer_open(tx: Transaction, git_dir: str, answer: Answer) -> None:
    """The same question of other sessions has its answer, too, as far as it is about the same."""
    row = tx.db.get(Fact, _name(git_dir))
    shown: dict[str, list[str]] = row.value["shown"] if row else {}
    query = select(models.Approval).where(models.Approval.kind == KIND, models.Approval.status == "pending")
    for other in tx.db.exec(query).all():
        marks: dict[str, str] = other.detail.get("marks") or {}
        known = all(mark in shown.get(name, ()) for name, mark in marks.items())
        if other.detail.get("git_dir") != git_dir or (answer == "trusted" and not known):
            continue
        if other.task_id is not None and answer != "trusted":
            continue
        if answer == "sandboxed":
            other.detail = other.detail | {"chosen": "allow_sandboxed"}
        session = lookup.session_row(tx.db, other.session_id)
        asking.resolve(tx, session, other, allow=answer != "no", message="Decided for this repository.")


def _ask(rt: Runtime, session: models.Session, repo: Path, found: Verdict) -> None:
    query = select(models.Approval.id).where(
        models.Approval.session_id == session.id,
        models.Approval.kind == KIND,
        models.Approval.status == "pending",
        col(models.Approval.task_id).is_(None),
    )
    with rt.db.read() as db:
        if db.exec(query).first() is not None:
            return
    with rt.db.read() as db:
        plan = parse_plan(lookup.plan_row(db, session).plan_json)
    git_dir, commands = str(common_dir(repo)), commands_of(session, plan)
    detail = question_detail(repo, session.base_commit, found.open, git_dir, commands)
    decided = _decided(rt, common_dir(repo)).get("answer")
    detail["reason"] = (
        "What it would run has changed since you trusted it. Nothing new runs until you answer."
        if decided == "trusted"
        else "Setup, checks, and agents run the repository's programs with your permissions. Nothing has run so far."
    )
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session.id)
        if row.status not in {State.EXECUTING, State.VALIDATING}:
            return
        asking.ask(tx, row, None, kind=KIND, title=f"{TITLE} {repo}"[:400], detail=detail, risk="high")
        tx.log(session.id, f"Asks: {TITLE}", level="warn", kind="gate")


def _in_sandbox(rt: Runtime, session: models.Session) -> bool:
    """Put the session into the sandbox, whatever it was to run in; without one here it fails."""
    if words := modes.no_sandbox():
        _fail(
            rt, session.id, f"The repository runs only in the sandbox, but this machine has none. {words} Then retry."
        )
        return False
    wanted = {"permission_mode": "sandboxed", "trust_repository": False}
    if any(session.agent_config.get(name) != value for name, value in wanted.items()):
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session.id)
            row.agent_config = row.agent_config | wanted
            tx.db.add(row)
            tx.log(session.id, "You chose to run this repository only in the sandbox.", kind="gate")
        session.agent_config = session.agent_config | wanted
    return True


def _fail(rt: Runtime, session_id: str, reason: str) -> None:
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session_id)
        if row.status == State.EXECUTING:
            transitions.fail_session(tx, row, reason)
        elif row.status == State.VALIDATING:
            row.error_message = reason
            move(tx, row, "give_up", reason=reason)
            transitions.announce_failure(tx, row, reason)


#: What commits would run, by repository, commit, and when git's settings were last touched.
_MARKS = Service(dict[tuple[str, str, str], dict[str, str]])


def _marks(rt: Runtime, repo: Path, commit: str) -> dict[str, str]:
    """What a commit would run, looked at again only when git's settings or hooks were touched."""
    cache = rt.service(_MARKS)
    key = (str(repo), commit, _touched(common_dir(repo)))
    if key not in cache:
        if len(cache) > _KEPT:
            cache.clear()
        cache[key] = what_runs.survey(repo, commit)
    return cache[key]


def _remembered(rt: Runtime, info: repository.RepositoryInfo) -> list[PlannedCommand]:
    kept = repository_environment.confirmed(rt, info)
    named = [(purpose, c) for purpose, part in (("setup", "setup"), ("check", "checks")) for c in kept.get(part, [])]
    return [PlannedCommand(purpose=purpose, command=visible(command)) for purpose, command in named]


def _is_the_demos(rt: Runtime, repo: Path) -> bool:
    return repo.resolve().is_relative_to((rt.data_dir / "demo").resolve())


def _touched(git_dir: Path) -> str:
    marks = []
    for name in ("config", "config.worktree", "hooks"):
        try:
            found = (git_dir / name).stat()
            marks.append(f"{found.st_mtime_ns} {found.st_size} {found.st_ino}")
        except OSError:
            marks.append("-")
    return "/".join(marks)


def _decided(rt: Runtime, git_dir: Path) -> dict[str, Any]:
    with rt.db.read() as db:
        row = db.get(Fact, _name(str(git_dir)))
    return row.value if row is not None and isinstance(row.value, dict) else {}


def _name(git_dir: str) -> str:
    return _FACT + hashlib.sha256(os.fsencode(git_dir)).hexdigest()[:40]
