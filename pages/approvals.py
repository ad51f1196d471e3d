"""Every open question at one place, and what was answered lately."""

from __future__ import annotations

from nicegui import run

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import ApprovalView
from pages import live
from pages.components.icon import icon
from pages.components.inline import inline, plain
from pages.components.keyed import KeyedList
from pages.components.placeholders import empty
from pages.components.section import section
from pages.components.tag import box, tag
from pages.components.when import when
from pages.components.words import plural
from pages.frame.banners import Banners
from pages.frame.view import Frame
from pages.questions.cards import GateList
from pages.routing import page

_SHOWN = 40
_ANSWERS = {
    "allowed": ("done", "check", "Allowed"),
    "denied": ("failed", "x", "Denied"),
    "expired": ("pending", "minus", "No longer needed"),
}


def install(rt: Runtime) -> None:
    """Register the page."""

    @page(rt, "/approvals", title="Approvals", width="narrow")
    async def approvals(view: Frame) -> None:
        shown = _Approvals(view.rt)
        await shown.banners.refresh()
        await shown.refresh()
        live.subscribe(None, lambda _events: shown.refresh(), types=("approval_*", "session_*"), every_s=0.5)


class _Approvals:
    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        self.banners = Banners(rt)
        self.nothing = box()
        with self.nothing:
            empty(
                "No open approvals",
                "Workers ask here before risky actions and when a task fails. The browser tab shows how many questions are open.",
                symbol="hand",
            )
        self.open = GateList(rt)
        self.more = tag("div", "", "m-meta")
        with box() as self.past_box, section("Answered"):
            self.past = KeyedList(box("m-list"), key=lambda a: a.id + a.status, build=_Past)

    async def refresh(self) -> None:
        """Look again."""
        found = await run.io_bound(_read, self.rt)
        if found is None:
            return
        waiting, answered = found
        self.open.sync(waiting[:_SHOWN])
        self.open.box.set_visibility(bool(waiting))
        self.nothing.set_visibility(not waiting)
        rest = len(waiting) - _SHOWN
        self.more.set_text(f"{plural(rest, 'more question')} after these." if rest > 0 else "")
        self.past.sync(answered)
        self.past_box.set_visibility(bool(answered))


def _read(rt: Runtime) -> tuple[list[ApprovalView], list[ApprovalView]]:
    every = [a for status in _ANSWERS for a in queries.list_approvals(rt, status=status)]
    every.sort(key=lambda a: a.resolved_at or a.created_at, reverse=True)
    return queries.list_approvals(rt), every[:30]


class _Past:
    def __init__(self, approval: ApprovalView) -> None:
        tone, symbol, word = _ANSWERS.get(approval.status, _ANSWERS["expired"])
        away = approval.resolved_by == "away"
        word = "Denied while you were away" if away else word
        with tag("a", "", "m-item m-answered", href=f"/session/{approval.session_id}", data_nav=""):
            icon(symbol, f"s-{tone}", label=word).style("color: var(--c)")
            with box("m-stack m-gap-0 m-grow"):
                inline(approval.title, "m-cut", name="div").attr(title=plain(approval.title))
                words = " · ".join(w for w in (word, approval.session_title, "" if away else approval.message) if w)
                inline(words, "m-meta m-cut").attr(title=words)
            when(approval.resolved_at or approval.created_at, "m-meta m-num m-cut")
