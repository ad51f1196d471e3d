"""What programs print for a terminal, as one would read it there: its text, and apart from it where it was colored.

Escape codes are never part of a text that agents, programs or people get. Lines that a progress bar draws over and over
are what they were last; nothing else is lost: a screen that is cleared keeps what stood on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from maestro import unseen

#: From, to (in characters of the text), and how it looks: ``b`` bold, ``f1`` red letters, ``g4`` blue ground…
Style = tuple[int, int, str]

#: How much more than an end is to be read, so that a code that begins before it is known as one.
SPARE = 64

_WIDEST = 4_000  # a cursor that is sent further right stays here
_MOST_STYLES = 20_000

_SPECIAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TOKEN = re.compile(
    r"(?P<csi>(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~])"
    r"|(?P<string>(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?)"  # titles, links, images
    r"|(?P<other>(?:\x1b\[|\x9b)[0-?]*[ -/]*|\x1b[ -/]*[0-~]?)"
    r"|(?P<control>[\x00-\x1f\x7f-\x9f])"
    r"|(?P<text>[^\x00-\x08\x0a-\x1f\x7f-\x9f]+)"
)
_SGR = {1: "b", 2: "d", 3: "i", 4: "u", 7: "r", 9: "s"}
_OFF = {22: "bd", 23: "i", 24: "u", 27: "r", 29: "s"}


def plain(text: str) -> str:
    """The text alone."""
    return styled(text)[0] if _SPECIAL.search(text) else text


def visible(text: str) -> str:
    """For what is about to run: its control characters as signs (``␛``, ``␍``), so that none of it is hidden by another.

    What turns the direction of writing, has no width or looks like another character is an escape such as ``\\u202e``.
    """
    text = _SPECIAL.sub(lambda found: _sign(ord(found[0])), text) if _SPECIAL.search(text) else text
    return unseen.escaped(text)


def everywhere(change: Callable[[str], str], value: Any) -> Any:
    """``change`` (``plain``, ``visible``) for all texts in lists and dicts."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: everywhere(change, member) for name, member in value.items()}
    if isinstance(value, list):
        return [everywhere(change, member) for member in value]
    return value


def _sign(code: int) -> str:
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else f"\\x{code:02x}"


def styled(text: str) -> tuple[str, list[Style]]:
    """The text, and where it was colored. Never raises for what is in it."""
    if not _SPECIAL.search(text):
        return text, []
    screen = _Screen()
    for token in _TOKEN.finditer(text.replace("\r\n", "\n")):
        kind, words = token.lastgroup, token[0]
        if kind == "text":
            screen.write(words)
        elif kind == "csi":
            screen.command(words)
        elif kind == "control":
            screen.control(words)
    return screen.read()


def end_of(text: str, length: int) -> str:
    """The last ``length`` characters of what was printed, never beginning within an escape code."""
    start = max(0, len(text) - length)
    for token in _TOKEN.finditer(text, max(0, start - SPARE)):
        if token.start() >= start:
            break
        if token.lastgroup != "text" and token.end() > start:
            return text[token.end() :]
    return text[start:]


def cut(styles: Iterable[Style], length: int) -> list[Style]:
    """The styles of a text's first ``length`` characters."""
    return [(start, min(end, length), look) for start, end, look in styles if start < length]


