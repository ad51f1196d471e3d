"""What the command line says: sessions, tasks, events and log rows in one line each."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from typing import Any

from maestro import unseen
from maestro.terminal_text import visible

Json = dict[str, Any]

#: Of a file that would run: so many lines, cut at this width.
_LINES, _WIDTH = 12, 160

MARKS = {
    "pending": "·",
    "running": "▸",
    "waiting": "?",
    "checking": "…",
    "integrating": "…",
    "completed": "✓",
    "failed": "✗",
    "skipped": "-",
    "cancelled": "-",
}

#: How many lines of an agent's words are shown with its question.
_SAID = 20

_PARTS = {"setup": "run", "copy_files": "copy", "checks": "check", "pass_env": "pass", "network_hosts": "reach"}


def session_line(session: Json) -> str:
    """One line of ``maestro list``."""
    extra = f"  {session['pending_approvals']} to answer" if session["pending_approvals"] else ""
    merged = "  merged" if session["merged"] else ""
    return f"{session['id'][:8]}  {_state(session):13}  {progress(session):>5}  {session['title']}{extra}{merged}"


def comments(waiting: list[Json], session: Json) -> str:
    """The comments that wait, a line each, and how they are sent."""
    lines = [f"{_place(c)}: {one_line(c['body'])}" for c in waiting]
    return "\n".join([*lines, f"Send them: maestro continue {session['id'][:8]}"])


def _place(comment: Json) -> str:
    if comment["path"]:
        return f"{comment['path']}:{comment['line']}" if comment["line"] else str(comment["path"])
    return "a check" if comment["check"] else "all changes"


def templates(found: list[Json]) -> str:
    """Templates, a line each; what is wrong with one below it."""
    lines = []
    for each in found:
        lines.append(f"{each['name']:24}  {'built in' if each['shipped'] else each['origin']:10}  {each['title']}")
        lines += [f"  {each['problem']}"] if each["problem"] else []
    return "\n".join(lines)


def of_checks(checks: list[Json]) -> str:
    """What the checks of a plan will not tell, and which may never end, a line each; nothing where all is well."""
    watching = [
        f"{check['watches']}." if check["command"] in check["watches"] else f"`{check['command']}`: {check['watches']}."
        for check in checks
        if check["watches"]
    ]
    short = {"pass_or_fail": "reports pass or fail only", "numbers": "counts its tests, without names"}
    telling = [f"`{c['command']}` {short[c['tells']]}." for c in checks if c["note"] and not c["watches"]]
    return "".join(f"{line}\n" for line in [*watching, *telling])


def tried_checks(plan: Json) -> str:
    """What a plan's checks showed on the untouched base, a line each."""
    lines = [
        f"{unseen.folded(c['command'])}: {c['tried']['words'] if c['tried'] else 'not tried'}" for c in plan["checks"]
    ]
    return "".join(f"{line}\n" for line in [*lines, *filter(None, [plan["trial"]["reason"]])])


def session_page(session: Json, tasks: list[Json], approvals: list[Json], points: list[Json]) -> str:
    """What ``maestro show`` prints."""
    lines = [
        session["title"],
        f"  id          {session['id']}",
        f"  state       {_state(session)}" + (f": {session['error_message']}" if session["error_message"] else ""),
        f"  repository  {session['repo_path']} ({session['base_branch'] or 'detached'})",
        f"  branch      {session['session_branch']}" + (" (merged)" if session["merged"] else ""),
        f"  cost        {cost(session)}",
    ]
    if tasks:
        lines.append(f"  tasks       {progress(session)}")
        lines += [f"    {MARKS.get(t['status'], '?')} {t['key']}: {t['title']}{_why(t)}" for t in tasks]
    for approval in approvals:
        lines += _to_answer(approval)
    lines += [f"  proof       {line}" for line in reservations(session)]
    if points:
        lines.append("  checkpoints (maestro rollback ID NUMBER)")
        lines += [f"    {p['number']:>3}  {p['commit'][:10]}  {one_line(p['title'])}" for p in points]
    return "\n".join(lines)


def sentence(text: str) -> str:
    """A title as a sentence, with its full stop."""
    words = text.rstrip()
    return words if words.endswith((".", "?", "!", "…")) else f"{words}."


def commands_of(commands: list[Json]) -> str:
    """Every command that a plan makes Maestro run as the user, a line each; nothing where there is none."""
    lines = [f"  {c['purpose']:12} {unseen.folded(c['command'])}" for c in commands]
    return "".join(f"{line}\n" for line in ["Maestro will run, as you:", *lines]) if lines else ""


def question(approval: Json) -> str:
    """A question with all that an answer is about."""
    lines = [f"Question {approval['id'][:8]}: {approval['title']}"]
    for name, value in approval["detail"].items():
        if value not in (None, "", [], {}):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            lines += [f"  {name}:", *(f"    {line}" for line in unseen.folded(text).splitlines())]
    return "\n".join(lines)


