"""What the plan may take, in a line: time, tokens and money as a range, hot spots, the riskiest task; later what it took."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from maestro.core.views import HotSpot, PlanEstimate, Range
from pages.components.icon import icon
from pages.components.tag import box, tag, text
from pages.components.words import money, plural, tokens
from pages.plan.draft import estimate as minutes_words

if TYPE_CHECKING:
    from pages.plan.bench import Bench


def estimate_line(bench: Bench) -> None:
    """The ranges, and what may go wrong."""
    found = bench.plan.estimate
    if found is None:
        return
    source = _source(found)
    if found.known:
        text(_between(found.minutes, minutes_words), title=source)
    if found.cost_usd is not None and not bench.costs.known:
        text(_between(found.cost_usd, money), title=source)
    text(f"{_between(found.tokens, lambda n: tokens(int(n)))} tokens", title=source)
    if found.hot_spots:
        with box("m-row m-gap-4 s-waiting", title="\n".join(map(_spot, found.hot_spots))).style("color: var(--c)"):
            icon("circle-alert")
            text(f"{plural(len(found.hot_spots), 'hot spot')}: {_spot(found.hot_spots[0])}", "m-cut")
    if found.riskiest:
        task, why = found.riskiest.task, ", ".join(found.riskiest.reasons)
        with tag("button", "", "p-hint", type="button", title=f"{task}: {why}") as risky:
            icon("triangle-alert")
            text(f"riskiest: {task}", "m-cut")
        risky.on("click", lambda: bench.choose_by_hand(task))


def took_line(bench: Bench) -> None:
    """What the finished tasks took, against what was estimated when the plan was approved."""
    took, said = bench.plan.actual, bench.plan.estimate
    if took is None:
        return
    words = f"took {minutes_words(took.minutes)}"
    if took.cost_usd:
        words += f" and {money(took.cost_usd)}"
    if said is not None:
        words += f"; estimated {_between(said.minutes, minutes_words)}"
        if said.cost_usd is not None and took.cost_usd:
            words += f" and {_between(said.cost_usd, money)}"
    text(words, "m-soft", title=f"{plural(took.tasks, 'finished task')}, {tokens(took.tokens)} tokens")


def _source(found: PlanEstimate) -> str:
    if found.known:
        return f"From {plural(found.known, 'finished task')} in this repository"
    return "From the plan’s own estimates: not enough finished tasks in this repository yet"


def _between(found: Range, words: Callable[[float], str]) -> str:
    low, high = words(found.low), words(found.high)
    return f"about {low}" if low == high else f"{low} to {high}"


def _spot(spot: HotSpot) -> str:
    return f"{' and '.join(spot.tasks)} may both change {', '.join(spot.files)}"
