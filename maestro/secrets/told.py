"""Secrets that are known word for word, and the forms in which programs print them.

As they are, URL-encoded, in JSON or HTML, as base64 at any alignment, and in hexadecimal; also where lines end, colors
change or nothing visible stands within them. Long ones are found by their parts: every form is known by all its pieces of
``_PIECE`` characters, and in a text one such piece in every ``_STRIDE`` is looked up. So a part of a secret is found as
well, where it comes line by line and a line ended in the middle of it.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote, urlsplit

from maestro.secrets.shapes import HIDDEN

#: A shorter secret is a word that also means something else.
SHORTEST = 6
_SHORTEST_ENCODED = 8
_PIECE = 8
_STRIDE = 8
#: A shorter part may be a word that the secret and the text have in common.
_LEAST = 16
#: A form of this length has a piece that is looked up in whatever text it stands in.
_LONG = max(_STRIDE + _PIECE - 1, _LEAST)
#: What programs put between two characters of a secret: colors, the end of a line with what begins the next, nothing visible.
_BETWEEN = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])"
    r"|[ \t\r]*\\?\n[ \t]*|[\xad\u200b-\u200f\u2060-\u2064\ufeff]"
)
_LINE_ENDS = "\r\n"
#: A part of an address that is as long is a secret as well.
_URL_PART = 12
_WEB = frozenset({"http", "https", "mailto", "mailtos", "json", "jsons", "xml", "xmls"})


class Told:
    """Takes certain secrets out of texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        told = {s for s in secrets if len(s) >= SHORTEST}
        forms = {form for secret in told for form in (secret, *_forms(secret)) if len(form) >= SHORTEST}
        self._whole = sorted(forms, key=len, reverse=True)
        self._short = sorted((f for f in forms if len(f) < _LONG), key=len, reverse=True)
        self._long = sorted((f for f in forms if len(f) >= _LONG), key=len, reverse=True)
        self._pieces: dict[str, list[tuple[str, int]]] = {}
        for form in self._long:
            for at in range(len(form) - _PIECE + 1):
                self._pieces.setdefault(form[at : at + _PIECE], []).append((form, at))

    def out_of(self, words: str) -> str:
        """``words`` with ``HIDDEN`` in the place of the secrets in it."""
        if "\n" in words or "\x1b" in words or not words.isascii():
            words = self._across(words)
        for form in self._short:
            if form in words:
                words = words.replace(form, HIDDEN)
        return self._by_parts(words)

    def _across(self, words: str) -> str:
        """``words`` without the secrets that are in it once what stands between their characters is left out."""
        pressed = _BETWEEN.sub("", words)
        if len(pressed) == len(words):
            return words
        found = [span for form in self._whole if form in pressed for span in _all(form, pressed)]
        if not found:
            return words
        places, last = list[int](), 0
        for between in _BETWEEN.finditer(words):
            places += range(last, between.start())
            last = between.end()
        places += range(last, len(words))
        kept, upto = list[str](), 0
        for start, end in sorted(found):
            begins, ends = max(places[start], upto), places[end - 1] + 1
            if ends > upto:
                kept += [words[upto:begins], HIDDEN]
                upto = ends
        return "".join([*kept, words[upto:]])

    def _by_parts(self, words: str) -> str:
        if len(words) < _LONG or not self._pieces:
            return words
        looked_at = [words[at : at + _PIECE] for at in range(0, len(words), _STRIDE)]
        if self._pieces.keys().isdisjoint(looked_at):
            return words
        return self._without_parts(words, looked_at)

    def _without_parts(self, words: str, looked_at: list[str]) -> str:
        kept, upto = list[str](), 0
        for number, piece in enumerate(looked_at):
            at = number * _STRIDE
            if at < upto or piece not in self._pieces:
                continue
            start, end = max((_extent(words, at, form, offset) for form, offset in self._pieces[piece]), key=_length)
            if end - start < _LEAST:
                continue
            start = max(start, upto)
            kept += [words[upto:start], HIDDEN]
            upto = end
        return "".join([*kept, words[upto:]])


def _all(form: str, words: str) -> Iterable[tuple[int, int]]:
    at = words.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = words.find(form, at + len(form))


def _length(extent: tuple[int, int]) -> int:
    return extent[1] - extent[0]


def _extent(words: str, at: int, form: str, offset: int) -> tuple[int, int]:
    """From where to where ``words`` say the same as ``form`` around a piece that they share; line ends do not count."""
    start, i = at, offset
    look = at - 1
    while i > 0 and look >= 0:
        if words[look] == form[i - 1]:
            i, start = i - 1, look
        elif words[look] not in _LINE_ENDS:
            break
        look -= 1
    end, i = at + _PIECE, offset + _PIECE
    look = end
    while i < len(form) and look < len(words):
        if words[look] == form[i]:
            i, end = i + 1, look + 1
        elif words[look] not in _LINE_ENDS:
            break
        look += 1
    return start, end


def _forms(secret: str) -> Iterable[str]:
    """How programs print a secret that they do not print as it is."""
    for encoded in {quote(secret, safe=""), quote(secret), quote_plus(secret)}:
        yield encoded
        yield re.sub("%..", lambda found: found[0].lower(), encoded)
        yield quote(encoded, safe="")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret)[1:-1].replace("/", "\\/")
    yield json.dumps(json.dumps(secret))[3:-3]
    yield html.escape(secret)
    data = secret.encode("utf-8", "replace")
    yield repr(data)[2:-1]
    if len(data) < _SHORTEST_ENCODED:
        return
    for byte in ("{:02x}", "%{:02x}", "\\x{:02x}", "\\u{:04x}", "{:02x}:", "{:02x} "):
        spelled = "".join(byte.format(code) for code in data).rstrip(": ")
        yield spelled
        yield re.sub("[a-f0-9]{2}", lambda found: found[0].upper(), spelled)
    for shift, skipped in ((0, 0), (1, 2), (2, 3)):  # what stands before it moves its bits by a third
        whole = base64.b64encode(b"\0" * shift + data).decode()
        core = whole[skipped : (shift + len(data)) * 8 // 6]  # the last letter may share its bits with what follows
        yield core
        yield core.replace("+", "-").replace("/", "_")


def of_url(url: str) -> list[str]:
    """The secrets in the address of a notification target: its user, password, path and query may each be one."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    found = [parts.username, *parts.path.split("/"), *re.split(r"[=&]", parts.query)]
    if parts.scheme not in _WEB:  # ``tgram://TOKEN/chat``, ``slack://A/B/C``: the host is one as well
        found += [parts.netloc, *re.split("[:@]", parts.netloc)]
    words = {unquote(part) for part in found if part}
    return sorted(w for w in words if len(w) >= _URL_PART) + ([unquote(parts.password)] if parts.password else [])


def masked_urls(urls: Iterable[str]) -> list[str]:
    """Notification targets as they may be shown: which service, which host on the web, and which of several alike."""
    shown = list[str]()
    for url in urls:
        scheme, _, rest = url.partition("://")
        host = rest.rpartition("@")[2].partition("/")[0].partition("?")[0] if scheme.lower() in _WEB else ""
        masked = f"{scheme}://{host}/{HIDDEN}" if host else f"{scheme}://{HIDDEN}"
        alike = sum(each.partition(" ")[0] == masked for each in shown)
        shown.append(f"{masked} ({alike + 1})" if alike else masked)
    return shown
