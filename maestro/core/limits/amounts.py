"""Reading off an answer's words by how much a budget is to be raised."""

from __future__ import annotations

import re

_NUMBER = r"\$?(?P<number>[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)(?![.,]?\d)\s?(?P<times>k|m|million)?\b"
_PERCENT = r"(?P<percent>\s*(?:%|per\s?cent\b))?"
_UNIT = r"(?:\s*(?:usd|dollars?|tokens?|model|calls?|more|please)\b)*"
#: Not "by 3 times", not "by 5 March", not "by 10:30".
_OVER = r"[\s$]*(?:$|[.,;!?)](?:\s|$)|(?<=\s)[-–—(]|(?:and|then|for|so|because|but|now)\b)"
_BEHIND_BY = re.compile(rf"\bby\s+{_NUMBER}{_PERCENT}{_UNIT}{_OVER}", re.IGNORECASE)
_ALONE = re.compile(rf"(?:raised?\s+)?\+?{_NUMBER}{_PERCENT}{_UNIT}[^\w%]*", re.IGNORECASE)
_TIMES = {"k": 1e3, "m": 1e6, "million": 1e6}


def wanted(words: str, limit: float) -> float | None:
    """The amount in "50", "1,000,000 tokens", "raise it by 2.50"; None where no number is plainly meant as one.

    In other words ("ok, finish t2 first") a number says something else. "20%" is that much of ``limit``; above 100 it
    may as well say what the new limit is to be.
    """
    words = words.replace("_", "").strip()
    found = _BEHIND_BY.search(words) or _ALONE.fullmatch(words)
    if found is None:
        return None
    number = found["number"]
    grouped = re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", number)  # else a comma is a decimal one
    amount = float(number.replace(",", "" if grouped else ".")) * _TIMES.get((found["times"] or "").lower(), 1.0)
    if found["percent"]:
        return limit * amount / 100 if amount <= 100 else None
    return amount
