"""A question to the person with its answer in place. The dashboard, the approvals page and the monitor show the same."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from maestro.core.commands import control, gates
from maestro.core.runtime import Runtime
from maestro.core.views import ApprovalView
from pages.components.action import perform
from pages.components.buttons import button
from pages.components.code import code
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.tag import Tag, box, tag, text
from pages.components.when import when

_ALLOW = {"task_failed": "Try again", "task_start": "Start it"}
_DENY = {"task_failed": "Fail the session", "task_start": "Skip it"}
_HINT = {"task_failed": "A hint for the next attempt (optional)"}
_ALLOWED = {"task_failed": "Trying again.", "task_start": "The task starts."}
_RISK = {"high": ("failed", "High risk"), "medium": ("waiting", "Medium risk"), "low": ("pending", "Low risk")}


def gate(rt: Runtime, approval: ApprovalView, *, session_named: bool = True) -> Tag:
    """One open question: what wants to happen, why it asks, Allow, Allow for this session, Deny, and a word with it.

    It says nothing after the answer: who shows it listens to ``approval_resolved`` and takes it away.
    """
    with box("m-gate", data_approval=approval.id) as made:
        _head(approval, session_named)
        _detail(approval)
        with box("m-gate__foot"):
            _answers(rt, approval)
    return made


def _head(approval: ApprovalView, session_named: bool) -> None:
    with box("m-row m-row--top m-gap-12"):
        icon("circle-x" if approval.kind == "task_failed" else "hand").style("color: var(--waiting); margin-top: 2px")
        with box("m-stack m-gap-2 m-grow"):
            inline(approval.title, "m-strong m-wrap", name="div")
            with box("m-row m-row--wrap m-meta"):
                if session_named:
                    tag("a", approval.session_title, "m-cut", href=f"/session/{approval.session_id}")
                if approval.task_key:
                    text(f"task {approval.task_key}")
                when(approval.created_at)
        if approval.kind == "tool":
            tone, words = _RISK.get(approval.risk, _RISK["medium"])
            text(words, f"m-chip s-{tone}").style("padding-left: 9px")


def _detail(approval: ApprovalView) -> None:
    detail = approval.detail
    reason = str(detail.get("reason") or detail.get("description") or detail.get("error") or "")
    if reason and reason != approval.title:
        inline(reason, "m-soft m-pre", name="div")
    shown = _what(detail)
    if shown:
        code(shown, block=True)


def _what(detail: dict[str, Any]) -> str:
    given = detail.get("input") if isinstance(detail.get("input"), dict) else detail
    for key in ("command", "file_path", "notebook_path", "path", "url", "query", "pattern", "output"):
        value = (given or {}).get(key)
        if value:
            return str(value)[:4000]
    return ""


def _answers(rt: Runtime, approval: ApprovalView) -> None:
    words = ui.input(placeholder=_HINT.get(approval.kind, "A word with the answer (optional)"))
    words.props.set_optional("aria-label", "Message with the answer")

    async def answer(decision: gates.Decision, by: ui.button, done: str) -> None:
        await perform(gates.decide, rt, approval.id, decision, words.value or None, by=by, done=done)

    allow = button(_ALLOW.get(approval.kind, "Allow"), kind="soft", small=True)
    allow.on_click(lambda: answer("allow", allow, _ALLOWED.get(approval.kind, "Allowed.")))
    if approval.signature and approval.kind == "tool":
        always = button("Allow for this session", small=True)
        always.on_click(lambda: answer("allow_session", always, "Allowed for this session."))
    if approval.kind == "task_failed" and approval.task_key:
        skip = button("Skip the task", small=True)
        skip.on_click(
            lambda: perform(
                control.skip_task, rt, approval.session_id, approval.task_key or "", by=skip, done="Skipped."
            )
        )
    deny = button(_DENY.get(approval.kind, "Deny"), kind="danger", small=True)
    deny.on_click(lambda: answer("deny", deny, "Denied."))
