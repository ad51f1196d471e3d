"""What models write, as HTML: CommonMark with GitHub's tables, strikethrough, task lists and bare addresses.

One renderer for all of it. HTML in the text is shown, never interpreted; pictures become their words, so that nothing is
loaded; links lead to the web in a new window, or to a file of the repository where the page knows its files, and are
plain words otherwise. Code is colored by Pygments with a class prefix of its own (``.mi`` alone is an icon).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from nicegui import ui

#: Gives the address of a page for a link that is none of the web's; None where there is no such page.
FileLink = Callable[[str], str | None]

#: More code than this in one block is shown without colors: lexers take long over it.
_COLORED_CHARS = 100_000
_WEB = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_BARE = re.compile(r"(?<![\w/])https?://[^\s<>\"'`]*[^\s<>\"'`.,;:!?*_~]", re.IGNORECASE)
_DUNDER = re.compile(r"__[A-Za-z]\w*?__(?!\w)")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TASK = re.compile(r"\[([ xX])\]\s")
_LTR = {"pre", "hr"}


def prose(words: str, classes: str = "", *, link: FileLink | None = None) -> ui.html:
    """Text of a model with paragraphs, lists, tables and code. Use ``set_content(to_html(…))`` to change it."""
    return ui.html(to_html(words, link=link), sanitize=False).classes(f"b-md {classes}")


def phrase(words: str, classes: str = "m-wrap", *, name: str = "span", links: bool = True) -> ui.html:
    """A line or a few of a model's text, in one element; ``links=False`` inside of buttons."""
    made = ui.html(to_html(words, inline=True, links=links), sanitize=False, tag=name).classes(classes)
    made.props["dir"] = "auto"
    return made


def to_html(words: str, *, link: FileLink | None = None, inline: bool = False, links: bool = True) -> str:
    """``words`` as safe HTML. ``inline`` reads no blocks; ``links=False`` leaves the words of links only."""
    env = {"link": link, "links": links}
    made: str = _renderer().renderInline(words, env) if inline else _renderer().render(words, env)
    return nh3.clean(made, **_ALLOWED)


#: What the renderer writes, and nothing else: should it ever let something of the text through, it goes here. No style,
#: picture, form, frame or drawing; links lead to the web, or to a page of Maestro's.
_ALLOWED: dict[str, Any] = {
    "tags": {
        "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong",
        "s", "a", "span", "div", "table", "thead", "tbody", "tr", "th", "td", "input",
    },
    "attributes": {
        "*": {"class", "dir"},
        "a": {"href", "target", "rel"},
        "ol": {"start"},
        "pre": {"tabindex"},
        "div": {"tabindex", "role", "aria-label"},
        "th": {"align"},
        "td": {"align"},
        "input": {"disabled", "checked", "aria-label"},
    },
    "tag_attribute_values": {"input": {"type": {"checkbox"}}},
    "url_schemes": {"http", "https", "mailto"},
    "link_rel": None,
    "strip_comments": True,
}  # fmt: skip


class _Reader(MarkdownIt):
    """Takes every address for a link's; ``_links`` judges them."""

    def validateLink(self, url: str) -> bool:  # noqa: N802
        """See ``MarkdownIt``."""
        return True


@cache
def _renderer() -> MarkdownIt:
    made = _Reader("commonmark", {"html": False, "breaks": True})
    made.enable(["table", "strikethrough"])
    made.inline.ruler.before("emphasis", "dunder", _dunder)
    made.inline.ruler.before("html_inline", "break_tag", _break_tag)
    made.core.ruler.push("bare_addresses", _bare_addresses)
    made.core.ruler.push("links", _links)
    made.core.ruler.push("task_lists", _task_lists)
    made.core.ruler.push("directions", _directions)
    for name, rule in _WRITE.items():
        made.add_render_rule(name, rule)
    return made


# -- reading -----------------------------------------------------------------------------------------------------------


def _dunder(state: StateInline, silent: bool) -> bool:
    """``__init__`` is a name, though CommonMark would make it bold."""
    found = _DUNDER.match(state.src, state.pos)
    if found is None or (state.pos and state.src[state.pos - 1] == "_"):
        return False
    name = found[0]
    if not (name[2:-2].islower() or "_" in name[2:-2]):
        return False
    if not silent:
        state.pending += name
    state.pos = found.end()
    return True


