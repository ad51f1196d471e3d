"""Characters of a text that nobody sees as what they are: invisible ones, odd blanks, and letters that look like others."""

from __future__ import annotations

import re
import sys
import unicodedata

#: Seen by nobody although many count as letters or marks (Default_Ignorable_Code_Point), and an empty braille cell.
_IGNORED = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFC), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
#: Control, format, surrogate, private, unassigned; blanks and line ends other than space, tab and newline.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
_ASCII = re.compile(r"[\n\t\x20-\x7e]*")

#: Runs that are folded: four line ends with nothing between, more blanks than any indentation has.
_RUN = re.compile(r"\n(?:[ \t]*\n){3,}|(?<=\S) {16,}| {48,}|\t{12,}")

# fmt: off
#: Letters of other scripts that most fonts draw as a Latin one.
_LETTERS = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d\u04cf\u0442\u043a\u043c"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0405\u0406\u0408\u04ae\u050c\u051c\u04c0"
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c5\u03c7\u03f2\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u0561\u0578\u057d\u0581\u0570\u0585\u0566\u0555\u054d\u13a0\u13a2\u13aa\u13ac\u13b3\u13bb\u13d2\u13d4\u13de\u13e2\u13e6"
    "\ua4d1\ua4d4\ua4d6\ua4d7\ua4da\ua4dc\ua4dd\ua4df\ua4e1\ua4e2\ua4e3\ua4e7\ua4e8\ua4e9\ua4ea\ua4eb\ua4ec\ua4ee\ua4f0\ua4f2\ua4f4"
    "\u0131\u0237\u0251\u0261\u01c0\u01c3\u0627\u05d5\u05df\u05e1\u1d0f\u1d04\u1d20\u1d21\u1d22\ua731\ua4d0\ua4f3\ua4e6\ua4d3"
)
#: Signs that a reader takes for one that a shell or an address understands: hyphens, slashes, quotes, colons, semicolons, bars.
_SIGNS = frozenset(
    "\u2010\u2011\u2012\u2212\ufe63\u02d7\u2043\u2044\u2215\u29f8\u2571\u27cb\u2216\u29f5\u29f9\u2024\ua4f8\u0701\u0702"
    "\u0660\u06d4\u02d0\u02f8\ua789\u0589\u05c3\u2236\u037e\u204f\u061b\u2223\u2758\u05c0\u02bc\u02b9\u2032\u02cb\u0060\u1fef"
    "\u2217\u204e\u066a\u02c6\u2039\u203a\u02c2\u02c3\u1433\u1438\ua60f\u2045\u2e28\ua4fa\u02dc\u223c\u2053\ua4fd\u0387\ua4f9\ua778"
) - {"`"}
#: Compatibility forms of one ASCII character that a text may well have; nobody takes them for it.
_WELL_KNOWN = frozenset("\u00b2\u00b3\u00b9\u00aa\u00ba\u2070\u2074\u2075\u2076\u2077\u2078\u2079\u2080\u2081\u2082\u2083\u2084")
# fmt: on
#: Scripts, as the names of their letters begin, that a reader takes for Latin ones within a word of Latin letters.
_SCRIPTS = (
    "CYRILLIC",
    "ARMENIAN",
    "CHEROKEE",
    "COPTIC",
    "LISU",
    "CANADIAN",
    "DESERET",
    "GOTHIC",
    "OLD ITALIC",
    "LYCIAN",
    "CARIAN",
    "LYDIAN",
    "VAI",
    "TIFINAGH",
    "OSAGE",
    "ELBASAN",
    "WARANG",
    "MEDEFAIDRIN",
    "OL CHIKI",
    "BAMUM",
    "LATIN LETTER SMALL",
)  # fmt: skip
#: More marks than this on one letter cover what stands above and below.
_MOST_MARKS = 3


def is_hidden(char: str) -> bool:
    """Whether a character is invisible, or a blank that is neither space, tab nor newline."""
    if char in " \t\n":
        return False
    code = ord(char)
    return unicodedata.category(char) in _HIDDEN_CATEGORIES or any(low <= code <= high for low, high in _IGNORED)


def has_hidden(text: str) -> bool:
    """Whether a text has any character that is invisible, or a blank that is neither space, tab nor newline."""
    return not _ASCII.fullmatch(text) and any(map(is_hidden, text))


def escaped(text: str) -> str:
    """The text with every hidden character, and every one that looks like another, as ``\\u202e``."""
    return "".join(part for part, _ in marked(text))


def marked(text: str) -> list[tuple[str, bool]]:
    """The text in parts, each with whether it is an escape that stands for a character nobody would see."""
    if _ASCII.fullmatch(text):
        return [(text, False)] if text else []
    parts: list[tuple[str, bool]] = []
    plain, base, marks = "", "", 0
    for word in re.findall(r"\w+|\W", text):
        strange = _looks_latin(word)
        for char in word:
            is_mark = unicodedata.category(char) in ("Mn", "Me")
            base, marks = (base, marks + 1) if is_mark else (char, 0)
            covers = is_mark and (base.isascii() or marks > _MOST_MARKS)  # on ASCII it makes another sign of it
            if is_hidden(char) or covers or _is_sign(char) or (strange and _is_strange(char)):
                parts += [(plain, False)] if plain else []
                parts.append((_escape(char), True))
                plain = ""
            else:
                plain += char
    return [*parts, (plain, False)] if plain else parts


def folded(text: str) -> str:
    """The text with long runs of blanks as their number (``⏎ ×200``, ``␠ ×300``): nothing is pushed out of sight by them."""
    return _RUN.sub(_fold, text)


def _fold(run: re.Match[str]) -> str:
    blanks = run[0]
    lines = blanks.count("\n")
    if lines:
        end = blanks[blanks.rindex("\n") + 1 :]
        return f" ⏎ ×{lines}\n" + end
    return f" {'⇥' if blanks[0] == chr(9) else '␠'} ×{len(blanks)} "


def ends_words_elsewhere(char: str) -> bool:
    """Whether a byte of a character separates words for the bash of macOS, which asks ``isblank`` of single bytes."""
    return sys.platform == "darwin" and not char.isascii() and bool({0x85, 0xA0} & {*char.encode("utf-8", "replace")})


def _looks_latin(word: str) -> bool:
    """Whether a reader may take a word for one of Latin letters although some of it are none."""
    letters = [char for char in word if char.isalpha()]
    if any(char.isascii() for char in letters):
        return any(map(_is_strange, letters))
    return bool(letters) and all(char in _LETTERS for char in letters)


def _is_strange(char: str) -> bool:
    return char in _LETTERS or (not char.isascii() and unicodedata.name(char, "").startswith(_SCRIPTS))


def _is_sign(char: str) -> bool:
    if char.isascii():
        return False
    if char in _SIGNS:
        return True
    folded = unicodedata.normalize("NFKC", char)
    alike = len(folded) == 1 or unicodedata.category(char)[0] == "L"  # a ligature is letters as well
    return alike and folded.isascii() and char not in _WELL_KNOWN


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
