"""Reading off an answer's words by how much a budget is to be raised."""

from __future__ import annotations

import re

_NUMBER = r"\$?(?P<number>[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)(?![.,]?\d)\s?(?P<times>k|m|million)?\b"
_UNIT = r"(?:usd|dollars?|tokens?|model|calls?|more|please)"
_BEHIND_BY = re.compile(rf"\bby\s+{_NUMBER}", re.IGNORECASE)
_ALONE = re.compile(rf"(?:raised?\s+)?\+?{_NUMBER}(?:\s*{_UNIT})*\W*", re.IGNORECASE)
_TIMES = {"k": 1e3, "m": 1e6, "million": 1e6}


def wanted(words: str) -> float | None:
    """The amount in "50", "1,000,000 tokens", "raise it by 2.50"; None where no number is plainly meant as one.

    In other words ("ok, finish t2 first") a number says something else.
    """
    words = words.replace("_", "").strip()
    found = _BEHIND_BY.search(words) or _ALONE.fullmatch(words)
    if found is None:
        return None
    number = found["number"]
    grouped = re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", number)  # else a comma is a decimal one
    return float(number.replace(",", "" if grouped else ".")) * _TIMES.get((found["times"] or "").lower(), 1.0)