def _break_tag(state: StateInline, silent: bool) -> bool:
    """``<br>``, which models write in tables, where a line cannot end otherwise."""
    found = _BREAK.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def _bare_addresses(state: StateCore) -> None:
    """Make links of the web addresses that stand in the text as they are."""
    for block in _inline_blocks(state.tokens):
        made: list[Token] = []
        depth = 0
        for token in block.children or []:
            depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            made += _cut_addresses(token) if token.type == "text" and not depth else [token]
        block.children = made


def _cut_addresses(token: Token) -> list[Token]:
    made: list[Token] = []
    at = 0
    for found in _BARE.finditer(token.content):
        address = found[0]
        while address.endswith(")") and address.count(")") > address.count("("):
            address = address[:-1]
        made.append(_text(token.content[at : found.start()]))
        made.append(Token("link_open", "a", 1, attrs={"href": address}))
        made += [_text(address), Token("link_close", "a", -1)]
        at = found.start() + len(address)
    return [*made, _text(token.content[at:])] if made else [token]


def _text(words: str) -> Token:
    return Token("text", "", 0, content=words)


def _links(state: StateCore) -> None:
    """Send every link where it may lead; the others lose their address and keep their words."""
    for block in _inline_blocks(state.tokens):
        made: list[Token] = []
        kept: list[bool] = []
        for token in block.children or []:
            if token.type == "link_open":
                kept.append(_lead(token, state.env))
                if not kept[-1]:
                    continue
            elif token.type == "link_close" and not kept.pop():
                continue
            made.append(token)
        block.children = made


def _lead(token: Token, env: EnvType) -> bool:
    address = str(token.attrGet("href") or "")
    if not env["links"]:
        return False
    if _WEB.match(address):
        token.attrs |= {"target": "_blank", "rel": "noopener noreferrer nofollow"}
        return True
    page = env["link"](address) if env["link"] and address else None
    if page:
        token.attrs = {"href": page}
    return bool(page)


def _task_lists(state: StateCore) -> None:
    """``- [x] done`` as a box that is ticked."""
    for item, before, block in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        children = block.children or []
        if item.type != "list_item_open" or before.type != "paragraph_open" or not children:
            continue
        mark = _TASK.match(children[0].content)
        if mark is None:
            continue
        item.attrJoin("class", "b-task")
        done = mark[1] != " "
        children[0].content = children[0].content[mark.end() :]
        children.insert(0, Token("html_inline", "", 0, content=_BOX[done]))


_BOX = {
    True: '<input type="checkbox" disabled checked aria-label="Done"> ',
    False: '<input type="checkbox" disabled aria-label="Not done"> ',
}


def _directions(state: StateCore) -> None:
    """Every block is written in the direction of its own words."""
    for token in state.tokens:
        if token.nesting == 1 and token.tag not in _LTR:
            token.attrSet("dir", "auto")
        side = str(token.attrs.pop("style", "")).removeprefix("text-align:")
        if side:
            token.attrSet("align", side)


def _inline_blocks(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.type == "inline"]


# -- writing -----------------------------------------------------------------------------------------------------------


def _image(_renderer: Any, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: EnvType) -> str:
    token = tokens[index]
    return escape(token.content or str(token.attrGet("title") or token.attrGet("src") or ""))


def _code_block(_renderer: Any, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: EnvType) -> str:
    token = tokens[index]
    language = token.info.strip().split(maxsplit=1)[0] if token.info.strip() else ""
    return f'<pre tabindex="0" dir="ltr"><code>{highlighted(token.content, language)}</code></pre>\n'


def highlighted(code: str, language: str = "", *, path: str = "") -> str:
    """``code`` as HTML in the colors of its language, or of the file at ``path``; plain where neither is known."""
    # Pygments is loaded when the first code is looked at, not at the start.
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
    from pygments.util import ClassNotFound

    if not (language or path) or len(code) > _COLORED_CHARS:
        return escape(code)
    try:
        named = language.strip("{}.").lower()
        lexer = get_lexer_for_filename(path, stripnl=False) if path else get_lexer_by_name(named, stripnl=False)
    except ClassNotFound:
        return escape(code)
    return highlight(code, lexer, HtmlFormatter(nowrap=True, classprefix="y-"))


_WRITE: dict[str, Callable[..., str]] = {
    "image": _image,
    "softbreak": lambda *_: "<br>",  # no newline after it: some places keep white space
    "hardbreak": lambda *_: "<br>",
    "fence": _code_block,
    "code_block": _code_block,
    "table_open": lambda *_: '<div class="b-table" tabindex="0" role="group" aria-label="Table"><table>',
    "table_close": lambda *_: "</table></div>",
}
