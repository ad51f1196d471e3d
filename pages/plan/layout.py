"""Where the task graph's boxes and lines go: columns by dependency, few crossings, long lines led around boxes.

Pure arithmetic on keys; nothing of it knows how things look.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

BOX_WIDTH = 184
BOX_HEIGHT = 64
_GAP_X = 52
_GAP_Y = 14
_LANE = 4  # the height a passing line takes
_LANE_GAP = 4  # between two of them: they run as a bundle
_MOST_ROWS = 9  # boxes one above another, where the surplus can stand further right
_EDGE = 16  # free space around everything
_SWEEPS = 6

#: A box is a task's key; a lane is where the line of an edge passes a column.
Item = str | tuple[str, str, int]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Upper left corners of the boxes by key, and the points each line goes through."""

    width: float
    height: float
    boxes: dict[str, Point]
    lines: dict[tuple[str, str], list[Point]]


def lay_out(keys: Sequence[str], depends_on: Mapping[str, Sequence[str]], levels: Mapping[str, int]) -> Layout:
    """Lay out ``keys`` (in plan order). Tasks that wait for nothing and that nothing waits for stand apart, below."""
    edges = [(d, k) for k in keys for d in depends_on.get(k, ()) if d in levels]
    linked = {key for edge in edges for key in edge}
    levels = _balanced([k for k in keys if k in linked], edges, levels)
    columns, chains = _columns([k for k in keys if k in linked], edges, levels)
    _order(columns, chains)
    centres = _centres(columns, chains)
    boxes: dict[str, Point] = {}
    top = min((centres[i] - _height(i) / 2 for c in columns for i in c), default=0.0)
    for number, column in enumerate(columns):
        for item in column:
            centres[item] += _EDGE - top
            if isinstance(item, str):
                boxes[item] = (_x(number), centres[item] - BOX_HEIGHT / 2)
    lines = {edge: _line(chain, centres, levels[edge[0]]) for edge, chain in chains.items()}
    bottom = max((centres[i] + _height(i) / 2 for c in columns for i in c), default=_EDGE - _GAP_Y)
    bottom = _place_loose([k for k in keys if k not in linked], boxes, bottom, max(len(columns), 3))
    right = max((x for x, _ in boxes.values()), default=0.0) + BOX_WIDTH
    return Layout(right + _EDGE, bottom + _EDGE, boxes, lines)


def _balanced(keys: Sequence[str], edges: Sequence[tuple[str, str]], levels: Mapping[str, int]) -> Mapping[str, int]:
    """Levels in which a crowd that nothing waits for stands in several columns: one of thirty boxes reads badly."""
    awaited = {source for source, _ in edges}
    found = dict(levels)
    for level in itertools.count():
        here = [k for k in keys if found[k] == level]
        for key in [k for k in here[_MOST_ROWS:] if k not in awaited]:
            found[key] = level + 1
        if not any(found[k] > level for k in keys):
            return found
    raise AssertionError


def _columns(
    keys: Sequence[str], edges: Sequence[tuple[str, str]], levels: Mapping[str, int]
) -> tuple[list[list[Item]], dict[tuple[str, str], list[Item]]]:
    """The columns with lanes in them, and for each edge the items it touches from left to right."""
    columns: list[list[Item]] = [[] for _ in range(max((levels[k] for k in keys), default=-1) + 1)]
    for key in keys:
        columns[levels[key]].append(key)
    chains: dict[tuple[str, str], list[Item]] = {}
    for source, target in edges:
        lanes: list[Item] = [(source, target, n) for n in range(levels[source] + 1, levels[target])]
        for number, lane in enumerate(lanes, levels[source] + 1):
            columns[number].append(lane)
        chains[source, target] = [source, *lanes, target]
    return columns, chains


def _neighbours(
    chains: Mapping[tuple[str, str], Sequence[Item]],
) -> tuple[dict[Item, list[Item]], dict[Item, list[Item]]]:
    before: dict[Item, list[Item]] = {}
    after: dict[Item, list[Item]] = {}
    for chain in chains.values():
        for left, right in itertools.pairwise(chain):
            after.setdefault(left, []).append(right)
            before.setdefault(right, []).append(left)
    return before, after


def _order(columns: list[list[Item]], chains: Mapping[tuple[str, str], Sequence[Item]]) -> None:
    """Sort each column by the middle of its neighbours, back and forth, so that few lines cross."""
    before, after = _neighbours(chains)
    for sweep in range(_SWEEPS):
        near, order = (before, columns) if sweep % 2 == 0 else (after, columns[::-1])
        place = {item: i / max(len(column), 1) for column in columns for i, item in enumerate(column)}
        for column in order:
            column.sort(key=lambda item, near=near, place=place: _middle(near.get(item), place, place[item]))  # type: ignore[misc]
            place.update({item: i / len(column) for i, item in enumerate(column)})


def _middle(items: Sequence[Item] | None, place: Mapping[Item, float], otherwise: float) -> float:
    return fmean(place[i] for i in items) if items else otherwise


def _centres(columns: list[list[Item]], chains: Mapping[tuple[str, str], Sequence[Item]]) -> dict[Item, float]:
    """The vertical middle of every item: near its neighbours, never over another one."""
    before, after = _neighbours(chains)
    centres: dict[Item, float] = {}
    for column in columns:
        at = 0.0
        for item in column:
            centres[item] = at + _height(item) / 2
            at += _height(item) + _GAP_Y
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            wanted = [
                _middle([*before.get(i, ()), *after.get(i, ())] if sweep else before.get(i), centres, centres[i])
                for i in column
            ]
            centres.update(zip(column, _spread(column, wanted), strict=True))
    return centres


def _spread(column: Sequence[Item], wanted: Sequence[float]) -> list[float]:
    """Places as wanted, pushed apart: the mean of pushing down only and up only, which both keep the distances."""
    apart = [(_height(a) + _height(b)) / 2 + _gap(a, b) for a, b in itertools.pairwise(column)]
    down, up = list(wanted), list(wanted)
    for i, distance in enumerate(apart):
        down[i + 1] = max(down[i + 1], down[i] + distance)
    for i in range(len(apart) - 1, -1, -1):
        up[i] = min(up[i], up[i + 1] - apart[i])
    return [(a + b) / 2 for a, b in zip(down, up, strict=True)]


def _line(chain: Sequence[Item], centres: Mapping[Item, float], level: int) -> list[Point]:
    points = [(_x(level) + BOX_WIDTH, centres[chain[0]])]
    for number, item in enumerate(chain[1:-1], level + 1):
        points += [(_x(number), centres[item]), (_x(number) + BOX_WIDTH, centres[item])]
    return [*points, (_x(level + len(chain) - 1), centres[chain[-1]])]


def _place_loose(keys: Sequence[str], boxes: dict[str, Point], bottom: float, across: int) -> float:
    for number, key in enumerate(keys):
        row, column = divmod(number, across)
        boxes[key] = (_x(column), bottom + _GAP_Y + row * (BOX_HEIGHT + _GAP_Y))
    rows = -(-len(keys) // across)
    return bottom + rows * (BOX_HEIGHT + _GAP_Y)


def _x(column: int) -> float:
    return _EDGE + column * (BOX_WIDTH + _GAP_X)


def _gap(above: Item, below: Item) -> float:
    return _GAP_Y if isinstance(above, str) or isinstance(below, str) else _LANE_GAP


def _height(item: Item) -> float:
    return BOX_HEIGHT if isinstance(item, str) else _LANE
