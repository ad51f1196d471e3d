"""The words that users read: standard terms, one for each thing, nothing archaic; code is never shown with its backticks.

All string literals of ``pages`` and ``maestro`` are looked at, but for docstrings and for what only models read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: What is not said, and what is said instead.
GLOSSARY = {
    r"\bpersons?\b": "user",
    r"\bset-ups?\b": "setup (noun), set up (verb)",
    r"\b(?:to|cannot be|not|is) setup\b": "set up",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\b(?:anew|afresh)\b": "again, new",
    r"\bmeanwhile\b": "in the meantime",
    r"\bany more\b": "no longer",
    r"\bg(?:o|oes|oing) on\b|\bwent on\b": "continue",
    r"\b(?:stands?|stood|standing) still\b": "paused, stopped",
    r"\bput (?:that|it|this) right\b": "fix",
    r"\b(?:take|takes|taken|taking) (?:it |them )?back\b": "undo, remove",
    r"\b(?:as a|on the|of the|the) whole(?:[.:,]|$)": "overview, final checks",
    r"\bnobody\b": "name who",
    r"\bhears? no\b|\bsa(?:ys?|id) no\b": "deny",
    r"\bword (?:with|from|for)\b": "note, exactly",
    r"\bunder way\b": "in progress",
    r"\bcut short\b": "interrupted",
    r"\bhalf done\b": "partly done",
    r"\bfor good\b": "permanently",
    r"(?<![Tt]here )\b(?:is|names) no (?!longer\b)[a-z]+": "is not a …",
    r"\bc[ao]me in(?:[.,;:]|$| meanwhile)": "integrated",
    r"\b(?:broke|breaks) off\b": "was cut off",
    r"\btool chains?\b": "toolchain",
    r"\btick(?:s|ed)?\b": "select, turn on",
    r"\blies? (?:above|below|over|in)\b": "is",
    r"\bTake it back\b|\bTalk on\b|\bSee it come\b|\bLeave it\b": "Undo merge, Continue chatting, Watch progress, Cancel",
    r"\bnotices\b|\b(?:a|this) notice\b": "notification",
    r"\bcolour|\bbehaviour|\bsummaris|\borganis|\blicence\b|\bgrey\b|\bwhilst\b": "American spelling",
    r"[\d}] %(?= |$|[.,;·])": "80%",
}
#: Read by models only, whose own words are tried out: instructions, tools, what a task is told.
FOR_MODELS = {
    "maestro/core/tasks/prompts.py",
    "maestro/core/tasks/afresh.py",
    "maestro/core/brainstorm/replies.py",
    "maestro/core/planning/generation.py",
    "maestro/core/planning/plan_answer.py",
    "maestro/core/planning/plan_shapes.py",
}
#: A sentence or a label, not a name.
_WORDY = re.compile(r"\w[,;:]? |^[A-Z]|%")
#: Kept in the database or asked for by programs: no words.
STORED = {"set-up"}


def _literals(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is not a docstring; what an f-string fills in is ``{}``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    aside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            aside.add(id(node.value))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"re.compile", "_log.warning", "_log.exception"}:
            aside |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.JoinedStr) and id(node) not in aside:
            aside |= {id(part) for part in node.values}
            yield (
                node.lineno,
                "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values),
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in aside:
            yield node.lineno, node.value


def _read_by_users() -> Iterator[tuple[str, str]]:
    for folder in ("pages", "maestro"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name in FOR_MODELS or "/migrations/" in name or "/proving/hooks/" in name:
                continue
            for line, text in _literals(path):
                if (
                    _WORDY.search(text) and text not in STORED and not text.lstrip().startswith("# ")
                ):  # a heading: what a task is told
                    yield f"{name}:{line}", text


def _in_files_of_words() -> Iterator[tuple[str, str]]:
    """Templates, the demo's script, and the pages that are plain HTML."""
    for path in sorted([*(ROOT / "maestro").rglob("*.toml"), *(ROOT / "maestro/api").rglob("*.html")]):
        yield path.name, path.read_text(encoding="utf-8")


def test_every_word_that_a_user_reads_is_the_usual_one() -> None:
    found = [
        f"{where}: {text[:160]!r}: say {instead!r}"
        for where, text in [*_read_by_users(), *_in_files_of_words()]
        for pattern, instead in GLOSSARY.items()
        if re.search(pattern, text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("call", ["say", "text", "button", "link_button", "icon_button", "section", "empty", "notify"])
def test_code_is_not_shown_with_its_backticks(call: str) -> None:
    """These draw their words as they are; ``inline`` and ``phrase`` draw code."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(argument)[:120]}"
        for path in sorted((ROOT / "pages").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == call
        for argument in node.args
        for part in ast.walk(argument)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and "`" in part.value
    ]
    assert not found, "\n".join(found)
