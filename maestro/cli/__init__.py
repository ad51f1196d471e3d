"""The ``maestro`` command: drives a running Maestro, or starts one for the call when none runs.

Exit codes: 0 done (for ``run``: COMPLETED), 1 failed, 2 asked for wrongly, 3 waits for a user.
"""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from maestro import __version__, secrets, terminal_text, untrusted
from maestro.cli import setting_words, words
from maestro.cli.connection import Api, Json, Refused, connected, exit_code
from maestro.cli.drive import FAILED, Driver, Outcome
from maestro.core.kernel import configuration
from maestro.errors import MaestroError
from maestro.settings import LoadedSettings, Settings

app = typer.Typer(
    name="maestro",
    help="From an idea to merged, proven code.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_INTERRUPTED = 130
_MOST_FILE = 400_000
_OVER = {"completed", "failed", "cancelled"}

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data folder of the Maestro to use (default: your own)."),
]
QuestionId = Annotated[
    str, typer.Argument(metavar="ID", help="The id of a session or a question, or its first characters.")
]
SessionId = Annotated[str, typer.Argument(metavar="ID", help="The id of a session, or its first characters.")]
Message = Annotated[str | None, typer.Option("-m", "--message", help="Message to send with the answer.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end instead of text.")]


def main() -> None:
    """The console script."""
    app()


@app.command()
def run(
    repo: Annotated[Path, typer.Option(help="The git repository to work on.")],
    idea: Annotated[str, typer.Option(help="What to build, in your own words.")],
    template: Annotated[str | None, typer.Option(help="Name of a session template.")] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust", help="Trust this repository as it is: its programs may run with your permissions. Remembered."
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            help="Approve the plan and answer yes to everything except trust, budgets, alarms, weaker proof, and links or "
            "copied files in commits.",
        ),
    ] = False,
    policy: Annotated[
        str | None,
        typer.Option(
            help="What its agents may do: careful, balanced, sandbox, or answers such as “balanced; deny push”. "
            "Denials in the settings still apply."
        ),
    ] = None,
    json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """From an idea to a finished session, without a browser."""
    if not idea.strip():
        raise typer.BadParameter("describe what to build", param_hint="--idea")
    say = _to_stderr if json else _say
    session: Json | None = None
    try:
        with _api(data_dir) as api:
            if trust:
                api.put("/repositories/trust", {"path": str(repo.expanduser().resolve())}, {"trust": "trusted"})
            session = api.post(
                "/sessions",
                repo_path=str(repo.expanduser().resolve()),
                description=idea,
                template=template,
                agent_config={"policy": policy} if policy else {},
            )
            say(f"Session {session['id'][:8]}: {session['title']}")
            if hint := words.not_used(api.get("/repositories/environment", path=session["repo_path"])):
                say(hint)
            outcome = Driver(api, session["id"], yes=yes, say=say).run()
            session = api.get(f"/sessions/{session['id']}")
    except (MaestroError, Refused) as error:
        outcome = Outcome(exit_code(error) if session is None else FAILED, error.detail)
    except KeyboardInterrupt:
        outcome = Outcome(_INTERRUPTED, "Interrupted. The session stays where it is.")
    _report_run(session, outcome, as_json=json)


