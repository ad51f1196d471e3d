"""Getting an assistant without a shell: a key typed here, or Claude Code's sign-in; and a test that says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import run, ui

from maestro.core.brainstorm import assistant
from maestro.core.commands import preferences, signing_in
from maestro.core.kernel import endpoint
from maestro.core.kernel.runtime import Runtime
from maestro.errors import InvalidInput
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.fields import show_error
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.tag import Tag, box, tag, text

if TYPE_CHECKING:
    from maestro.core.brainstorm.assistant import Trial

_LOOK_S = 2.0


def test_button(rt: Runtime) -> None:
    """ "Test": asks the assistant for one word and says in words how that went."""

    async def test() -> None:
        place.clear()
        with place:
            text("Asking for one word…", "m-meta")
        found = await perform(assistant.try_assistant, rt, by=made)
        place.clear()
        if found is not FAILED:
            with place:
                show_trial(found)

    made = button("Test", test, icon="activity", small=True)
    place = box("m-trial", role="status")


def show_trial(found: Trial) -> None:
    """How a trial went."""
    with box("m-row m-row--top m-gap-8"):
        icon("check" if found.ok else "circle-alert")
        inline(found.words, "m-wrap")


def set_up(rt: Runtime) -> None:
    """The two ways that need no shell; the page is drawn anew as soon as an assistant is there."""
    with tag("ul", "", "m-ways"):
        with tag("li", "", "m-way m-way--stack"):
            _key(rt)
        with tag("li", "", "m-way m-way--stack"):
            _SignInWay(rt)

    async def noticed() -> None:
        if await run.io_bound(endpoint.describe, rt.settings) not in {"none", None}:
            timer.deactivate()
            ui.navigate.reload()

    timer = ui.timer(_LOOK_S, noticed)


def _key(rt: Runtime) -> None:
    with tag("label", "", "m-soft"):
        text("Enter an API key. It is kept in the system’s keyring, or in a file that only you can read.")
    with box("m-row m-row--wrap"):
        field = ui.input(password=True, placeholder="sk-ant-…").props('autocomplete="off" spellcheck="false"')
        field.props.set_optional("aria-label", "API key")
        field.props.set_optional("data-secret", "")
        field.classes("m-grow")

        def beside(error: InvalidInput) -> bool:
            reason = error.fields.get("anthropic_api_key")
            show_error(field, reason)
            return bool(reason)

        async def store() -> None:
            show_error(field, None)
            value = (field.value or "").strip()
            if not value:
                show_error(field, "Paste a key first.")
                return
            await perform(preferences.change_settings, rt, {"anthropic_api_key": value}, by=made, invalid=beside)

        made = button("Save key", store, icon="key-round")
        field.on("keydown.enter", store)


class _SignInWay:
    """Claude Code's own sign-in: its page, and the code that the page shows."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        self._shown: tuple[object, ...] = ()
        text("Sign in with Claude Code, if you have a subscription.", "m-soft")
        self._place: Tag = box("m-stack m-gap-8")
        self._draw(signing_in.SignIn())
        ui.timer(1.0, self._look)

    async def _look(self) -> None:
        found = await run.io_bound(signing_in.state, self.rt)
        if found is not None:
            self._draw(found)

    def _draw(self, found: signing_in.SignIn) -> None:
        now = (found.running, found.url, found.error)
        if now == self._shown:
            return
        self._shown = now
        self._place.clear()
        with self._place:
            if not found.running:
                if found.error:
                    inline(found.error, "m-wrap")
                with box("m-row"):
                    made = button("Sign in", icon="play")
                    made.on_click(lambda: self._start(made))
            elif found.url:
                tag("p", "Sign in on this page; if it shows a code, enter the code here.", "m-meta")
                with box("m-row m-row--wrap"):
                    tag(
                        "a",
                        "Open the sign-in page",
                        "m-btn",
                        href=found.url,
                        target="_blank",
                        rel="noopener noreferrer",
                    )
                    code = ui.input(placeholder="Code").props('autocomplete="off"')
                    code.props.set_optional("aria-label", "Code from the sign-in page")
                    code.props.set_optional("data-secret", "")
                    enter = button("Enter code")
                    enter.on_click(lambda: self._enter(code, enter))
                    button("Cancel", lambda: signing_in.cancel(self.rt), kind="ghost")
            else:
                text("Claude Code’s sign-in is starting…", "m-meta")

    async def _start(self, by: ui.button) -> None:
        found = await perform(signing_in.start, self.rt, by=by)
        if found is not FAILED:
            self._draw(found)

    async def _enter(self, field: ui.input, by: ui.button) -> None:
        def beside(error: InvalidInput) -> bool:
            show_error(field, error.fields.get("code"))
            return True

        show_error(field, None)
        await perform(signing_in.enter_code, self.rt, field.value or "", by=by, invalid=beside)
