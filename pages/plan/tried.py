"""Trying the plan's checks on the base, from the bar: how many were tried and what is in the way, and the button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maestro.core.commands import check_trials
from pages.components.buttons import button
from pages.components.icon import icon
from pages.components.tag import box, text
from pages.components.words import plural

if TYPE_CHECKING:
    from pages.plan.bench import Bench


def tried_now(bench: Bench) -> tuple[object, ...]:
    """What the line follows."""
    return (bench.plan.trial.model_dump_json(), *((c.command, c.tried and c.tried.words) for c in bench.plan.checks))


def tried_line(bench: Bench) -> None:
    """What trying the checks showed, and the way to try them."""
    trial, checks = bench.plan.trial, bench.plan.checks
    if not checks:
        return
    with box("m-row m-gap-8 p-tried"):
        if trial.state == "running":
            text(
                f"Trying checks on the base: {trial.tried} of {trial.total}",
                "m-soft",
                title=trial.command,
                role="status",
            )
            stop = button("Stop", icon="square", kind="ghost", small=True)
            stop.on_click(lambda: bench.do(check_trials.stop_checks, by=stop))
            return
        blocked = sum(c.tried is not None and c.tried.kind == "cannot_run" for c in checks)
        nothing = sum(c.tried is not None and c.tried.verdict == "nothing_new" for c in checks)
        tried = sum(c.tried is not None for c in checks)
        if trial.state == "failed":
            text(trial.reason, "m-wrap")
        if blocked:
            _marked("circle-x", "s-failed", f"{plural(blocked, 'check')} cannot run here")
        if nothing:
            _marked(
                "circle-alert",
                "s-waiting",
                f"{plural(nothing, 'check')} {'proves' if nothing == 1 else 'prove'} nothing new",
            )
        if tried and not blocked and not nothing:
            words = "All checks tried" if tried == len(checks) else f"{tried} of {len(checks)} checks tried"
            _marked("circle-check", "s-done", words)
        again = button("Try again" if tried == len(checks) else "Try the checks", icon="play", kind="ghost", small=True)
        again.on_click(lambda: bench.do(check_trials.try_checks, by=again))


def _marked(symbol: str, tone: str, words: str) -> None:
    with box(f"m-row m-gap-4 {tone}").style("color: var(--c)"):
        icon(symbol)
        text(words)