@app.command("first-commit")
def first_commit(
    path: Annotated[
        Path, typer.Argument(help="A repository without commits, or a folder that is not a repository yet.")
    ],
    empty: Annotated[
        bool, typer.Option("--empty", help="Make an empty commit and leave the files uncommitted.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Make the first commit of a folder, so that a session can begin there. Says what it would hold, and asks."""
    where = {"path": str(path.expanduser().resolve())}
    with _reporting(), _api(data_dir) as api:
        found = api.get("/repositories/first-commit", **where)
        _say(words.beginning(found, empty=empty))
        if not yes:
            typer.confirm("Continue?", abort=True)
        content = "empty" if empty else "files"
        made = api.post(
            f"/repositories/first-commit?{urlencode(where)}", content=content, init=not found["is_repository"]
        )
        _say(f"{made['branch']} is now at {made['head_commit'][:8]}.")


@app.command("list")
def list_sessions(
    status: Annotated[str | None, typer.Option(help="Only these states, separated by commas.")] = None,
    json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """All sessions, the last changed first."""
    with _reporting(), _api(data_dir) as api:
        sessions = api.all("/sessions", status=status)
    if json:
        _print_json({"items": sessions, "total": len(sessions)})
    elif not sessions:
        _say("No sessions yet. Start one with: maestro run --repo PATH --idea TEXT")
    for session in [] if json else sessions:
        _say(words.session_line(session))


@app.command()
def show(session_id: SessionId, json: AsJson = False, data_dir: DataDir = None) -> None:
    """One session: its state, its tasks, and what it asks."""
    with _reporting(), _api(data_dir) as api:
        session = api.find(session_id)
        tasks = api.all(f"/sessions/{session['id']}/tasks")
        approvals = api.all("/approvals", status="pending", session_id=session["id"])
        points = api.all(f"/sessions/{session['id']}/checkpoints")
        reviewed = session["status"] in {"plan_review", "approved"}
        checks = api.get(f"/sessions/{session['id']}/plan")["checks"] if reviewed else []
    if json:
        _print_json(session | {"task_list": tasks, "approvals": approvals, "checkpoints": points})
    else:
        _say(words.session_page(session, tasks, approvals, points))
        _say(words.of_checks(checks), nl=False)


@app.command()
def logs(
    session_id: SessionId,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Keep following until the session ends.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, max=500, help="Number of latest rows to show.")] = 100,
    level: Annotated[str | None, typer.Option(help="Only these levels, separated by commas.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Full messages instead of their first lines.")] = False,
    data_dir: DataDir = None,
) -> None:
    """What the workers and Maestro did, one line each."""
    with _reporting(), _api(data_dir) as api:
        session = api.find(session_id)
        path = f"/sessions/{session['id']}/logs"
        if not follow:
            for row in api.get(path, limit=lines, level=level)["items"]:
                _say(words.log_line(row, full=full))
            return
        with api.events(session["id"]) as events:
            last = 0
            for row in api.get(path, limit=lines, level=level)["items"]:
                _say(words.log_line(row, full=full))
                last = row["id"]
            over = api.get(f"/sessions/{session['id']}")["status"] in _OVER
            while (event := events.next(0 if over else None)) is not None:
                if event["type"] == "log_entry" and event["id"] > last and _wanted(event, level):
                    _say(words.log_line(event, full=full))
                over = over or _is_end(event)


@app.command()
def approve(
    wanted: QuestionId,
    start: Annotated[bool, typer.Option("--start/--no-start", help="Start executing the approved plan.")] = True,
    message: Message = None,
    setup: Annotated[bool, typer.Option("--setup", help="Use the setup commands that a question offers.")] = False,
    network: Annotated[bool, typer.Option("--network", help="Allow the hosts that a question names.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Approve a session's plan, or say yes to one question. Shows what it approves."""
    with _reporting(), _api(data_dir) as api:
        session, question = _asked(api, wanted)
        path = f"/sessions/{session['id']}"
        if question is None and session["status"] == "plan_review":
            _say(words.commands_of(api.get(f"{path}/plan")["runs"]), nl=False)
            session = api.post(f"{path}/plan/approve", start=start)
            _say(f"The plan is approved. {words.session_line(session)}")
            return
        if question is None and session["status"] == "approved" and start:
            _say(words.commands_of(api.get(f"{path}/plan")["runs"]), nl=False)
            _say(words.session_line(api.post(f"{path}/execute")))
            return
        _answer(api, session, question, "allow", message, setup=setup, network=network)


@app.command()
def deny(wanted: QuestionId, message: Message = None, data_dir: DataDir = None) -> None:
    """Say no to one question. For a task that failed it means that the session fails."""
    with _reporting(), _api(data_dir) as api:
        session, question = _asked(api, wanted)
        _answer(api, session, question, "deny", message)


@app.command()
def answer(
    wanted: QuestionId,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="Your answer, or an option's number.")] = None,
    assume: Annotated[bool, typer.Option("--assume", help="Let the agent decide.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Answer a question of an agent, in your own words or by the number of an option."""
    if (text is None) != assume:
        raise typer.BadParameter("give an answer, or --assume", param_hint="TEXT")
    with _reporting(), _api(data_dir) as api:
        _session, question = _asked(api, wanted)
        if question is None or question["kind"] != "agent_question":
            raise Refused(409, "No agent is asking anything here. `maestro show` lists the open questions.")
        chosen = words.chosen_option(question, text) if text is not None else None
        api.post(f"/approvals/{question['id']}", decision="deny" if assume else "allow", message=chosen)
        _say("The agent decides." if assume else f"Answered: {words.one_line(chosen or '')}")


@app.command()
def plan(
    session_id: SessionId,
    read: Annotated[
        Path | None, typer.Option("--import", help="A Markdown file whose plan becomes the next version.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Print a session's plan as Markdown, or replace it with what a Markdown file holds."""
    with _reporting(), _api(data_dir) as api:
        path = f"/sessions/{api.find(session_id)['id']}/plan/markdown"
        if read is None:
            _say(api.get(path), nl=False)
            return
        try:
            given = untrusted.text(read, follow=True)
        except (OSError, ValueError) as error:
            raise typer.BadParameter(f"{read} cannot be read: {error}") from error
        stored = api.put(path, {}, {"markdown": given})
        _say(f"The plan is version {stored['version']} now.")


@app.command("try")
def try_checks(session_id: SessionId, json: AsJson = False, data_dir: DataDir = None) -> None:
    """Run the checks of a plan on the untouched base, before you approve it."""
    with _reporting(), _api(data_dir) as api:
        path = f"/sessions/{api.find(session_id)['id']}"
        with api.events(path.rpartition("/")[2]) as events:
            api.post(f"{path}/plan/checks/try")
            while (event := events.next(None)) is not None:
                if event["type"] == "plan_checks_tried":
                    if event["state"] != "running":
                        break
                    if event["command"] and not json:
                        _say(f"{event['tried'] + 1} of {event['total']}: {words.one_line(event['command'])}")
        plan = api.get(f"{path}/plan")
    if json:
        _print_json({"trial": plan["trial"], "checks": plan["checks"]})
    else:
        _say(words.tried_checks(plan), nl=False)
    if plan["trial"]["state"] != "done" or any((c["tried"] or {}).get("kind") == "cannot_run" for c in plan["checks"]):
        raise typer.Exit(FAILED)


@app.command()
def retry(
    session_id: SessionId,
    task: Annotated[str | None, typer.Option(help="Only this task (default: all that failed).")] = None,
    hint: Annotated[str | None, typer.Option(help="A hint for the agent.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="A new conversation, with a summary of what was tried.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="Another model for the task.")] = None,
    effort: Annotated[str | None, typer.Option(help="low, medium, high, xhigh or max.")] = None,
    agent: Annotated[str | None, typer.Option(help="Another kind of agent for the task.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Try what failed once more, also in a new conversation or by another agent."""
    if task is None and (model or effort or agent):
        raise typer.BadParameter("name the task with --task", param_hint="--model, --effort, --agent")
    with _reporting(), _api(data_dir) as api:
        path = f"/sessions/{api.find(session_id)['id']}"
        where = f"{path}/tasks/{task}/retry" if task else f"{path}/retry"
        more = {"model": model, "effort": effort, "agent": agent} if task else {}
        _say(words.session_line(api.post(where, hint=hint, fresh=fresh, **more)))


@app.command("correct")
def correct_checks(
    session_id: SessionId,
    checks: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="The checks that it has from now on.")],
    task: Annotated[str | None, typer.Option(help="A task (default: the whole plan).")] = None,
    data_dir: DataDir = None,
) -> None:
    """Correct the checks of a task, or of the plan, while the session is at work. A failed task is checked again."""
    with _reporting(), _api(data_dir) as api:
        path = f"/sessions/{api.find(session_id)['id']}"
        where = f"{path}/tasks/{task}/checks" if task else f"{path}/plan/checks"
        _say(words.changed_plan(api.put(where, {}, {"checks": checks})))


@app.command("change")
def change_plan(
    session_id: SessionId,
    file: Annotated[
        Path | None, typer.Argument(help="The whole plan as JSON, changed. Without it, the plan is printed.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Approve the change without being asked.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Change the plan of a session at work: tasks that have not begun, and the checks of others. Shows it, and asks."""
    with _reporting(), _api(data_dir) as api:
        path = f"/sessions/{api.find(session_id)['id']}/plan"
        if file is None:
            _print_json(api.get(path)["plan"])
            return
        try:
            plan = json_module.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise Refused(422, f"{file} cannot be read as JSON: {error}") from error
        version = api.get(path)["version"]
        change = api.post(f"{path}/change", plan=plan, version=version)
        _say(words.changed_plan(change))
        if change["steps"] and (yes or typer.confirm("Approve this change?")):
            _say(words.changed_plan(api.post(f"{path}/change", plan=plan, version=version, hash=change["hash"])))


@app.command("tell")
def tell_agents(
    session_id: SessionId,
    words_to_say: Annotated[str, typer.Argument(metavar="TEXT", help="What the agents should know.")],
    task: Annotated[str | None, typer.Option(help="Only the agent of this task (default: all at work).")] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Interrupt what they are doing, so that they read it now.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Say something to the agents at work; each reads it at its next turn."""
    with _reporting(), _api(data_dir) as api:
        session = api.find(session_id)
        sent = api.post(f"/sessions/{session['id']}/notes", text=words_to_say, task=task, interrupt=now)
        keys = ", ".join(note["task_key"] for note in sent["items"])
        _say(f"Told {keys}. `maestro logs {session['id'][:8]}` shows when it is read.")


@app.command()
def pause(session_id: SessionId, data_dir: DataDir = None) -> None:
    """Stop a session's workers where they are."""
    _command(data_dir, session_id, "pause")


@app.command()
def resume(session_id: SessionId, data_dir: DataDir = None) -> None:
    """Go on after a pause."""
    _command(data_dir, session_id, "resume")


@app.command()
def cancel(
    session_id: SessionId,
    reason: Annotated[str | None, typer.Option(help="Reason; stored with the session.")] = None,
    data_dir: DataDir = None,
) -> None:
    """End a session; what its workers did stays reachable."""
    _command(data_dir, session_id, "cancel", reason=reason)


@app.command()
def rollback(
    session_id: SessionId,
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint's number or id.")],
    data_dir: DataDir = None,
) -> None:
    """Set a session's branch back to a checkpoint."""
    _command(data_dir, session_id, "rollback", checkpoint=checkpoint)


@app.command()
def merge(
    session_id: SessionId,
    target: Annotated[
        str | None, typer.Option(help="Your branch (default: the branch the session started from).")
    ] = None,
    method: Annotated[str | None, typer.Option(help="merge, squash or ff.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Bring a session's work into your branch."""
    _command(data_dir, session_id, "merge", target=target, method=method)


@app.command()
def unmerge(session_id: SessionId, data_dir: DataDir = None) -> None:
    """Take a merge back."""
    _command(data_dir, session_id, "unmerge")


@app.command()
def comment(
    session_id: SessionId,
    text: Annotated[str, typer.Argument(help="What to change.")],
    file: Annotated[
        str | None, typer.Option("--file", help="The file it is about, from the repository's root.")
    ] = None,
    line: Annotated[int | None, typer.Option("--line", min=1, help="The line of that file.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Comment on a session's changes. Comments wait until `maestro continue` sends them."""
    with _reporting(), _api(data_dir) as api:
        session = api.find(session_id)
        path = f"/sessions/{session['id']}/comments"
        api.post(path, body=text, path=file, line=line)
        _say(words.comments(api.all(path, waiting="true"), session))


@app.command("continue")
def continue_session(session_id: SessionId, message: Message = None, data_dir: DataDir = None) -> None:
    """Send the comments that wait, and -m MESSAGE, to an agent: finished work goes on, and is proven again."""
    _command(data_dir, session_id, "follow-up", message=message)


@app.command()
def update(
    session_id: SessionId,
    target: Annotated[str | None, typer.Option(help="Your branch (default: the one the session started from).")] = None,
    data_dir: DataDir = None,
) -> None:
    """Bring the new commits of your branch into a session's. Conflicts go to an agent; the checks run again."""
    _command(data_dir, session_id, "update", target=target)


@app.command()
def environment(
    repo: Annotated[Path, typer.Argument(metavar="PATH", help="A git repository.")],
    use: Annotated[bool, typer.Option("--use", help="Use what was found in all new worktrees.")] = False,
    json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """What new worktrees of a repository get (✓), and what was found that they may need (·)."""
    query = {"path": str(repo.expanduser().resolve())}
    with _reporting(), _api(data_dir) as api:
        view = api.get("/repositories/environment", **query)
        if use:
            view = api.put("/repositories/environment", query, words.with_found(view))
    if json:
        _print_json(view)
    else:
        _say(words.environment_page(view))


@app.command("trust")
def decide_on_trust(
    repo: Annotated[Path, typer.Argument(metavar="PATH", help="A git repository.")],
    yes: Annotated[bool, typer.Option("--yes", help="Trust it: its programs may run with your permissions.")] = False,
    sandboxed: Annotated[bool, typer.Option("--sandboxed", help="Its programs run only in the sandbox.")] = False,
    no: Annotated[bool, typer.Option("--no", help="Nothing in it runs.")] = False,
    json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what work in a repository would run, and decide whether it may."""
    answers = [a for a, said in {"trusted": yes, "sandboxed": sandboxed, "no": no}.items() if said]
    if len(answers) > 1:
        raise typer.BadParameter("use only one of --yes, --sandboxed, and --no")
    query = {"path": str(repo.expanduser().resolve())}
    with _reporting(), _api(data_dir) as api:
        view = api.get("/repositories/trust", **query)
        if not answers and not json:
            _say(words.trust_page(view))
            if sys.stdin.isatty():
                chosen = typer.prompt("Trust it? yes, sandboxed, no, or later", default="later")
                answers = [{"yes": "trusted"}.get(chosen, chosen)] if chosen in {"yes", "sandboxed", "no"} else []
            else:
                _say("\nDecide with --yes, --sandboxed or --no.")
        if answers:
            view = api.put("/repositories/trust", query, {"trust": answers[0]})
    if json:
        _print_json(view)
    elif answers:
        _say(words.trust_page(view).splitlines()[0])


@app.command("settings")
def change_settings(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A setting; without one, all are listed.")] = None,
    value: Annotated[str | None, typer.Argument(metavar="VALUE", help="The new value: text or JSON.")] = None,
    add: Annotated[
        str | None, typer.Option("--add", metavar="LINE", help="For policy: add one rule, such as “deny push”.")
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="Back to the default.")] = False,
    json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show settings, or change one. `maestro settings policy "balanced; deny push"` says what agents may do."""
    if name is None and (value is not None or default or add is not None):
        raise typer.BadParameter("name the setting")
    if add is not None and name != "policy":
        raise typer.BadParameter("--add only works with the setting policy")
    if sum((value is not None, add is not None, default)) > 1:
        raise typer.BadParameter("use only one of VALUE, --add, and --default")
    with _reporting(), _api(data_dir) as api:
        found = api.get("/settings", limit=500)["items"]
        if name is not None and name not in {each["name"] for each in found}:
            raise Refused(404, f"There is no setting {name}. List all: maestro settings")
        if name is not None and (value is not None or add is not None or default):
            wanted = None if default else setting_words.added(found, add) if add else setting_words.read(value or "")
            found = api.put("/settings", {}, {name: wanted})["items"]
    shown = [each for each in found if name in (None, each["name"])]
    if json:
        _print_json(shown if name is None else shown[0])
    else:
        _say(setting_words.page(shown, alone=name is not None))


@app.command("templates")
def list_templates(
    repo: Annotated[
        Path | None, typer.Option(help="A git repository: also those that it brings, once trusted.")
    ] = None,
    export: Annotated[str | None, typer.Option("--export", metavar="NAME", help="Print this template as TOML.")] = None,
    add: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Store this TOML file; its name is the template's.")
    ] = None,
    delete: Annotated[str | None, typer.Option("--delete", metavar="NAME", help="Delete one of your own.")] = None,
    json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Session templates: list, export, import and delete them."""
    if sum(each is not None for each in (export, add, delete)) > 1:
        raise typer.BadParameter("use only one of --export, --import, and --delete")
    with _reporting(), _api(data_dir) as api:
        if export is not None:
            _say(api.get(f"/templates/{quote(export, safe='')}/toml"), nl=False)
            return
        if add is not None:
            api.post("/templates/import", name=add.stem, toml=_file_text(add))
        if delete is not None:
            api.delete(f"/templates/{quote(delete, safe='')}")
        found = api.all("/templates", repo_path=str(repo.expanduser().resolve()) if repo else None)
    if json:
        _print_json({"items": found, "total": len(found)})
    else:
        _say(words.templates(found))


@app.command()
def doctor(
    repo: Annotated[
        Path | None, typer.Option(help="A git repository: check that this machine has the tools it needs.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Whether this machine has what Maestro needs, and which tool chains it has."""
    from maestro.cli.doctor import examine, with_stored  # knows the core, which takes a moment to load

    well = True
    with _reporting():
        for finding in examine(with_stored(_loaded(data_dir)), repo):
            _say(finding.line)
            well = well and finding.ok
    if not well:
        raise typer.Exit(FAILED)


@app.command()
def version() -> None:
    """The version of Maestro."""
    _say(__version__)


def _asked(api: Api, wanted: str) -> tuple[Json, Json | None]:
    """The session that an id means, and the question where it is one's."""
    pending = api.all("/approvals", status="pending")
    found = [question for question in pending if question["id"].startswith(wanted.lower())] if wanted else []
    if len(found) == 1:
        return api.get(f"/sessions/{found[0]['session_id']}"), found[0]
    session = api.find(wanted)
    mine = [question for question in pending if question["session_id"] == session["id"]]
    if len(mine) > 1:
        _say(words.questions(mine))
        raise Refused(409, "Several questions are open. Answer one at a time, by its id.")
    return session, mine[0] if mine else None


def _answer(
    api: Api,
    session: Json,
    question: Json | None,
    decision: str,
    message: str | None,
    *,
    setup: bool = False,
    network: bool = False,
) -> None:
    """Answer one question, after it was shown whole. Says what became of it."""
    if question is None:
        verb = "approve" if decision == "allow" else "deny"
        raise Refused(409, f"There is nothing to {verb}: the session is {session['status'].replace('_', ' ')}.")
    _say(words.question(question))
    if question["kind"] == "trust" and not question["task_id"] and decision == "allow":
        raise Refused(409, f"Trust is decided separately. Use: {words.way_to_answer(question)}")
    chosen = decision
    if setup and question["detail"].get("missing_setup"):
        chosen = "allow_setup"
    elif network and question["detail"].get("network_for"):
        chosen = "allow_network"
    answered = api.post(f"/approvals/{question['id']}", decision=chosen, message=message)
    _say(f"{'Allowed' if decision == 'allow' else 'Denied'}: {words.one_line(question['title'])}")
    if answered["proposal"]:
        _say(
            f"You gave this answer three times. To make it a rule: maestro settings policy --add “{answered['proposal']}”"
        )


def _file_text(path: Path) -> str:
    """A file that the user names. Raises Refused."""
    try:
        return untrusted.text(path, _MOST_FILE, follow=True)
    except OSError as error:
        raise Refused(422, f"{path} cannot be read: {error.strerror or error}") from error


def _command(data_dir: Path | None, session_id: str, verb: str, **body: Any) -> None:
    with _reporting(), _api(data_dir) as api:
        session = api.find(session_id)
        _say(words.session_line(api.post(f"/sessions/{session['id']}/{verb}", **body)))


@contextmanager
def _api(data_dir: Path | None) -> Iterator[Api]:
    with connected(_settings(data_dir), _to_stderr) as api:
        yield api


def _settings(data_dir: Path | None) -> Settings:
    return _loaded(data_dir).current


def _loaded(data_dir: Path | None) -> LoadedSettings:
    loaded, notes = configuration.for_command({"data_dir": data_dir})
    for note in notes:
        _to_stderr(note)
    return loaded


@contextmanager
def _reporting() -> Iterator[None]:
    """Errors as one line on stderr and an exit code."""
    try:
        yield
    except (MaestroError, Refused) as error:
        _to_stderr(error.detail)
        raise typer.Exit(exit_code(error)) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(_INTERRUPTED) from error


def _report_run(session: Json | None, outcome: Outcome, *, as_json: bool) -> None:
    status = session["status"] if session else None
    if as_json:
        _print_json(
            {
                "id": session["id"] if session else None,
                "status": status,
                "exit_code": outcome.code,
                "reason": outcome.reason,
                "session": session,
            }
        )
    elif outcome.reason:
        _to_stderr(outcome.reason)
    elif session:
        for line in words.reservations(session):
            _say(line)
        _say(f"{words.cost(session)}. Merge it into your branch with: maestro merge {session['id'][:8]}")
    raise typer.Exit(outcome.code)


def _is_end(event: Json) -> bool:
    """Whether nothing more comes of a session after this."""
    return event["type"] == "session_deleted" or (event["type"] == "state_changed" and event["to"] in _OVER)


def _wanted(event: Json, level: str | None) -> bool:
    return level is None or event["level"] in level.split(",")


def _say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print for a terminal. What agents and repositories wrote is part of it: no control sequence is obeyed, no secret told."""
    typer.echo(terminal_text.visible(secrets.clean_command(text)), err=err, nl=nl)


def _to_stderr(text: str) -> None:
    _say(text, err=True)


def _print_json(data: Any) -> None:
    typer.echo(json_module.dumps(secrets.everywhere(data, secrets.clean_command), ensure_ascii=True, indent=2))