class _Screen:
    """Lines of characters with their looks, and a cursor."""

    def __init__(self) -> None:
        self._lines: list[tuple[list[str], list[str]]] = [([], [])]
        self._row = self._column = 0
        self._anew = False
        self._flags: set[str] = set()
        self._ink = self._ground = ""
        self._look = ""

    def write(self, words: str) -> None:
        letters, looks = self._lines[self._row]
        if self._anew:  # drawn over from its beginning: what a longer one before leaves at the end means nothing
            letters.clear()
            looks.clear()
            self._anew = False
        if self._column > len(letters):
            gap = self._column - len(letters)
            letters += " " * gap
            looks += [""] * gap
        end = self._column + len(words)
        letters[self._column : end] = words
        looks[self._column : end] = [self._look] * len(words)
        self._column = end

    def control(self, character: str) -> None:
        self._anew = character == "\r"
        if character == "\n":
            self._row, self._column = self._row + 1, 0
            if self._row == len(self._lines):
                self._lines.append(([], []))
        elif character == "\r":
            self._column = 0
        elif character == "\b":
            self._column = max(0, self._column - 1)

    def command(self, words: str) -> None:
        """A control sequence: colors, and moves within what is there."""
        end, given = words[-1], words.removeprefix("\x1b[").removeprefix("\x9b")[:-1]
        if end == "m":
            self._color(given)
            return
        self._anew = self._anew and end in "KJhl"
        first = given.split(";")[0]
        number = int(first) if first.isdecimal() and len(first) < 6 else 0
        letters, looks = self._lines[self._row]
        if end == "K":
            if number == 0:
                del letters[self._column :], looks[self._column :]
            elif number == 1:
                upto = min(self._column + 1, len(letters))
                letters[:upto], looks[:upto] = " " * upto, [""] * upto
            else:
                letters.clear()
                looks.clear()
        elif end == "J" and number == 0:
            del letters[self._column :], looks[self._column :]
            del self._lines[self._row + 1 :]
        elif end in "AF":
            self._row = max(0, self._row - max(number, 1))
        elif end in "BE":
            self._row = min(len(self._lines) - 1, self._row + max(number, 1))
        elif end == "C":
            self._column = min(self._column + max(number, 1), max(self._column, _WIDEST))
        elif end == "D":
            self._column = max(0, self._column - max(number, 1))
        elif end == "G":
            self._column = min(max(number - 1, 0), max(len(letters), _WIDEST))
        if end in "EF":
            self._column = 0

    def _color(self, given: str) -> None:
        codes = [int(c) if c.isdecimal() and len(c) < 6 else 0 for c in re.split(r"[;:]", given)] or [0]
        at = 0
        while at < len(codes):
            code = codes[at]
            at += 1
            if code == 0:
                self._flags, self._ink, self._ground = set(), "", ""
            elif code in _SGR:
                self._flags.add(_SGR[code])
            elif code in _OFF:
                self._flags -= set(_OFF[code])
            elif code in (38, 48, 58):
                color, at = _extended(codes, at, colons=":" in given)
                if code == 38:
                    self._ink = color
                elif code == 48:
                    self._ground = color
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self._ink = str(code - 30 if code < 90 else code - 82)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self._ground = str(code - 40 if code < 100 else code - 92)
            elif code == 39:
                self._ink = ""
            elif code == 49:
                self._ground = ""
        parts = sorted(self._flags)
        parts += [f"f{self._ink}"] if self._ink else []
        self._look = " ".join([*parts, f"g{self._ground}"] if self._ground else parts)

    def read(self) -> tuple[str, list[Style]]:
        text, styles, at = list[str](), list[Style](), 0
        for number, (letters, looks) in enumerate(self._lines):
            if number:
                text.append("\n")
                at += 1
            text.append("".join(letters))
            start, length = 0, len(letters)
            while start < length and len(styles) < _MOST_STYLES:
                end = start
                while end < length and looks[end] == looks[start]:
                    end += 1
                if looks[start]:
                    styles.append((at + start, at + end, looks[start]))
                start = end
            at += length
        return "".join(text), styles


def _extended(codes: list[int], at: int, *, colons: bool) -> tuple[str, int]:
    """One of 256 colors, or any: the nearest of the sixteen, which are readable on light and dark alike."""
    kind = codes[at] if at < len(codes) else 0
    if kind == 5:
        return _nearest_of_256(codes[at + 1] if at + 1 < len(codes) else 0), at + 2
    if kind == 2:
        first = at + 2 if colons and len(codes) - at > 4 else at + 1  # with colons a color space comes before
        red, green, blue = ([*codes[first : first + 3], 0, 0, 0])[:3]
        return _nearest(red, green, blue), first + 3
    return "", at + 1


def _nearest_of_256(number: int) -> str:
    if number < 16:
        return str(number)
    if number < 232:
        levels = (0, 95, 135, 175, 215, 255)
        red, rest = divmod(min(number, 231) - 16, 36)
        return _nearest(levels[red], levels[rest // 6], levels[rest % 6])
    grey = 8 + 10 * (min(number, 255) - 232)
    return _nearest(grey, grey, grey)


def _nearest(red: int, green: int, blue: int) -> str:
    high, low = max(red, green, blue), min(red, green, blue)
    if high - low < 40:
        return "0" if high < 64 else "8" if high < 150 else "7" if high < 220 else "15"
    half = (high + low) / 2
    return str((red > half) + 2 * (green > half) + 4 * (blue > half) + (8 if high > 200 and low > 70 else 0))