def questions(approvals: list[Json]) -> str:
    """Open questions by their ids."""
    return "\n".join(f"{a['id'][:8]}  {one_line(a['title'])}" for a in approvals)


def way_to_answer(approval: Json) -> str:
    """The command that answers a question in the most likely way."""
    if approval["kind"] == "trust" and not approval["task_id"]:
        return f"maestro trust {shlex.quote(approval['detail']['repo_path'])}"
    wanted = approval["id"][:8]
    if approval["kind"] == "agent_question":
        return f'maestro answer {wanted} "…"'
    offers = {"missing_setup": " --setup", "network_for": " --network"}
    flags = [flag for name, flag in offers.items() if approval["detail"].get(name)]
    return f"maestro approve {wanted}{''.join(flags)}"


def changed_plan(change: Json) -> str:
    """What a change of the plan does, or has done."""
    if not change["steps"]:
        return "Nothing is different from the plan."
    head = f"Plan version {change['version']} is approved:" if change["applied"] else "This would change the plan:"
    return "\n".join([head, *(f"  {one_line(step['words'])}" for step in change["steps"])])


def chosen_option(approval: Json, text: str) -> str:
    """An answer as it is sent: the number of an option stands for its words."""
    options = approval["detail"].get("options") or []
    number = int(text) if text.strip().isascii() and text.strip().isdigit() else 0
    return str(options[number - 1]) if 0 < number <= len(options) else text


def _to_answer(approval: Json) -> list[str]:
    """A question, with what is needed to answer it here."""
    detail, indent = approval["detail"], "              "
    said = str(detail.get("words") or "").strip().splitlines()
    more = [*said[:_SAID], "…"] if len(said) > _SAID else said
    more += [f"  {number}  {option}" for number, option in enumerate(detail.get("options") or [], 1)]
    if detail.get("missing_setup"):
        more += ["not set up yet; the repository's own setup commands:"]
        more += [f"  {command}" for command in detail["missing_setup"]]
    more += [f"{way_to_answer(approval)}   (or maestro deny {approval['id'][:8]})"]
    return [f"  to answer   {one_line(approval['title'])}", *(f"{indent}{line}".rstrip() for line in more)]


def trust_page(view: Json) -> str:
    """What is decided on a repository, and what it would run."""
    said = {
        "trusted": "trusted: its programs run with your permissions",
        "sandboxed": "only in the sandbox",
        "no": "nothing runs",
    }
    lines = [f"{view['repo_path']}: {said.get(view['in_force'], 'not decided on')}"]
    lines += ["", "Setup and check commands:"] if view["commands"] else []
    lines += [f"    {one_line(each['command'])}" for each in view["commands"]]
    lines += ["", "Work in it would run these, or be affected by them:"] if view["runs"] else []
    for found in view["runs"]:
        lines.append(f"{'·' if not found['new'] else '+'} {one_line(found['name'])}")
        text = visible(found["text"]).strip().splitlines()
        lines += [f"    {line[:_WIDTH]}" for line in text[:_LINES]]
        lines += [f"    … {len(text) - _LINES} more lines"] if len(text) > _LINES else []
    return "\n".join(lines)


def reservations(session: Json) -> list[str]:
    """What of a finished session is not proven: accepted by the user, or without a check."""
    result = session.get("result") or {}
    if session["status"] != "completed" or not result:
        return []
    none = [] if result.get("checks") else ["Not proven: the plan has no final checks."]
    left_out = result.get("skipped") or 0
    skipped = [f"{_tasks(left_out)} skipped."] if left_out else []
    return [*none, *skipped, *result.get("proven_but", [])]


def one_line(text: str, most: int = 300) -> str:
    """The first line of a text, and how many more there are."""
    first, _, rest = text.strip().partition("\n")
    cut = first if len(first) <= most else first[:most] + "…"
    more = len(rest.splitlines())
    return f"{cut.rstrip()} (+{more:,} {'line' if more == 1 else 'lines'})" if more else cut.rstrip()


def beginning(found: Json, *, empty: bool) -> str:
    """What ``maestro first-commit`` is about to do."""
    lines = [] if found["is_repository"] else [f"{found['root']} is not a git repository; git init makes it one."]
    if empty:
        return "\n".join([*lines, f"An empty first commit is made on {found['branch']}; the files stay as they are."])
    files = "1 file" if found["files"] == 1 else f"{found['files']:,} files"
    lines.append(f"The first commit on {found['branch']} holds {files}, {found['total_bytes'] / 1e6:,.1f} MB:")
    lines += [f"  {name}" for name in found["names"]]
    if found["files"] > len(found["names"]):
        lines.append(f"  and {found['files'] - len(found['names']):,} more")
    for key, say in (
        ("secrets", "These may hold secrets, which a commit keeps permanently"),
        ("large", "These are large, and a commit keeps them permanently"),
        ("nested", "Left out because they are repositories themselves"),
    ):
        lines += [f"{say}: {', '.join(found[key])}"] if found[key] else []
    return "\n".join(lines)


