"""Below the details: what the user says of a task or of the plan, and which requirements its tasks and checks fulfil."""

from __future__ import annotations

from nicegui import ui

from maestro.core.commands import plan_comments, plans
from maestro.core.views import PlanCommentView, TraceRow
from pages.components.buttons import button, icon_button
from pages.components.fields import field
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.markdown import prose
from pages.components.section import section
from pages.components.tag import box, tag, text
from pages.components.when import when
from pages.plan.second_pass import review_section
from pages.plan.table import Reviewed


class Beside:
    """Follows the stored plan; made together with the details of a task (``key``) or of the plan (an empty one)."""

    def __init__(self, bench: Reviewed, key: str) -> None:
        self._bench = bench
        self._key = key
        self._shown: object = None
        self._trace = box("m-stack")
        if bench.editable:
            with section("Comments"):
                self._said = box("m-stack m-gap-8")
                with field("Add a comment", draft=f"comment-{bench.session.id}-{key}"):
                    self._words = ui.textarea(placeholder="What should be different here?").props("autogrow rows=1")
                add = button("Comment", icon="message-square", small=True)
                add.style("align-self: flex-start")
                add.on_click(lambda: self._add(add))
        self.show()

    def show(self) -> None:
        """Show what is stored now."""
        plan = self._bench.plan
        comments = [c for c in plan.comments if c.task == self._key]
        rows = plan.trace if not self._key else []
        review = plan.review if not self._key else None
        now = (comments, rows, review, self._bench.draft.dirty, self._bench.session.status)
        if now == self._shown:
            return
        self._shown = now
        self._trace.clear()
        if review:
            with self._trace:
                review_section(review)
        if rows:
            with self._trace, section("Requirements", count=len(rows)):
                trace_table(self._bench, rows)
        if self._bench.editable:
            self._said.clear()
            with self._said:
                for comment in comments:
                    self._comment(comment)

    def _comment(self, comment: PlanCommentView) -> None:
        with box("p-comment"):
            prose(comment.text, "m-grow")
            when(comment.created_at)
            remove = icon_button("x", "Remove this comment", small=True)
            remove.on_click(lambda: self._bench.do(plan_comments.remove_comment, comment.id, by=remove))

    async def _add(self, by: ui.button) -> None:
        bench, words = self._bench, self._words.value or ""
        if not words.strip():
            self._words.run_method("focus")
            return
        if await bench.do(plan_comments.add_comment, words, self._key or None, by=by):
            self._words.set_value("")


def trace_table(bench: Reviewed, rows: list[TraceRow]) -> None:
    """Requirement, tasks, checks; a gap is marked, and one click asks for what closes it."""
    with tag("table", "", "p-trace"):
        with tag("thead"), tag("tr"):
            for head in ("Requirement", "Tasks", "Checks"):
                tag("th", head, scope="col")
        with tag("tbody"):
            for row in rows:
                with tag("tr", "", f"p-trace__{row.gap or 'met'}"):
                    with tag("th", "", scope="row"):
                        inline(f"{row.id}: {row.text}" if row.id else row.text)
                    with tag("td"):
                        for key in row.tasks:
                            button(key, lambda key=key: bench.choose_by_hand(key), kind="ghost", small=True)
                        if row.by_words:
                            text("by its words", "m-meta", title="No task names this requirement; these say the same.")
                        if row.gap == "no_task":
                            _gap(bench, row, "No task", "Add a task")
                    with tag("td"):
                        for check in row.checks:
                            tag("div", check, "m-mono m-wrap")
                        if row.gap == "no_check":
                            _gap(bench, row, "No check", "Add a check")


def _gap(bench: Reviewed, row: TraceRow, words: str, act: str) -> None:
    with box("m-row m-gap-4 s-waiting"):
        icon("circle-alert").style("color: var(--c)")
        text(words)
    if bench.session.status == "plan_review" and not bench.draft.dirty:
        ask = button(act, icon="plus", small=True)
        ask.on_click(lambda: bench.do(plans.close_gap, row.id or row.text, by=ask))
