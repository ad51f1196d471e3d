"""What models and repositories write becomes an element of a page nowhere: every place that makes HTML is looked at."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from maestro.core.views import DiffView
from pages.changes import diff_files, diff_html
from pages.components import diff_lines, markdown, shown, terminal
from pages.components.state import TASK
from pages.monitor.charts import Charts
from pages.plan import graph, rows
from pages.plan.draft import Shape
from tests.security.xss import PAYLOADS

PAGES = Path(markdown.__file__).parents[1]

EVIL = [
    "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "'><script>alert(1)</script>", "</pre><iframe src=//x></iframe>",
    '<a href="javascript:alert(1)">x</a>', "<style>*{background:url(//x)}</style>", "<form action=//x><input name=q>",
    "\x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07", "<b/onmouseover=alert(1)>", "`<img src=x onerror=alert(1)>`",
    "<!--<img src=x>-->", "&lt;b&gt;", *PAYLOADS,
]  # fmt: skip

#: Where HTML is handed to the browser as it is, and what has to hold there (below).
RAW = {
    "components/terminal.py": 1,
    "components/markdown.py": 2,
    "components/diff_lines.py": 2,
    "plan/graph.py": 1,
    "plan/rows.py": 1,
    "file_page.py": 1,
}


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Elements()
    parser.feed(html)
    parser.close()
    return parser.found


def harmless(html: str, allowed: set[str]) -> None:
    for tag, attributes in elements(html):
        assert tag in allowed, (tag, html)
        assert not any(name.startswith("on") for name in attributes), html
        assert not re.match(r"\s*(javascript|data|vbscript):", attributes.get("href") or "", re.I), html
        assert "src" not in attributes


def test_no_other_place_hands_html_to_the_browser() -> None:
    found: dict[str, int] = {}
    for path in PAGES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg in {"sanitize", "html", "raw"}:
                name = path.relative_to(PAGES).as_posix()
                found[name] = found.get(name, 0) + 1
            assert not (
                isinstance(node, ast.Attribute)
                and node.attr in {"markdown", "mermaid", "interactive_image", "add_body_html"}
                and isinstance(node.value, ast.Name)
                and node.value.id == "ui"
            ), path
    assert found == RAW
    scripts = [p for p in PAGES.rglob("*.js") if "node_modules" not in p.parts]
    writing = [
        (p.name, line.strip())
        for p in scripts
        for line in p.read_text().splitlines()
        if re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|v-html|\beval\(|new Function", line)
    ]
    assert [name for name, _line in writing] == ["diff_view.js"]  # the HTML of ``diff_html``


@pytest.mark.parametrize("words", EVIL)
def test_words_stay_words_wherever_html_is_made(words: str) -> None:
    text = {"span", "div", "mark"}
    harmless(shown.shown_html(words), text)
    harmless(diff_lines._line(f"+{words}"), text)
    harmless(diff_lines._line(f"diff --git a/{words} b/{words}"), text)
    harmless(markdown.highlighted(words, path="x.html"), text)
    harmless(markdown.highlighted(words, "python"), text)
    prose = {"p", "br", "a", "code", "pre", "span", "div", "em", "strong", "blockquote", "s", "h1", "ul", "li", "table", "thead",
             "tbody", "tr", "th", "td", "input"}  # fmt: skip
    boxes = [attributes for tag, attributes in elements(markdown.to_html(words)) if tag == "input"]
    assert all(
        box.keys() <= {"type", "disabled", "checked", "aria-label"} and box["type"] == "checkbox" for box in boxes
    )
    harmless(markdown.to_html(words), prose)
    harmless(markdown.to_html(words, inline=True), prose)


@pytest.mark.parametrize("words", EVIL)
def test_a_task_graph_of_such_words(words: str) -> None:
    task: dict[str, Any] = {
        "id": words,
        "title": words,
        "depends_on": [],
        "estimate_minutes": None,
        "requires_approval": False,
    }
    other = {**task, "id": "t2", "depends_on": [words]}
    html = graph.draw([task, other], Shape({words: 0, "t2": 1}, [words, "t2"], 1, 0, 2), {words: TASK["pending"]})
    harmless(html, {"div", "svg", "path", "button", "span", "i"})
    assert len([tag for tag, _ in elements(html) if tag == "button"]) == 2
    for row in (task, other):
        harmless(rows.line(row["id"], row, None, TASK["pending"], wrong=True), {"span", "i"})


@pytest.mark.parametrize("words", EVIL)
def test_a_diff_of_such_words(words: str) -> None:
    line = words.replace("\n", " ")
    diff = f"diff --git a/x.html b/x.html\n--- a/x.html\n+++ b/x.html\n@@ -1 +1 @@ {line}\n-{line}\n+{line} more\n"
    (file,) = diff_files.files_of(DiffView.model_construct(text=diff, files=[], text_cut=False))
    harmless(
        diff_html.render(file),
        {"div", "span", "i", "ins", "del", "b", "button", "table", "tr", "td", "pre", "code", "mark"},
    )


def test_names_in_charts_are_no_tags() -> None:
    chart = object.__new__(Charts)
    chart._zone = None  # type: ignore[assignment]
    trace = chart._trace(0, EVIL[4], "", [], step=False)
    assert elements(trace["name"]) == []


def test_a_terminal_shows_looks_of_a_fixed_set_only() -> None:
    assert terminal.sound([(0, 1, 'b"><img src=x>'), (0, 1, "b")], 5) == [(0, 1, "b")]