def environment_page(view: Json) -> str:
    """What ``maestro environment`` prints: ✓ is used in new worktrees, · is only offered."""
    kept = {part: [] for part in _PARTS} | (view["remembered"] or {})
    lines = [view["repo_path"]]
    for part, verb in _PARTS.items():
        found = {f["value"]: f for f in view["found"] if f["kind"] == part}
        for value in [*kept[part], *(v for v in found if v not in kept[part])]:
            reasons = [found[value]["reason"]] if value in found else ["no longer found"] * (value in view["gone"])
            if value in found and not found[value]["tool_there"]:
                reasons.append(f"{found[value]['tool']} is not on PATH")
            why = f"  ({'; '.join(reasons)})" if reasons else ""
            lines.append(f"  {'✓' if value in kept[part] else '·'} {verb:6} {value}{why}")
    if len(lines) == 1:
        lines.append("  Nothing was found that a worktree needs besides the repository's files.")
    return "\n".join(lines)


def not_used(view: Json) -> str | None:
    """A hint on what was found for worktrees while nothing was confirmed yet; None: there is none to give."""
    found = [f["value"] for f in view["found"] if f["kind"] != "checks" and f["tool_there"] and not f["second"]]
    if view["remembered"] or not found:
        return None
    return f"Found, but not used in worktrees: {', '.join(found)}. To use it: maestro environment {view['repo_path']} --use"


def with_found(view: Json) -> dict[str, list[str]]:
    """What is remembered, and all that was found and can be run here."""
    kept = view["remembered"] or {}
    usable = [f for f in view["found"] if f["tool_there"] and not f["second"]]
    return {
        part: list(dict.fromkeys([*kept.get(part, []), *(f["value"] for f in usable if f["kind"] == part)]))
        for part in _PARTS
    }


def progress(session: Json) -> str:
    """How many tasks are done: ``3/5``."""
    counts = session["tasks"]
    done = sum(counts["by_status"].get(s, 0) for s in ("completed", "skipped"))
    return f"{done}/{counts['total']}" if counts["total"] else ""


def cost(session: Json) -> str:
    """Money and tokens so far."""
    used = sum(session["tokens"].values())
    unknown = used and not session["cost_usd"] and not session.get("demo")
    least = "at least " if session.get("cost_incomplete") else ""
    money = "price unknown" if unknown else f"{least}${session['cost_usd']:.2f}"
    return f"{money}, {used:,} tokens"


def log_line(row: Json, *, full: bool = False) -> str:
    """One log row or ``log_entry`` event in one line; ``full``: with all lines of its message."""
    time = datetime.fromisoformat(row["timestamp"]).astimezone().strftime("%H:%M:%S")
    level = "" if row["level"] in {"info", "debug"} else f"{row['level'].upper()} "
    return f"{time} {row['source']:12} {level}{row['message'].rstrip() if full else one_line(row['message'])}"


def event_line(event: Json) -> str | None:
    """What ``maestro run`` says of an event; None for those not worth a line."""
    say = _EVENTS.get(event["type"])
    return say(event) if say else None


def _message(event: Json) -> str | None:
    if event.get("role") != "ai" or event.get("status") != "complete":
        return None
    return f"Assistant: {event['content'].strip()}"


def _state_changed(event: Json) -> str:
    words = f"{event['to'].replace('_', ' ').capitalize()}."
    return f"{words} {event['reason']}" if event.get("reason") else words


def _check(event: Json) -> str:
    mark = "✓" if event.get("passed") else "✗"
    return f"  {mark} {event['command']} ({event['phase']}, {event['duration_s']:.1f} s)"


_EVENTS: dict[str, Any] = {
    "message": _message,
    "state_changed": _state_changed,
    "plan_generated": lambda e: f"Plan: {_tasks(len(e['plan']['tasks']))}. {e['plan'].get('summary', '')}".strip(),
    "task_started": lambda e: f"▸ {e['key']} (attempt {e.get('attempt') or 1})",
    "task_completed": lambda e: f"✓ {e['key']}",
    "task_failed": lambda e: f"✗ {e['key']}: {e['error']}",
    "check_finished": _check,
    "approval_requested": lambda e: f"? {e['title']}",
    "approval_resolved": lambda e: f"  {e['decision']}",
}


def _tasks(number: int) -> str:
    return f"{number} task{'' if number == 1 else 's'}"


def _state(session: Json) -> str:
    return str(session["status"]).replace("_", " ")


def _why(task: Json) -> str:
    if task["status"] == "failed" and task["error_message"]:
        return f" — {task['error_message'].splitlines()[0]}"
    return f" — {task['progress_note']}" if task["status"] == "running" and task["progress_note"] else ""
