"""Tests whose names are other ones at each run: a port, a time, a process, a temporary path in the title.

What surely varies (where a check ran, its temporary folder, addresses of objects) gets a fixed word at once. Of
all else only a second run of what the work began on can tell: names that vary there are compared without what varies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Keyed, Service
from maestro.core.proving.reports.model import TestReport

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_TEMPORARY = re.compile(
    r"<temp>[^\s'\"`)\]},;]*|(?:/private)?/(?:var/)?tmp/[^\s'\"`)\]},;]*|/var/folders/[^\s'\"`)\]},;]*"
)
#: What may vary: numbers and what they stand in, names of days and months, words of letters and digits at random.
_MAY_VARY = re.compile(
    r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b|\b[AaPp][Mm]\b"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\btmp[a-z0-9_]{6,}\b"
    r"|(?<![A-Za-z0-9])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{6,}(?![A-Za-z0-9])|\d+(?:[.,:/T-]\d+)*Z?"
)


def placed(report: TestReport, folder: Path, temporary: str) -> TestReport:
    """A report whose names say nothing of the place where the check ran. ``temporary``: its temporary folder."""
    places = [(str(folder), "<worktree>"), (temporary, "<temp>")]
    places += [(str(Path(path).resolve()), word) for path, word in places if path]

    def steady(name: str) -> str:
        for path, word in places:
            if path and path in name:
                name = name.replace(path, word)
        return _ADDRESS.sub("<address>", _TEMPORARY.sub("<temp>", name))

    return replace(report, outcomes=_renamed(report.outcomes, steady))


#: By session.
_KNOWN: Service[Keyed[str, set[str]]] = Service(lambda: Keyed(lambda _session: set()))


def known(rt: Runtime, session_id: str) -> set[str]:
    """The names that are seen to vary in a session, each as its ``skeleton``; learned anew after a restart."""
    return rt.service(_KNOWN).of(session_id)


def steady(outcomes: Mapping[str, str], varying: set[str]) -> dict[str, str]:
    """How tests ended, those with varying names under their skeletons, numbered."""
    if not varying:
        return dict(outcomes)
    return _renamed(outcomes, lambda name: bones if (bones := skeleton(name)) in varying else name)


def suspects(vanished: Iterable[str], new: Iterable[str]) -> set[str]:
    """Skeletons that tests which vanished, or fail now, share with tests which were not there before."""
    bones = {skeleton(name) for name in new}
    return {bone for name in vanished if (bone := skeleton(name)) in bones and bone != name}


def that_vary(suspected: set[str], before: Iterable[str], again: Iterable[str]) -> set[str]:
    """Of suspected skeletons those whose names differ between two runs of the same commit."""
    first, second = _by_skeleton(before, suspected), _by_skeleton(again, suspected)
    return {bone for bone in suspected if bone in first and bone in second and first[bone] != second[bone]}


def skeleton(name: str) -> str:
    """A name without what may vary in it."""
    return _MAY_VARY.sub("#", name)


def _by_skeleton(names: Iterable[str], suspected: set[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in names:
        if (bone := skeleton(name)) in suspected:
            found.setdefault(bone, set()).add(name)
    return found


def _renamed(outcomes: Mapping[str, str], rename: Callable[[str], str]) -> dict[str, str]:
    """With new names; of several that come to the same name each is kept, with its number."""
    found: dict[str, str] = {}
    times = Counter[str]()
    for name, outcome in outcomes.items():
        new = rename(name)
        times[new] += 1
        found[new if times[new] == 1 else f"{new} ({times[new]})"] = outcome
    return found
