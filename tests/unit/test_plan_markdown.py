"""A plan written as a Markdown file is read back as just the same plan; what is wrong in a file is said with its line."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.core.planning.plan import Plan, parse_plan
from maestro.core.planning.plan_markdown import from_markdown, to_markdown
from maestro.errors import InvalidInput

FILE = """\
# Plan

## Summary

Export in two steps.

\\## Not a heading
- not an entry

## Checks

- python -m pytest -q

## Decisions

### library

- [ ] pandas
- [x] csv

#### Why

Small.

## Tasks

### writer: Write the file

- Priority: high
- Estimate: 10 min
- Asks before it starts: yes

#### Description

First line.

#### Files

- src/export.py
- tests/**

#### Checks

- cat <<E
  two
    lines

  E

### command: Add it: the command

- Depends on: writer
- Effort: low
"""
READ: dict[str, Any] = {
    "summary": "Export in two steps.\n\n## Not a heading\n- not an entry",
    "checks": ["python -m pytest -q"],
    "decisions": [{"decision_type": "library", "options": ["pandas", "csv"], "chosen": 1, "rationale": "Small."}],
    "tasks": [
        {
            "id": "writer", "title": "Write the file", "description": "First line.", "priority": 1,
            "estimate_minutes": 10, "requires_approval": True, "files": ["src/export.py", "tests/**"],
            "checks": ["cat <<E\ntwo\n  lines\n\nE"],
        },
        {"id": "command", "title": "Add it: the command", "depends_on": ["writer"], "effort": "low"},
    ],
}  # fmt: skip


def test_a_file_is_read_as_it_looks() -> None:
    assert from_markdown(FILE) == parse_plan(READ)
    assert from_markdown("\ufeff" + FILE.replace("\n", "\r\n")) == parse_plan(READ)
    assert from_markdown(to_markdown(parse_plan(READ))) == parse_plan(READ)


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("# Plan\n", "# The plan\n", "Line 1: the file must begin with “# Plan”"),
        ("- Depends on: writer", "- Depends: writer", "Line 52: there is no property of a task “Depends”; “Depends on” is meant"),
        ("- Depends on: writer", "- Depends on: nobody", "Line 1: task command depends on nobody"),
        ("- Depends on: writer", "- Depends on: writer\n- Depends on: writer", "Line 53: “Depends on” is said twice"),
        ("#### Files", "#### File", "Line 37: there is no part of a task “File”; “Files” is meant"),
        ("#### Files", "#### Checks", "Line 42: “Checks” is there twice"),
        ("## Checks\n\n- python", "## Checks\n\npython", "Line 12: an entry of a list begins with “- ”"),
        ("- Effort: low", "- Effort: much", "Line 53 (tasks.1.effort): must be one of"),
        ("- [ ] pandas", "- [x] pandas", "Line 19: only one option can be chosen"),
        ("- [x] csv", "- [ ] csv", "Line 16: mark the chosen option with [x]"),
        ("- [x] csv", "- csv", "Line 19: an option is written"),
        ("- src/export.py", "- ../export.py", "Line 37 (tasks.0.files): “../export.py” leaves the repository"),
        ("### writer: Write the file", "### Write the file", "Line 27: a task begins with “### id: Title”"),
        ("yes", "maybe", "Line 31: must be yes or no"),
        ("10 min", "ten", "Line 30 (tasks.0.estimate_minutes)"),
        ("high", "soon", "Line 29 (tasks.0.priority)"),
        ("## Checks", "## Tests", "Line 10: there is no section “Tests”"),
        (FILE, "", "Line 1: a heading belongs here"),
        (FILE, "# Plan\n\n## Tasks\n", "Line 3 (tasks)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(was: str, now: str, words: str) -> None:
    assert was in FILE
    with pytest.raises(InvalidInput) as refused:
        from_markdown(FILE.replace(was, now, 1))
    assert words in refused.value.detail


TEXT = st.text(st.sampled_from(string.ascii_letters + "#-\\ \n:[]`*>\t" + "é\u2028漢"), max_size=60)
LINE = TEXT.map(str.strip).filter(bool)
TITLE = LINE.map(lambda words: " ".join(words.split())).filter(bool)
LINES = st.lists(LINE, max_size=4)
NAME = st.sampled_from(["claude-haiku-4-5", "opus", "a: b"])


@st.composite
def decisions(draw: st.DrawFn) -> dict[str, Any]:
    options = draw(LINES)
    chosen = draw(st.integers(0, max(len(options) - 1, 0)))
    return {"decision_type": draw(TITLE), "options": options, "chosen": chosen, "rationale": draw(TEXT)}


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    ids = draw(st.lists(st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True), min_size=1, max_size=4, unique=True))
    paths = st.lists(st.sampled_from(["a.py", "tests/**", "*.md", "- b"]), max_size=3)
    tasks = [
        {
            "id": key,
            "title": draw(TITLE),
            "description": draw(TEXT),
            "depends_on": draw(st.lists(st.sampled_from(ids[:place]), unique=True)) if place else [],
            "files": draw(paths),
            "acceptance": draw(LINES),
            "checks": draw(LINES),
            "priority": draw(st.integers(0, 9)),
            "estimate_minutes": draw(st.none() | st.floats(0, 100_000) | st.integers(0, 999)),
            "requires_approval": draw(st.booleans()),
            "model": draw(st.none() | NAME),
            "effort": draw(st.sampled_from([None, "low", "high"])),
            "agent": draw(st.sampled_from([None, "claude_code"])),
            "scope_out": draw(LINES),
            "patterns": draw(paths),
            "requirements": draw(LINES),
        }
        for place, key in enumerate(k for k in ids if k != "main")
    ]
    whole = {name: draw(LINES) for name in ("assumptions", "risks", "checks")}
    data = {"summary": draw(TEXT), "decisions": draw(st.lists(decisions(), max_size=2)), "tasks": tasks, **whole}
    return parse_plan(data if tasks else data | {"tasks": [{"id": "one", "title": "One"}]})


@settings(max_examples=150, deadline=None)
@given(plans())
def test_every_plan_comes_back_as_it_was(plan: Plan) -> None:
    assert from_markdown(to_markdown(plan)) == plan


@given(st.text(st.sampled_from("# Plan\n-x:[]Tasksumry "), max_size=120))
def test_whatever_a_file_holds_is_read_or_refused_with_a_line(text: str) -> None:
    for file in (text, f"# Plan\n\n## Tasks\n\n### a: A\n{text}"):
        try:
            from_markdown(file)
        except InvalidInput as refused:
            assert "ine " in refused.detail  # noqa: PT017 - it may also be a plan
