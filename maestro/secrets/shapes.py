"""What looks like a secret of a known service: tokens with a beginning of their own, private keys, passwords in addresses.

Cheap where there is none, for every line of every log comes through: a few searches for letters that each shape has.
"""

from __future__ import annotations

import re

HIDDEN = "•••"

#: By their first letter, so that the search goes from one such letter to the next: what may stand after it. None has a
#: character that means something to a shell.
_TOKENS = {
    "g": r"h[pousr]_[A-Za-z0-9_]{20,255} | ithub_pat_\w{20,255} | l(?:pat|dt|rt|cbt|ptt|ft|soat)-[\w.-]{20,}",
    "A": r"(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?![A-Za-z0-9]) | Iza[\w-]{35}",
    "s": r"""k_(?:live|test)_[A-Za-z0-9]{10,} | k-ant-[\w-]{8,} | k-(?:proj|svcacct|admin|or-v1|None)-[\w-]{20,}
             | k-[A-Za-z0-9]{32,} | hp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}""",
    "r": r"k_(?:live|test)_[A-Za-z0-9]{10,}",
    "p": r"k_(?:live|test)_[A-Za-z0-9]{10,} | ypi-AgE[\w-]{40,}",
    "w": r"hsec_[A-Za-z0-9+/=]{20,}",
    "x": r"ox[abceoprs](?:-\d)?[-.][A-Za-z0-9-]{10,} | app-\d-[A-Za-z0-9-]{20,}",
    "e": r"yJ[\w-]{6,}\.eyJ[\w-]{4,}\.[\w-]*",
    "n": r"pm_[A-Za-z0-9]{36}",
    "h": r"f_[A-Za-z0-9]{30,}",
    "d": r"o[opr]_v1_[a-f0-9]{64} | ckr_pat_[\w-]{20,}",
    "S": r"G\.[\w-]{16,}\.[\w-]{30,}",
    "y": r"a29\.[\w-]{20,}",
}
_TOKEN = re.compile(
    "|".join(f"{first}(?<![A-Za-z0-9]{first})(?:{rest})" for first, rest in _TOKENS.items()), re.VERBOSE
)
#: Without a run of this length there is none; most lines have none.
_RUN = re.compile(r"[\w-]{15}")

_KEY = re.compile(
    r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----).*?(-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)", re.S
)
#: In a command only what can be nothing but the key itself.
_KEY_LINE = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/]{40,}={0,2}(?![\w+/=-])")

#: ``scheme://user:password@host``; what a reader puts in the place of one is none: ``$PASSWORD``, ``<password>``.
_PASSWORD = re.compile(r"(://[^\s/:@'\"<>]*:)(?![$<{*•]|%[({s])([^\s/@'\"<>]+)(?=@)")
_PLAIN_PASSWORD = re.compile(r"(://[\w.%~+-]*:)[\w.%~+=,-]+(?=@)")
#: ``https://<token>@host``: a user's name that only a token can be.
_USER = re.compile(r"(?<=://)(?=[\w-]*\d)[A-Za-z0-9_-]{20,}(?=(?::x-oauth-basic)?@)")
_HOOK = re.compile(r"(hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/)[\w/-]+")
_QUERY = re.compile(
    r"(?i)([?&](?:access_|auth_|api_|client_|private_)?(?:token|key|secret|password|sig|signature)=)[\w.%~+/=-]{6,}"
)
_HEADER = re.compile(
    r"(?i)((?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+|"
    r"(?:x-api-key|private-token)[\"']?\s*[:=]\s*[\"']?)[\w.~+/=-]{6,}"
)
_BEARER = re.compile(r"(?i)(\bbearer\s+)[\w.~+/-]{16,}=*")
_AWS = re.compile(r"(?i)(aws_?(?:secret|session)_?(?:access_?)?(?:key|token)[\"']?\s*[:=]\s*[\"']?)[A-Za-z0-9/+=]{30,}")


#: A line within a private key: its text, or one of the headers before it.
_OF_KEY = re.compile(
    r"\s*(?:[A-Za-z0-9+/=]*|(?:Proc-Type|DEK-Info|Comment|Version|Hash): .*|[\w-]+: [\w ,.-]{1,80})\s*"
)


def opens_key(words: str) -> bool:
    """Whether a private key begins in these lines and does not end in them."""
    if "PRIVATE KEY" not in words:
        return False
    begun = words.rfind("-----BEGIN ")
    return "PRIVATE KEY" in words[begun:] and begun >= 0 and "-----END " not in words[begun:]


def is_of_key(lines: str) -> bool:
    """Whether these lines may stand within a private key."""
    return all(_OF_KEY.fullmatch(line) for line in lines.split("\n"))


def without_shapes(words: str) -> str:
    """``words`` with ``HIDDEN`` in the place of all that looks like a secret."""
    if "PRIVATE KEY" in words:
        words = _KEY.sub(rf"\1{HIDDEN}\2", words)
    if "://" in words and "@" in words:
        words = _PASSWORD.sub(rf"\1{HIDDEN}", words)
    return _without_tokens(words)


def without_tokens(words: str) -> str:
    """The same for what is about to run: only what can do nothing."""
    if "PRIVATE KEY" in words:
        words = _KEY_LINE.sub(HIDDEN, words)
    if "://" in words and "@" in words:
        words = _PLAIN_PASSWORD.sub(rf"\1{HIDDEN}", words)
    return _without_tokens(words)


def _without_tokens(words: str) -> str:
    if _RUN.search(words):
        words = _TOKEN.sub(HIDDEN, words)
    if "://" in words:
        words = _in_addresses(words)
    if "=" in words and ("?" in words or "&" in words):
        words = _QUERY.sub(rf"\1{HIDDEN}", words)
    return _in_headers(words)


def _in_addresses(words: str) -> str:
    if "@" in words:
        words = _USER.sub(HIDDEN, words)
    if "hooks.slack.com" in words or "/webhooks/" in words:
        words = _HOOK.sub(rf"\1{HIDDEN}", words)
    return words


def _in_headers(words: str) -> str:
    folded = words.lower()
    if "authorization" in folded or "-api-key" in folded or "private-token" in folded:
        words = _HEADER.sub(rf"\1{HIDDEN}", words)
    if "bearer" in folded:
        words = _BEARER.sub(rf"\1{HIDDEN}", words)
    return _AWS.sub(rf"\1{HIDDEN}", words) if "aws" in folded else words
