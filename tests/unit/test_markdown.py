"""What models write, as the pages show it: names stay names, code stays code, nothing is interpreted or loaded."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from maestro.core.views import SessionView
from pages.brainstorm.message import split_finished
from pages.components.inline import plain
from pages.components.markdown import highlighted, to_html
from pages.shared.file_links import address_of

HOSTILE = [
    "<script>alert(1)</script> </script>",
    '<img src=x onerror="alert(1)">',
    "[x](javascript:alert(1)) [y](JaVaScRiPt:alert(1)) [z](data:text/html,<script>1</script>) [v](vbscript:a)",
    "![p](https://example.org/p.png) ![q](data:image/png;base64,AAAA) [![b](https://e.org/b.png)](javascript:1)",
    '[t](https://e.org "a\\" onclick=\\"b")',
    'https://e.org/"onmouseover=alert(1)',
    '```"><script>alert(1)</script>\n</code></pre><script>alert(2)</script>\n```',
    "| a |\n|---|\n| <iframe src=//e.org> |",
    "<a href='javascript:1'>x</a> <style>*{}</style> &lt;script&gt;",
    "<javascript:alert(1)> <https://e.org/'><b>",
]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = _Reader()
    reader.feed(html)
    return reader.found


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("words", HOSTILE)
def test_nothing_in_a_text_becomes_an_element_that_acts_or_loads(words: str, inline: bool) -> None:
    html = to_html(words, inline=inline)
    assert "<script" not in html
    assert "</script" not in html
    for name, attributes in elements(html):
        assert name not in {"img", "script", "style", "iframe", "object", "link"}
        assert not any(a.startswith("on") or a == "style" for a in attributes)
        assert (attributes.get("href") or "https://").startswith(("https://", "http://", "mailto:"))


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize(
    "name",
    ["max_retry_count", "__init__", "pkg/__init__.py", "__all__", "_private", "__main__.py", "a_b_c", "__get_item__"],
)
def test_names_keep_their_underscores(name: str, inline: bool) -> None:
    for words in (name, f"Set {name} now.", f"({name}), and {name}"):
        html = to_html(words, inline=inline)
        assert name in html
        assert "<strong>" not in html
        assert "<em>" not in html
    assert to_html(f"**{name}** `{name}`", inline=True) == f"<strong>{name}</strong> <code>{name}</code>"


def test_words_are_still_made_bold_and_struck_out() -> None:
    assert to_html("__Note__ **a** *b* _c_ ~~d~~ x<br>y", inline=True) == (
        "<strong>Note</strong> <strong>a</strong> <em>b</em> <em>c</em> <s>d</s> x<br>y"
    )


def test_code_is_colored_with_classes_that_meet_no_other() -> None:
    html = to_html("```python\nTIMEOUT_S = 30\n```")
    assert '<span class="y-mi">30</span>' in html
    classes = {c for _, a in elements(html) for c in (a.get("class") or "").split()}
    assert all(c.startswith("y-") for c in classes)
    assert "<code>a &lt; b\n</code>" in to_html("```nosuchlanguage\na < b\n```")
    assert highlighted("x = 1\n", path="a.py").startswith('<span class="y-n">x')


@pytest.mark.parametrize(
    "cut", ["```python\nx = 1", "Here:\n```python\nx = 1", "- a\n\n  ```py\n  x = 1", "~~~\nx = 1", "````\n```\nx = 1"]
)
def test_a_fence_without_an_end_is_code_to_the_end(cut: str) -> None:
    html = to_html(cut)
    assert html.count("<pre") == 1
    assert "`" not in html.replace("```\nx", "")
    assert split_finished(cut + "\n\nmore\n\n")[0].count("x = 1") == 0  # nothing is cut off in the midst of it


def test_a_fence_ends_with_its_own_mark_only() -> None:
    inside = "````md\n```\ncode\n```\n\nstill code\n````\n\n"
    assert split_finished(inside + "rest") == (inside, "rest")
    assert split_finished("```one line``` here\n\nrest") == ("```one line``` here\n\n", "rest")


def test_tables_task_lists_and_bare_addresses() -> None:
    html = to_html(
        "| a | b |\n|---|---|\n| 1 | `c` |\n\n- [x] done\n- [ ] open\n- plain\n\nSee https://e.org/a_(b)), www."
    )
    assert "<table>" in html
    assert "<td" in html
    boxes = [a for name, a in elements(html) if name == "input"]
    assert [("checked" in a, a["aria-label"]) for a in boxes] == [(True, "Done"), (False, "Not done")]
    assert 'href="https://e.org/a_(b)"' in html
    assert "[ ]" not in html


def test_links_to_files_of_the_repository_open_them_and_others_are_words() -> None:
    session = SessionView.model_construct(id="s1", repo_path="/home/me/shop")
    names = frozenset({"src/app.py", "docs/a b.md", "C#.md"})

    def at(address: str) -> str | None:
        return address_of(session, names, address)

    here = "/session/s1/file?path=src%2Fapp.py"
    for same in (
        "src/app.py",
        "./src/app.py",
        "/src/app.py",
        "/home/me/shop/src/app.py",
        "file:///home/me/shop/src/app.py",
    ):
        assert at(same) == here
    for line in ("src/app.py#L12", "src/app.py:12", "src/app.py#L12-L20", "src/app.py:12:5", "src/app.py:12-20"):
        assert at(line) == here + "&line=12"
    assert at("docs/a%20b.md") == "/session/s1/file?path=docs%2Fa%20b.md"
    assert at("C%23.md") == "/session/s1/file?path=C%23.md"
    for none in ("src", "no.py", "../src/app.py", "#heading", "/settings", "javascript:alert(1)", ""):
        assert at(none) is None
    html = to_html("[app](src/app.py) [gone](gone.py) [web](https://e.org)", link=at)
    assert f'<a href="{here}">app</a> gone <a href="https://e.org"' in html
    assert "<a" not in to_html("[app](https://e.org)", inline=True, links=False)


def test_blocks_are_written_in_the_direction_of_their_own_words() -> None:
    html = to_html("שלום עולם\n\n- مرحبا\n\n```\ncode\n```")
    assert '<p dir="auto">' in html
    assert '<li dir="auto">' in html
    assert '<pre tabindex="0" dir="ltr">' in html


def test_a_notice_shows_no_backticks() -> None:
    assert plain("Run `git commit` first, then `a`.") == "Run git commit first, then a."
