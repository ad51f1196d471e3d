"""What a question is about, readable: a command, a change, files, tests, an output's end, numbers. Never raw JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maestro.core.views import ApprovalView
from maestro.terminal_text import visible
from pages.components import markdown
from pages.components.bar import share_bar
from pages.components.code import code
from pages.components.diff_lines import diff_lines, edit_in_full
from pages.components.inline import inline
from pages.components.name_list import name_list
from pages.components.section import facts
from pages.components.shown import code_in_full
from pages.components.tag import box, tag, text
from pages.components.words import amount, plural
from pages.shared.would_run import would_run

_TEXT = 4000
#: Characters of a value that stands beside its name.
_SHORT_VALUE = 200
#: Of a tool's input: what is shown as code, and what another line of the question says already.
_AS_CODE = ("command", "file_path", "notebook_path", "path", "url", "query", "pattern")
_SAID = {"tool", "reason", "proposal", "old_string", "new_string", "content", "new_source"}
#: Of a command's own input: what its question says, and what changes nothing of what runs.
_OF_COMMANDS = {"description", "timeout", "risk", "error"}


def question_detail(approval: ApprovalView, title: str) -> None:
    """Everything between a question's head and its answers."""
    detail = approval.detail
    reason = str(detail.get("reason") or detail.get("description") or detail.get("error") or "")
    if reason and approval.kind != "budget" and reason.rstrip(".") not in title:  # a budget shows its numbers
        inline(reason, "m-soft m-pre q-reason", name="div")
    if approval.kind == "agent_question" and title.endswith(f": {detail.get('words')}"):
        detail = detail | {"words": ""}  # the title is the whole question
    _SHOW.get(approval.kind, _tool)(detail)


def _tool(detail: dict[str, Any]) -> None:
    """A tool's input: the command or file as code, an edit as a diff, other members by name."""
    if isinstance(detail.get("input"), dict):
        _members(detail["input"])
        return
    name = next((name for name in _AS_CODE if detail.get(name)), "")
    if name:
        code_in_full(str(detail[name]))
    if "new_string" in detail:
        edit_in_full(str(detail.get("old_string") or ""), str(detail["new_string"]))
    written = detail.get("content") or detail.get("new_source")
    if written:
        edit_in_full("", str(written))
    said = _SAID | (_OF_COMMANDS if name == "command" else set()) | {name}
    _members({key: value for key, value in detail.items() if key not in said})


def _members(given: dict[str, Any]) -> None:
    """Members of an input by their names, each whole: short ones side by side, long ones as code."""
    said = {_name(visible(str(key))): _plain(value) for key, value in given.items() if value not in (None, "", [])}
    short = {name: value for name, value in said.items() if len(value) <= _SHORT_VALUE and "\n" not in value}
    if short:
        facts({name: visible(value) for name, value in short.items()})
    for name, value in said.items():
        if name not in short:
            tag("div", name, "m-meta")
            code_in_full(value)


def _start(detail: dict[str, Any]) -> None:
    facts({"Files": ", ".join(detail.get("files") or []), "Checks": "\n".join(detail.get("checks") or [])})


def _failed(detail: dict[str, Any]) -> None:
    attempts = detail.get("attempts")
    if isinstance(attempts, int) and attempts > 1 and "attempt" not in str(detail.get("reason")):
        tag("div", f"After {plural(attempts, 'attempt')}.", "m-meta m-num")


def _ending(detail: dict[str, Any]) -> None:
    """The agent's last words, as it said them."""
    if detail.get("words"):
        markdown.prose(str(detail["words"])[:_TEXT], "q-reason")
    if detail.get("why"):
        markdown.prose(str(detail["why"])[:_TEXT], "q-reason m-soft")


def _missing(detail: dict[str, Any]) -> None:
    name_list("Gone", detail.get("vanished"), "failed")
    name_list("Skipped now", detail.get("skipped_now"), "waiting")
    name_list("New", detail.get("new"), "completed")


def _changed(detail: dict[str, Any]) -> None:
    if detail.get("diff"):
        diff_lines(str(detail["diff"]), cut=bool(detail.get("diff_cut")))
    else:
        name_list("Changed", detail.get("files"), "waiting")


def _outside(detail: dict[str, Any]) -> None:
    headings = {"links": "Links", "copies": "In its commits", "obeyed": "Changed settings"}
    heading = headings.get(str(detail.get("what")), "Changed outside")
    name_list(heading, detail.get("files"), "waiting")
    name_list("Files of this task", detail.get("declared"), "pending")


def _surroundings(detail: dict[str, Any]) -> None:
    missing = [str(command) for command in detail.get("missing_setup") or []]
    if missing:
        tag("div", "Not set up yet; the repository's own setup commands:", "m-meta")
        code("\n".join(missing), block=True)
        if detail.get("setup_check"):
            tag("div", "The check then runs like this:", "m-meta")
            code(str(detail["setup_check"]), block=True)
    name_list("Refused", detail.get("network_hosts"), "waiting")
    output = str(detail.get("output") or "").strip("\n")
    if output:
        tag("pre", output[-_TEXT:], "q-output", tabindex="0", aria_label="End of the output")


def _escape(detail: dict[str, Any]) -> None:
    for change in detail.get("changes") or []:
        with box("m-stack m-gap-4"):
            inline(str(change.get("what", "")), "m-wrap", name="div")
            if change.get("undo"):
                with box("m-row m-row--wrap"):
                    text("To undo it", "m-meta")
                    code(str(change["undo"])).classes("m-grow")
    if found := str(detail.get("output") or "").strip("\n"):
        tag("pre", found[-_TEXT:], "q-output", tabindex="0", aria_label="What was found")


def _budget(detail: dict[str, Any]) -> None:
    used, limit, measure = (detail.get(k) for k in ("used", "limit", "measure"))
    if isinstance(used, (int, float)) and isinstance(limit, (int, float)) and limit > 0:
        words = f"{amount(str(measure), used)} of {amount(str(measure), limit)} used"
        with box("m-row m-gap-12"):
            share_bar(used / limit, words)
            text(words, "m-meta m-num").style("white-space: nowrap")


def _trust(detail: dict[str, Any]) -> None:
    found = [each for each in detail.get("runs") or [] if isinstance(each, dict)]
    tests = [str(name) for name in detail.get("tests") or []]
    would_run(
        found,
        [each for each in detail.get("commands") or [] if isinstance(each, dict)],
        left=len(detail.get("marks") or {}) - len(found),
        sandbox=detail.get("sandbox") is not False,
    )
    name_list("Changed tests that its checks run", tests, "pending")


def _name(key: str) -> str:
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _plain(value: Any) -> str:
    """A value as words, with all that is nested in it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "\n".join(f"{_name(str(k))}: {_plain(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return str(value)


_SHOW: dict[str, Callable[[dict[str, Any]], None]] = {
    "task_start": _start,
    "task_failed": _failed,
    "nothing_changed": _ending,
    "agent_question": _ending,
    "tests_missing": _missing,
    "check_changed": _changed,
    "outside_files": _outside,
    "infrastructure": _surroundings,
    "trust": _trust,
    "escape": _escape,
    "budget": _budget,
    "stuck": lambda _detail: None,
}
