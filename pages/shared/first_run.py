"""What a newcomer sees: what it takes from nothing to the first session, and the demo, which needs nothing."""

from __future__ import annotations

from nicegui import ui

from maestro import claude_home, variables
from maestro.core.commands import sessions
from maestro.core.kernel import endpoint, modes
from maestro.core.kernel.runtime import Runtime
from pages.components.action import FAILED, perform
from pages.components.buttons import button, link_button
from pages.components.state import Mark, chip
from pages.components.tag import Tag, box, tag, text
from pages.mode_note import mode_chip, mode_note
from pages.shared.assistant_setup import set_up

READY = {
    "anthropic": Mark("done", "check", "Ready: Anthropic API"),
    "claude_code": Mark("done", "check", "Ready: your Claude Code login"),
    "demo": Mark("running", "play", "Demo: scripted answers"),
    "none": Mark("waiting", "key-round", "Not set up yet"),
}


def ready_mark(kind: str) -> Mark:
    """How the assistant stands, with the cloud it works through."""
    chosen = claude_home.cloud() if kind == "claude_code" else None
    return Mark("done", "check", f"Ready: Claude Code through {variables.CLOUDS[chosen][0]}") if chosen else READY[kind]


def guide(rt: Runtime, mode: modes.InForce) -> None:
    """The guide, in place of the dashboard."""
    kind = endpoint.describe(rt.settings)
    ready = kind != "none"
    with box("m-guide"):
        with box("m-stack m-gap-4"):
            tag("div", "From an idea to merged, proven code", "m-big")
            tag(
                "p",
                "Discuss an idea, approve a plan, and watch Claude Code workers build it in their own worktrees. "
                "Maestro runs the checks itself; your branch changes once, when you approve.",
                "m-soft",
            )
        with box("m-card m-card--flush"):
            with _step("1", "A repository"):
                tag(
                    "p",
                    "Any git repository on this machine. Maestro works in worktrees and leaves your checkout alone.",
                    "m-soft",
                )
                if ready:
                    with box("m-row"):
                        link_button("New session", "/session/new", icon="plus", kind="primary")
            with _step("2", "An assistant") as head:
                with head:
                    chip(ready_mark(kind))
                _assistant(rt, kind)
            with _step("3", "What may run") as head:
                with head:
                    mode_chip(mode)
                mode_note(mode)
            with _step("4", "Or try the demo first"):
                tag(
                    "p",
                    "A sample repository and a scripted model: real workers, real git, real checks, no key, about a minute. "
                    "You answer one question on the way.",
                    "m-soft",
                )
                with box("m-row"):
                    demo_button(rt, primary=not ready)


def demo_button(rt: Runtime, *, primary: bool = False, small: bool = False) -> None:
    """ "Try the demo": makes its session and goes to its brainstorm."""

    async def start() -> None:
        session = await perform(sessions.create_demo, rt, by=made)
        if session is not FAILED:
            ui.navigate.to(f"/session/{session.id}/brainstorm")

    made = button("Try the demo", start, icon="flask-conical", kind="primary" if primary else "quiet", small=small)


def _assistant(rt: Runtime, kind: str) -> None:
    if kind == "none":
        tag(
            "p",
            "It brainstorms, plans, and does the tasks. Set up one of these; no restart is needed:",
            "m-soft",
        )
        set_up(rt)
        with box("m-row m-row--wrap m-meta"):
            text("A gateway or a local model server: enter its base URL in the")
            tag("a", "settings", "m-link", href="/settings")
    elif kind == "demo":
        tag(
            "p",
            "MAESTRO_ASSISTANT is set to demo: every session gets scripted answers. Unset it for real work.",
            "m-soft",
        )
    else:
        tag(
            "p",
            "Brainstorms and plans with you; workers use the same access. Change it in the settings.",
            "m-soft",
        )


class _step:  # noqa: N801  reads like a function
    def __init__(self, number: str, title: str) -> None:
        with box("m-step"):
            box("m-step__number").set_text(number)
            self.body = box("m-stack m-gap-8 m-grow")
        with self.body, box("m-row m-row--wrap m-gap-12") as self.head:
            tag("h2", title, "m-head")

    def __enter__(self) -> Tag:
        self.body.__enter__()
        return self.head

    def __exit__(self, *exc: object) -> None:
        self.body.__exit__(*exc)
