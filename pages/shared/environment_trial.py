"""Trying what worktrees would get: a button, how far it is, and what it showed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import run, ui

from maestro.core.commands import trials
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces.repository_environment import EnvironmentView, parse_environment
from maestro.core.workspaces.trials import TrialStep, TrialView
from maestro.errors import InvalidInput, MaestroError
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.tag import box, tag, text
from pages.components.when import when
from pages.components.words import plural
from pages.shared.trust_dialog import may_run

_POLL_S = 0.7
_LOOKS = {
    "running": ("running", "play", "Trying"),
    "works": ("done", "circle-check", "Works"),
    "fails": ("failed", "circle-x", "Does not work"),
    "stopped": ("pending", "ban", "Stopped"),
    "passed": ("done", "circle-check", "passed"),
    "failed": ("failed", "circle-x", "failed"),
}


class EnvironmentTrial:
    """Of the lines that are ticked; nothing is shown until a repository is looked at."""

    def __init__(
        self, rt: Runtime, chosen: Callable[[], dict[str, Any]], invalid: Callable[[InvalidInput], bool]
    ) -> None:
        self._rt, self._chosen, self._invalid = rt, chosen, invalid
        self._path: str | None = None
        self._tried: list[TrialView] = []
        self._branch: str | None = None
        self._shown: TrialView | None = None
        with box("m-stack m-gap-8 m-trial") as self._place:
            with box("m-row m-row--wrap m-gap-8"):
                self._try = button("Try it", icon="play", small=True)
                self._try.props.set_optional(
                    "title", "Runs the selected items in a temporary worktree, which is removed afterwards."
                )
                self._stop = button("Stop", small=True)
            self._other = text("The current selection has not been tried.", "m-field__help")
            self._result = box("m-stack m-gap-4")
            self._result.props.set_optional("role", "status")
        self._try.on_click(self._begin)
        self._stop.on_click(self._end)
        self._timer = ui.timer(_POLL_S, self._refresh, active=False)
        self._place.set_visibility(False)
        self._stop.set_visibility(False)

    def show(self, view: EnvironmentView | None, branch: str | None = None) -> None:
        """Offer it for a repository, with what the last trial showed; None: no repository is chosen."""
        self._place.set_visibility(view is not None)
        self._path, self._branch = (view.repo_path, branch) if view else (None, None)
        self._tried = list(view.tried) if view else []
        self._timer.active = view is not None  # one may be under way
        self._draw(self._fitting())

    def compare(self) -> None:
        """Something else may be ticked by now: show what is known of that, the last trial gray where nothing is."""
        if self._shown is None or self._shown.state != "running":
            self._draw(self._fitting())

    def _fitting(self) -> TrialView | None:
        """What was tried of just what is ticked; else the last one."""
        chosen = self._chosen()
        return next((one for one in self._tried if one.is_of(chosen)), self._tried[0] if self._tried else None)

    async def _begin(self) -> None:
        try:
            chosen = parse_environment(self._chosen())
        except InvalidInput as error:
            self._invalid(error)
            return
        assert self._path is not None
        if not await may_run(self._rt, self._path):
            return
        begun = await perform(
            trials.begin_trial, self._rt, self._path, chosen, self._branch, by=self._try, invalid=self._told
        )
        if begun is not FAILED:
            self._draw(begun)
            self._timer.active = True

    def _told(self, error: InvalidInput) -> bool:
        return self._invalid(error)

    async def _end(self) -> None:
        await perform(trials.stop_trial, self._rt, self._path or "", by=self._stop)

    async def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            view: TrialView | None = await run.io_bound(trials.trial, self._rt, self._path)
        except MaestroError:
            view = None  # none since the app began: what is remembered stays
        if view is None or view.state != "running":
            self._timer.active = False
        if view is None or view == self._shown:
            return
        if view.state != "running":
            self._tried = [view, *(one for one in self._tried if not one.is_of(view.model_dump()))]
            view = self._fitting()
        self._draw(view)

    def _draw(self, view: TrialView | None) -> None:
        running = view is not None and view.state == "running"
        self._shown = view.model_copy(deep=True) if view else None
        self._stop.set_visibility(running)
        self._try.set_enabled(not running)
        other = view is not None and not running and not view.is_of(self._chosen())
        self._other.set_visibility(other)
        self._result.classes(add="m-trial--other" if other else "", remove="" if other else "m-trial--other")
        self._result.clear()
        if view is None:
            return
        with self._result:
            _summary(view)
            for note in view.notes:
                inline(note, "m-wrap", name="div")
            for step in view.steps:
                _step(step)


def _summary(view: TrialView) -> None:
    tone, mark, word = _LOOKS[view.state]
    with box(f"m-row m-row--wrap m-gap-8 s-{tone}"):
        icon(mark).style("color: var(--c)")
        text(word, "m-strong")
        if view.state != "running":
            facts = [f"{view.seconds:.0f} s", f"{view.disk_mb:,.0f} MB on disk"]
            facts.append(f"{plural(view.tests, 'test')} named" if view.tests else "no test reported")
            text(" · ".join(facts), "m-meta m-num")
            with box("m-meta"):
                when(view.began_at)
    if view.reason and view.state == "fails":
        inline(view.reason, "m-wrap", name="div")


def _step(step: TrialStep) -> None:
    tone, mark, word = _LOOKS[step.state]
    with box(f"m-row m-row--top m-gap-8 s-{tone}"):
        icon(mark).style("color: var(--c)")
        with box("m-stack m-gap-2 m-grow"):
            tag("code", step.command, "b-code m-wrap")
            said = word if step.state == "running" else f"{word} in {step.seconds:.1f} s"
            if step.tests is not None:
                said += f", {step.passed} of {plural(step.tests, 'test')} passed"
            elif step.kind == "checks" and step.state == "passed":
                said += ", reports pass or fail only"
            text(said, "m-meta m-num")
            if step.state == "failed" and step.output.strip():
                with tag("details", ""):
                    tag("summary", "The end of its output", "q-more mi-chevron-right")
                    tag("pre", step.output[-2000:], "q-output", tabindex="0", aria_label="End of the output")
