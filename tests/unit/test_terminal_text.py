"""What programs print for a terminal: read as it stands there, colors apart, whatever comes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.terminal_text import cut, end_of, everywhere, plain, styled, visible

E = "\x1b"


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("plain\ttext\nä 🎼", "plain\ttext\nä 🎼"),
        (f"{E}[31mred{E}[0m and {E}[1;38;5;196mloud{E}[m", "red and loud"),
        (f"{E}[38;2;1;2;3mrgb{E}[48:2::4:5:6mground{E}[0m", "rgbground"),
        (f"see {E}]8;;https://x.example/a{E}\\the page{E}]8;;{E}\\.", "see the page."),
        (f"{E}]0;a title\x07done", "done"),
        (f"{E}]8;;https://never.ended\nnext", "\nnext"),
        (f"{E}P1;2|image{E}\\x{E}_apc{E}\\y", "xy"),
        ("  0%\r 50%\r100%\n", "100%\n"),
        ("long words\rshort\n", "short\n"),
        (f"long words\r{E}[5CWords\n", "long Words\n"),
        ("kept\r\nand kept\r", "kept\nand kept"),
        (f"long words\rshort{E}[K\n", "short\n"),
        (f"{E}[2K\rfirst{E}[2K\rlast", "last"),
        ("crlf\r\nline\r\n", "crlf\nline\n"),
        ("abc\b\bX", "aXc"),
        ("m\bma\ban\bn", "man"),
        (f"one\ntwo\n{E}[2A{E}[Knew one\n", "new one\ntwo\n"),
        (f"a\nb\n{E}[2A{E}[Jc\n", "c\n"),
        (f"{E}[2J{E}[Hcleared, and kept", "cleared, and kept"),
        (f"kept{E}[2J{E}[3J{E}c more", "kept more"),
        (f"{E}[?25l{E}[?1049hhidden{E}[?25h", "hidden"),
        (f"{E}(B{E}=x{E}", "x"),
        (f"cut {E}[3", "cut "),
        ("\x9b31m8 bit\x9b0m", "8 bit"),
        ("bell\x07 nul\x00 del\x7f", "bell nul del"),
        (f"a{E}[3Cb{E}[99999999Cc"[:8], "a   b"),
    ],
)
def test_text_is_read_as_it_stands_on_the_screen(printed: str, text: str) -> None:
    assert plain(printed) == text


def test_colors_are_told_apart_from_the_text() -> None:
    printed = f"ok {E}[32m✓ 3{E}[39m {E}[1m{E}[91mbad{E}[22m worse{E}[0m\n{E}[7;44mx{E}[m"
    text, styles = styled(printed)
    assert text == "ok ✓ 3 bad worse\nx"
    assert [(text[a:b], look) for a, b, look in styles] == [
        ("✓ 3", "f2"), ("bad", "b f9"), (" worse", "f9"), ("x", "r g4"),
    ]  # fmt: skip
    assert cut(styles, 4) == [(3, 4, "f2")]
    assert styled(f"{E}[38;5;196mr{E}[38;5;21mb{E}[38;5;240mg{E}[38;2;0;200;0mn")[1] == [
        (0, 1, "f1"), (1, 2, "f4"), (2, 3, "f8"), (3, 4, "f2"),
    ]  # fmt: skip


def test_what_was_drawn_over_has_the_last_color() -> None:
    assert styled(f"{E}[31mwait{E}[0m\r{E}[32mdone{E}[0m") == ("done", [(0, 4, "f2")])


PIECES = [
    E,
    "\x9b",
    "[",
    "]",
    "8;;",
    "31",
    ";",
    "m",
    "K",
    "J",
    "A",
    "G",
    "C",
    "D",
    "\r",
    "\n",
    "\b",
    "\x07",
    "x",
    "<b>",
    "99999",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join))
def test_nothing_that_comes_breaks_it_and_no_code_is_left(printed: str) -> None:
    text, styles = styled(printed)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert plain(text) == text == plain(printed)
    ends = [0]
    for start, end, look in styles:
        assert ends[-1] <= start < end <= len(text)
        assert re.fullmatch(r"[a-z]\d{0,2}( [a-z]\d{0,2})*", look)
        ends.append(end)


def test_all_texts_of_a_detail_are_made_plain() -> None:
    assert everywhere(plain, {"output": f"{E}[1mx", "n": 1, "list": [f"{E}[Ky", None]}) == {
        "output": "x",
        "n": 1,
        "list": ["y", None],
    }


def test_a_command_hides_nothing_behind_what_a_terminal_would_draw_over() -> None:
    assert visible(f"rm -rf /\recho ok{E}[8m") == "rm -rf /␍echo ok␛[8m"
    assert visible("two\n\tlines") == "two\n\tlines"


@given(st.integers(0, 40))
def test_the_end_of_an_output_begins_at_no_piece_of_a_code(length: int) -> None:
    printed = f"{E}[32m1{E}[0m {E}[38;5;196mtwo{E}[0m {E}]8;;https://x.example{E}\\three{E}]8;;{E}\\ 5m"
    assert len(end_of(printed, length)) <= length
    assert "1 two three 5m".endswith(plain(end_of(printed, length)))
    assert end_of("no code at all", 6) == "at all"
