"""A question to the user with its answer in place. The dashboard, the approvals page and the monitor show the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from maestro.core.commands import approvals, control
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import ApprovalView
from maestro.errors import InvalidInput
from pages.components.action import FAILED, perform
from pages.components.buttons import button, link_button
from pages.components.drafts import forget, kept
from pages.components.failing import may_fail
from pages.components.fields import show_error
from pages.components.icon import icon
from pages.components.inline import inline, plain
from pages.components.proposal import propose
from pages.components.tag import Tag, box, tag, text
from pages.components.when import when
from pages.questions.detail import question_detail
from pages.questions.words import Words, offers_set_up, title_of, words_of
from pages.shared.session_environment import change_environment

_RISK = {"high": ("failed", "High risk"), "medium": ("waiting", "Medium risk"), "low": ("pending", "Low risk")}


def gate(rt: Runtime, approval: ApprovalView, *, session_named: bool = True) -> Tag:
    """One open question: what wants to happen, why it asks, and the answers in the words of its kind.

    It says nothing after the answer: who shows it listens to ``approval_resolved`` and takes it away.
    """
    words, title = words_of(approval), title_of(approval)
    with box("m-gate", data_approval=approval.id, data_kind=approval.kind, data_nav="", tabindex="-1") as made:
        _head(approval, words, title, session_named)
        question_detail(approval, title)
        if approval.kind == "infrastructure" and isinstance(approval.detail.get("command"), str):
            _correction(rt, approval)
        with box("m-gate__foot"):
            _answers(rt, approval, words)
    made.attr(role="group", aria_label=title.replace("`", ""))
    return made


def _head(approval: ApprovalView, words: Words, title: str, session_named: bool) -> None:
    with box("m-row m-row--top m-gap-12"):
        icon(words.icon).style("color: var(--waiting); margin-top: 2px")
        with box("m-stack m-gap-2 m-grow"):
            inline(title, "m-strong m-wrap", name="div")
            with box("m-row m-row--wrap m-meta"):
                if words.name:
                    text(words.name)
                if session_named:
                    tag("a", plain(approval.session_title), "m-cut", dir="auto", href=f"/session/{approval.session_id}")
                if approval.task_key:
                    text(f"task {approval.task_key}")
                when(approval.created_at)
        if approval.kind == "tool":
            tone, risk = _RISK.get(approval.risk, _RISK["medium"])
            text(risk, f"m-chip s-{tone}").style("padding-left: 9px")


def _answers(rt: Runtime, approval: ApprovalView, words: Words) -> None:
    message, field = (_raise_by(approval), None) if approval.kind == "budget" else _message(approval, words)
    client = ui.context.client  # the question may be gone when it is answered

    def invalid(error: InvalidInput) -> bool:
        if field is None or "message" not in error.fields:
            return False
        field.error = f"Enter an answer, or choose “{words.deny}”."
        return True

    async def answer(decision: approvals.Decision, by: ui.button, done: str, option: str | None = None) -> None:
        said = option or message() if approval.kind != "budget" or decision == "allow" else None
        with_words: dict[str, Any] = {"by": by, "done": done, "invalid": invalid}
        answered = await perform(approvals.decide, rt, approval.id, decision, said, **with_words)
        if answered is not FAILED:
            forget(_draft(approval), client=client)
            propose(rt, answered, client)

    for option in _options(approval):
        choose = button(option, kind="soft", small=True).classes("q-option")
        choose.on_click(lambda o=option, b=choose: answer("allow", b, words.allow_said, o))
    if approval.detail.get("missing_setup"):
        add = button("Set up and try again", kind="soft", small=True)
        add.on_click(lambda: answer("allow_setup", add, "Added to the setup. Trying again."))
        add.props.set_optional("title", "The commands above run in this session's worktrees and are remembered.")
    if approval.detail.get("network_for"):
        _network(approval, answer)
    allow = button(words.allow, kind="quiet" if _options(approval) or _better_way(approval) else "soft", small=True)
    allow.on_click(lambda: answer("allow", allow, words.allow_said))
    allow.props.set_optional("title", words.allow_means)
    allow.props.set_optional("data-allows", "")  # ``gate.js``: not before the end of what is allowed was seen
    if approval.signature and approval.kind == "tool":
        always = button("Allow for this session", small=True)
        always.on_click(lambda: answer("allow_session", always, "Allowed for this session."))
        always.props.set_optional("data-allows", "")
        always.props.set_optional("title", f"Not asked again in this session: {approval.covers}")
    if approval.kind == "trust" and not approval.task_id and approval.detail.get("sandbox"):
        inside = button("Only in the sandbox", kind="soft", small=True)
        inside.on_click(lambda: answer("allow_sandboxed", inside, "It runs only in the sandbox."))
        inside.props.set_optional("title", "All its sessions run in the sandbox, whatever permission mode is set.")
    if approval.detail.get("allow_fresh"):
        anew = button("Start a new conversation", small=True)
        anew.on_click(lambda: answer("allow_fresh", anew, "Trying again in a new conversation."))
        anew.props.set_optional("title", "Starts a new conversation with a summary of the work so far and your hint.")
    if offers_set_up(approval):
        change = button("Change setup…", small=True)
        change.on_click(lambda: change_environment(rt, approval.session_id))
    if approval.kind == "task_failed" and approval.task_key:
        where = f"/session/{approval.session_id}/plan?change=1&task={approval.task_key}"
        otherwise = button("Another agent…", small=True)
        otherwise.props.set_optional("title", "Another model, effort or kind of agent, or a new conversation.")

        async def go_otherwise() -> None:
            from pages.questions.retrying import retry_otherwise  # it knows plans and agents; the first page does not

            if await retry_otherwise(rt, approval, message()):
                forget(_draft(approval), client=client)

        otherwise.on_click(go_otherwise)
        link_button("Correct the checks…", where, small=True)
        _skip(rt, approval)
    deny = button(words.deny, kind="danger" if words.stops_work else "quiet", small=True)

    async def refuse() -> None:
        if not words.ends_session or await may_fail(rt, approval.session_id):
            await answer("deny", deny, words.deny_said)

    deny.on_click(refuse)
    deny.props.set_optional("title", words.deny_means)


def _options(approval: ApprovalView) -> list[str]:
    """The answers that an agent offers with its question."""
    offered = approval.detail.get("options") if approval.kind == "agent_question" else None
    return [option for option in offered if isinstance(option, str)] if isinstance(offered, list) else []


def _correction(rt: Runtime, approval: ApprovalView) -> None:
    """The check as a field: put right here, it is what the session runs from now on."""
    with box("m-row m-row--wrap m-gap-8"):
        field = ui.input(value=str(approval.detail.get("suggestion") or approval.detail["command"]))
        field.classes("m-grow m-mono q-correct").props("dense spellcheck=false")
        kept(field, _draft(approval) + "check", over=True).props.set_optional("aria-label", "The check's command")
        use = button("Correct this check", kind="soft" if approval.detail.get("suggestion") else "quiet", small=True)
        use.props.set_optional("title", "The session runs this command instead from now on.")

    client = ui.context.client

    field.on_value_change(lambda: show_error(field, None))

    def invalid(error: InvalidInput) -> bool:
        show_error(field, error.fields.get("command"))
        return "command" in error.fields

    async def correct() -> None:
        wanted = str(field.value or "")
        said: dict[str, Any] = {"by": use, "done": "Check corrected. Trying again.", "invalid": invalid}
        if await perform(approvals.decide, rt, approval.id, "allow", corrected=wanted, **said) is not FAILED:
            forget(_draft(approval), client=client)

    use.on_click(correct)


def _better_way(approval: ApprovalView) -> bool:
    """Whether the question offers more than to try the same once more: a set-up, or a command that ends."""
    return any(approval.detail.get(name) for name in ("missing_setup", "suggestion", "network_for"))


def _network(approval: ApprovalView, answer: Callable[[approvals.Decision, ui.button, str], Awaitable[None]]) -> None:
    """What a confined command was kept from, allowed for all work in the repository."""
    for_checks = approval.detail["network_for"] == "checks"
    named = f"Allow network for {'checks' if for_checks else 'setup'} of this repository"
    reach = button(named, kind="soft", small=True)
    reach.on_click(lambda: answer("allow_network", reach, "Allowed. Trying again."))
    hosts = ", ".join(str(host) for host in approval.detail.get("network_hosts") or [])
    also = "the registries of its tools" if for_checks else ""
    reach.props.set_optional(
        "title", f"Reaches {' and '.join(filter(None, [hosts, also]))}; remembered for this repository."
    )


def _message(approval: ApprovalView, words: Words) -> tuple[Callable[[], str | None], ui.input | ui.textarea | None]:
    """The field for a word with the answer; gives what reads it, and the field."""
    if not words.hint:
        return lambda: None, None
    field: ui.input | ui.textarea
    if words.long:
        field = ui.textarea(placeholder=words.hint).props("autogrow rows=2").classes("m-grow")
    else:
        field = ui.input(placeholder=words.hint)
    kept(field, _draft(approval) + "message").props.set_optional("aria-label", "Note for the agent")
    field.on_value_change(lambda: show_error(field, None))
    return lambda: field.value or None, field


def _raise_by(approval: ApprovalView) -> Callable[[], str | None]:
    """The field for how much a budget is raised by; gives what reads it, as the words that the budget understands."""
    detail = approval.detail
    by, measure = detail.get("raise_by"), str(detail.get("measure") or "usd")
    unit = "dollars" if measure == "usd" else measure.replace("_", " ")
    with box("m-row q-amount"):
        tag("label", "Raise by", "m-soft")
        usd = measure == "usd"
        field = ui.number(value=by, min=0, prefix="$" if usd else None, suffix=None if usd else unit).props("step=any")
        kept(field, _draft(approval) + "amount", over=True).props.set_optional("aria-label", f"Raise by, in {unit}")

    def read() -> str | None:
        value = field.value
        return f"Raised by {value:.10g} {unit}" if isinstance(value, (int, float)) and value > 0 else None

    return read


def _draft(approval: ApprovalView) -> str:
    """How the names begin under which the browser keeps what is typed into a question."""
    return f"answer-{approval.id}/"


def _skip(rt: Runtime, approval: ApprovalView) -> None:
    skip = button("Skip the task", small=True)
    key = approval.task_key or ""
    client = ui.context.client

    async def leave_out() -> None:
        if await perform(control.skip_task, rt, approval.session_id, key, by=skip, done="Skipped.") is not FAILED:
            forget(_draft(approval), client=client)

    skip.on_click(leave_out)
    skip.props.set_optional("title", "The session continues without this task.")
