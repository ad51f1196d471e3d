"""Charts of the workers: processor, memory, tokens. Read when first looked at, then each value is sent on its own.

Plotly (1.4 MB in the browser) is loaded with the first chart only. Its texts and lines get their colours from ``monitor.css``,
so light and dark change without a word to the server; the lines' own colours stand on both.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from datetime import datetime, timedelta
from html import escape
from typing import Any

from nicegui import run, ui

from maestro.core.kernel.runtime import Runtime
from maestro.core.queries.metrics import Series, Wanted, list_metrics
from maestro.db.journal import Event
from pages.components.placeholders import empty
from pages.components.tag import box, tag, text
from pages.monitor.snapshot import Snapshot

POINTS = 600
#: More lines than this in one chart are a thicket: the newest workers are drawn.
_LINES = 12
_COLOURS = ("#5b7cf0", "#1f9d8b", "#c27a1c", "#a45bd6", "#d0557f", "#5f8f2f", "#3d93c9", "#9a7350")
_CHARTS = (("cpu_percent", "CPU", "%"), ("memory_mb", "Memory", " MB"), ("tokens", "Tokens, total", ""))
_MINUTE_MS = 60_000
_TIMES = [
    {"dtickrange": [None, _MINUTE_MS - 1], "value": "%H:%M:%S"},
    {"dtickrange": [_MINUTE_MS, None], "value": "%H:%M"},
]
_CONFIG = {"displayModeBar": False, "responsive": True}


class Charts:
    """Three charts; ``open`` builds them, ``take`` adds what was measured."""

    def __init__(self, rt: Runtime, session_id: str) -> None:
        self._rt = rt
        self._id = session_id
        with box("mon-charts") as self._place:
            self._legend = box("mon-legend")
        self._plots: dict[str, ui.plotly] = {}
        self._lines: dict[str, int] = {}  # worker: its trace, the same in every chart
        self._tokens: dict[str, dict[str, float]] = defaultdict(dict)
        self._zone = timedelta()
        self._opened = False
        self._ready = False
        self._early: deque[Event] = deque(maxlen=2000)

    async def open(self, now: Snapshot) -> None:
        """Build the charts, the first time they are looked at."""
        if self._opened:
            return
        self._opened = True
        minutes = await ui.run_javascript("new Date().getTimezoneOffset()", timeout=5)
        self._zone = timedelta(minutes=-(minutes or 0))
        await self._build(now)
        await self._wait()

    async def _wait(self) -> None:
        """Until Plotly has come and has drawn; what is measured meanwhile is added then."""
        drawn = f"[...document.querySelectorAll('#c{self._place.id} .js-plotly-plot')].every(p => p.querySelector('.main-svg'))"
        for _ in range(60):
            if await ui.run_javascript(drawn, timeout=5):
                self._ready = True
                self.take(list(self._early))
                self._early.clear()
                return
            await asyncio.sleep(0.25)

    async def show(self, now: Snapshot) -> None:
        """A worker that was not there before gets its line."""
        if self._opened and {w.id for w in now.workers[-_LINES:]} - self._lines.keys():
            await self._build(now)

    async def _build(self, now: Snapshot) -> None:
        series = await run.io_bound(list_metrics, self._rt, self._id, Wanted(points=POINTS)) or []
        workers = now.workers[-_LINES:]
        self._lines = {w.id: number for number, w in enumerate(workers)}
        names = [w.name for w in workers]
        figures = self._figures(_by_worker(series), names)
        if self._plots:
            for name, plot in self._plots.items():
                plot.update_figure(figures[name])
        else:
            with self._place:
                self._draw(figures)
        self._legend.clear()
        with self._legend:
            self._name_lines(names, len(now.workers))

    def _draw(self, figures: dict[str, dict[str, Any]]) -> None:
        for name, title, _unit in _CHARTS:
            with box("mon-chart", role="img", aria_label=f"{title} of each worker over time"):
                tag("div", title, "mon-chart__title")
                self._plots[name] = ui.plotly(figures[name]).classes("mon-chart__plot")

    def _name_lines(self, names: list[str], all_workers: int) -> None:
        if not names:
            empty(
                "No measurements yet",
                "CPU, memory, and tokens of each worker appear here while it runs.",
                symbol="activity",
            )
        for number, name in enumerate(names):
            with text("", "mon-legend__item"):
                box("mon-legend__dot").style(f"background: {_colour(number)}")
                text(name)
        if all_workers > len(names):
            text(f"the last {len(names)} of {all_workers} workers", "m-meta")

    def _figures(self, series: dict[str, dict[str, Series]], names: list[str]) -> dict[str, dict[str, Any]]:
        figures = {}
        for name, _title, unit in _CHARTS:
            known = _tokens(series) if name == "tokens" else {k: s.points for k, s in series.get(name, {}).items()}
            traces = [
                self._trace(number, names[number], unit, known.get(worker, []), step=name == "tokens")
                for worker, number in self._lines.items()
            ]
            figures[name] = {"data": traces, "layout": _layout(unit), "config": _CONFIG}
        return figures

    def _trace(
        self, number: int, name: str, unit: str, points: list[tuple[datetime, float]], *, step: bool
    ) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "lines",
            "name": escape(name),  # Plotly reads tags in labels
            "x": [self._local(at) for at, _value in points],
            "y": [round(value, 1) for _at, value in points],
            "line": {"color": _colour(number), "width": 1.6, "shape": "hv" if step else "linear"},
            "hovertemplate": f"%{{y:,.0f}}{unit} %{{fullData.name}}<extra></extra>",
        }

    def take(self, events: list[Event]) -> None:
        """Add what was measured since; one message a chart."""
        if not self._ready:
            self._early.extend(e for e in events if e.type == "metric" and self._opened)
            return
        came: dict[str, dict[int, tuple[list[str], list[float]]]] = defaultdict(dict)
        for event in events:
            line = self._lines.get(str(event.payload.get("worker_id")))
            name, value = str(event.payload.get("name")), float(event.payload.get("value") or 0)
            if line is None or event.type != "metric":
                continue
            if name.startswith("tokens_"):
                known = self._tokens[str(event.payload["worker_id"])]
                known[name] = value
                name, value = "tokens", sum(known.values())
            if name in self._plots:
                xs, ys = came[name].setdefault(line, ([], []))
                xs.append(self._local(event.timestamp))
                ys.append(round(value, 1))
        for name, lines in came.items():
            new = {"x": [xs for xs, _ys in lines.values()], "y": [ys for _xs, ys in lines.values()]}
            self._plots[name].run_plot_method("extendTraces", new, list(lines), POINTS)

    def _local(self, at: datetime) -> str:
        """Plotly knows no time zones: times are told as the browser's clock shows them."""
        return (at + self._zone).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _by_worker(series: list[Series]) -> dict[str, dict[str, Series]]:
    found: dict[str, dict[str, Series]] = defaultdict(dict)
    for one in series:
        if one.worker_id:
            found[one.name][one.worker_id] = one
    return found


def _tokens(series: dict[str, dict[str, Series]]) -> dict[str, list[tuple[datetime, float]]]:
    """In and out together; the two are always measured at the same moment."""
    into, out = series.get("tokens_input", {}), series.get("tokens_output", {})
    found = {}
    for worker, one in into.items():
        other = out[worker].points if worker in out else []
        if len(other) == len(one.points):
            found[worker] = [(at, value + more) for (at, value), (_at, more) in zip(one.points, other, strict=True)]
        else:
            found[worker] = one.points
    return found


def _layout(unit: str) -> dict[str, Any]:
    axis = {"zeroline": False, "showline": False, "fixedrange": True, "automargin": False}
    return {
        "margin": {"l": 52, "r": 20, "t": 6, "b": 24},
        "height": 150,
        "autosize": True,
        "showlegend": False,
        "hovermode": "x unified" if unit else "closest",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 11, "family": "system-ui, sans-serif"},
        "xaxis": {**axis, "showgrid": False, "nticks": 4, "tickangle": 0, "tickformatstops": _TIMES},
        "yaxis": {**axis, "rangemode": "tozero", "nticks": 4, "ticksuffix": unit, "separatethousands": True},
    }


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]
