"""A pytest check of the plan that is run for some of its tests only: no more than the check itself would run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from maestro.agents import shell
from maestro.agents.places import Place

#: Options that change what is printed, or where a run ends.
_PLAIN = re.compile(r"-[xvqsl]{1,4}|-r\w+|--(lf|ff|last-failed|failed-first|no-header|(tb|maxfail|durations)=\w+)")


def is_narrowed_check(command: shell.Command, place: Place, checks: Iterable[str]) -> bool:
    """Whether a command is a check that is just pytest, with plain options, ``-k`` and paths that the check covers."""
    given = _split(command)
    if given is None or command.globbed:
        return False
    head, paths = given
    for check in checks:
        known = shell.parse(check)
        asked = _split(known[0]) if known and len(known) == 1 and "-k" not in known[0].words else None
        if asked and asked[0] == head and (paths or not asked[1]) and all(_covered(p, asked[1], place) for p in paths):
            return True
    return False


def _split(command: shell.Command) -> tuple[list[str], list[str]] | None:
    """How pytest is called, and the paths; None where there is anything else."""
    words = command.words
    head = words[:3] if words[1:3] == ["-m", "pytest"] and words[0].startswith("python") else words[:1]
    if head[-1] != "pytest":
        return None
    paths, rest = [], iter(words[len(head) :])
    for word in rest:
        if word == "-k":
            if next(rest, "-").startswith("-"):
                return None
        elif not word.startswith(("-", "@")):  # @file: options could stand in it
            paths.append(word)
        elif not _PLAIN.fullmatch(word):
            return None
    return head, paths


def _covered(path: str, by: list[str], place: Place) -> bool:
    file = path.partition("::")[0]
    if not file or ".." in file or not place.holds(file):
        return False
    return not by or path in by or any(PurePosixPath(file).is_relative_to(one) for one in by)
