"""Secrets that only the name before them tells: ``"SecretAccessKey": "…"``, ``VERCEL_TOKEN=…``, ``//registry/:_authToken=…``.

A name alone is not enough, for code and documentation are full of them: the value has to be one that nobody writes by hand.
In JSON (also within a text of JSON), YAML, TOML, XML, code, settings and options of a command line.
"""

from __future__ import annotations

import base64
import binascii
import re

HIDDEN = "•••"

#: What stands between a name and its value; a blank alone does behind an option.
_BETWEEN = re.compile(
    r"(?:\\*[\"']?\s*(?:=>|[:=>])\s*(?:Some\()?b?\\*[\"']?|(?<=-secret|.-token|assword|api-key|ess-key)[ ]\\*[\"']?)\Z"
)
#: Before a value that looks like a password generator's.
_NAME = re.compile(
    r"(?i)(?:secret|token|passw(?:or)?d|credentials?|(?:api|access|secret|account|auth|private|shared|signing|encryption"
    r"|master|role|service|session|webhook|license|app|admin|write|deploy)[_.-]?key)\Z"
)
#: Before a value of any letters.
_AWS = re.compile(r"(?i)(?:secret_?access_?key|(?:session|security)_?token|aws_?secret_?key)\Z")
_AWS_CHARS = 30
_VALUE = re.compile(r"(?<![\w+/])[A-Za-z0-9+/_-]{20,}={0,2}(?![\w(+/-])")
_RANDOM = re.compile(
    r"(?![/.])(?=.*[a-z])(?=.*[A-Z])(?:(?=.*\d.*\d).{20,}|(?=.*\d).{32,})|[0-9a-f]{32,}|[0-9A-F]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?=.*[a-z].*\d.*[a-z].*\d.*[a-z])(?=.*\d.*\d.*\d)[a-z0-9]{24,}"
)
#: So long may be what stands between, and a name.
_MOST_BETWEEN, _LONGEST_NAME = 16, 18

#: Of ``.npmrc`` and ``.yarnrc.yml``; what stands for a variable is none.
_NPM = re.compile(
    r"(?i)((?:(?<=:)_(?:authToken|password)\s*=|npmAuthIdent[\"']?\s*:)\s*[\"']?)(?![$<{•])[\w+/=.~:%-]{6,}"
)
#: Of Docker's configuration, and of npm's older one: user and password in base64.
_AUTH = re.compile(r"(\\*\"auth\\*\"\s*:\s*\\*\"|(?:^|(?<=[:\s\"']))_auth\s*=\s*\"?)([A-Za-z0-9+/]{6,}={0,2})")
#: ``.netrc``, and curl's option.
_NETRC = re.compile(r"(?i)((?:machine\s+\S+|default)\s+login\s+[^\s,]+\s+password\s+)(?![$<{•])[\w.~%+=,@:/-]+")
_CURL = re.compile(r"(\bcurl\b[^|;&\n]*?\s(?:-u\s*|--user[= ]\s*)[\"']?[\w.@~%+-]+:)(?![$<{•])[\w.~%+=,-]+")


def without(words: str, folded: str) -> str:
    """``words`` with ``HIDDEN`` in the place of values whose names say that they are secrets; ``folded``: in lower case."""
    auth, password = "auth" in folded, "passw" in folded
    if auth or password:
        words = _of_logins(words, folded)
    if "curl" in folded:
        words = _CURL.sub(rf"\1{HIDDEN}", words)
    if password or "token" in folded or "secret" in folded or "key" in folded or "credential" in folded:
        words = _VALUE.sub(_if_named, words)
    return words


def _of_logins(words: str, folded: str) -> str:
    if "_authtoken" in folded or "_password" in folded or "npmauthident" in folded:
        words = _NPM.sub(rf"\1{HIDDEN}", words)
    if '"auth' in folded or "_auth" in folded:
        words = _AUTH.sub(_if_user_and_password, words)
    return _NETRC.sub(rf"\1{HIDDEN}", words) if "password " in folded and " login " in folded else words


def _if_named(found: re.Match[str]) -> str:
    start = found.start()
    between = _BETWEEN.search(found.string[max(0, start - _MOST_BETWEEN) : start])
    if between is None:
        return found[0]
    end = start - len(between[0])
    name = found.string[max(0, end - _LONGEST_NAME) : end]
    if (_RANDOM.fullmatch(found[0]) and _NAME.search(name)) or (len(found[0]) >= _AWS_CHARS and _AWS.search(name)):
        return HIDDEN
    return found[0]


def _if_user_and_password(found: re.Match[str]) -> str:
    try:
        words = base64.b64decode(found[2] + "=" * (-len(found[2]) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return found[0]
    return found[1] + HIDDEN if ":" in words and words.isprintable() else found[0]
