"""Where one writes: grows, Enter sends, nothing typed is ever lost; or, when one cannot write now, why not and the way on."""

from __future__ import annotations

from nicegui import ui
from nicegui.events import GenericEventArguments

from maestro.core.commands import conversation, plans
from maestro.core.views import SessionView
from pages.brainstorm.completions import Completions
from pages.brainstorm.model_menu import ModelMenu
from pages.components.action import FAILED, perform
from pages.components.buttons import button, icon_button, link_button
from pages.components.calls import did
from pages.components.drafts import forget
from pages.components.icon import icon
from pages.components.tag import box, text
from pages.frame.view import Frame

_ENTER = """(e) => {
  if (e.key !== "Enter" || e.shiftKey || e.isComposing || e.keyCode === 229 || matchMedia("(pointer: coarse)").matches) return;
  if (window.maestroChat?.offering()) return;
  e.preventDefault();
  emit(e.target.value);
}"""
_OVER = {
    "approved": "The plan is approved; the conversation has ended.",
    "executing": "The plan is being executed; the conversation has ended.",
    "paused": "The plan is being executed; the conversation has ended.",
    "validating": "The plan has been executed; the conversation has ended.",
    "completed": "This session is completed; the conversation has ended.",
    "failed": "This session has failed; the conversation has ended.",
    "cancelled": "This session was cancelled; the conversation has ended.",
}


class Composer:
    """The field below the transcript, or the line that says why there is none."""

    def __init__(self, view: Frame, session: SessionView) -> None:
        self.view = view
        self.session = session
        self._sending = False
        with box("b-composer") as self.root:
            box("b-offer b-column m-hidden", data_offer="", role="listbox", aria_label="Completions")
            Completions(view, session)
            with box("b-column b-write", data_draft=f"say-{session.id}") as self._write:
                self.field = ui.textarea(placeholder="Write to the assistant… @ names a file, / takes a template")
                self.field.props('autogrow borderless rows=1 input-class="b-write__text" aria-label="Your message"')
                self.field.on("keydown", self._entered, js_handler=_ENTER)
                with box("b-write__foot"):
                    text("Enter sends, Shift+Enter adds a new line", "b-write__hint")
                    self._model = ModelMenu(view, session)
                    self._stop = button("Stop", self._stop_reply, icon="square", small=True)
                    self._send = icon_button("send", "Send", lambda: self._say(self.field.value or ""), kind="quiet")
            self._why = box("b-column b-why m-hidden", role="status")
        self._shown = ""
        self.set_replying(False)
        self.show_session(session)

    def set_replying(self, replying: bool) -> None:
        """Offer to stop the reply while there is one."""
        self._stop.set_visibility(replying)

    def show_session(self, session: SessionView) -> None:
        """Follow the session's state."""
        self.session = session
        self._model.show_session(session)
        if session.status == self._shown:
            return
        self._shown = session.status
        can_write = session.status == "brainstorming"
        self._write.set_visibility(can_write)
        self._why.classes("m-hidden") if can_write else self._why.classes(remove="m-hidden")
        self.root.set_visibility(session.status != "idle")
        self._why.clear()
        if not can_write:
            with self._why:
                self._say_why(session)

    async def _entered(self, event: GenericEventArguments) -> None:
        await self._say(str(event.args or ""))

    async def _say(self, words: str) -> None:
        if self._sending or not words.strip():
            return
        self._sending = True
        try:
            said = await perform(conversation.send_message, self.view.rt, self.session.id, words, by=self._send)
        finally:
            self._sending = False
        if said is FAILED:
            return  # the words stay where they are
        if (self.field.value or "").strip() == words.strip():
            self.field.set_value("")
        forget(f"say-{self.session.id}", words=words)
        ui.run_javascript("window.maestroChat?.toLatest()")

    async def _stop_reply(self) -> None:
        await perform(conversation.stop_reply, self.view.rt, self.session.id, by=self._stop)

    def _say_why(self, session: SessionView) -> None:
        plan = f"/session/{session.id}/plan"
        if session.status == "planning":
            text("", "b-busy__dot")
            text("The plan is being made. You can continue chatting once it is ready.", "m-grow")
            link_button("Watch progress", plan, icon="workflow", small=True).classes("b-narrow")
        elif session.status == "plan_review":
            icon("list-checks")
            text("The plan is ready for review. You can still go back to the conversation.", "m-grow")
            back = button("Continue chatting", small=True)
            back.on_click(lambda: self._revise(back))
        else:
            icon("lock")
            text(_OVER.get(session.status, "You can't write here now."), "m-grow")
            link_button("View plan", plan, small=True).classes("b-narrow")

    async def _revise(self, by: ui.button) -> None:
        with self.view.content:
            if await did(plans.revise_plan, self.view.rt, self.session.id, by=by):
                await self.view.reload_session()
