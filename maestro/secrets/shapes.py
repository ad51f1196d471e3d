"""What looks like a secret of a known service: tokens with a beginning of their own, private keys, passwords in addresses.

What only its name makes one is in ``named``.

Cheap where there is none, for every line of every log comes through: a few searches for letters that each shape has.
"""

from __future__ import annotations

import base64
import re

from maestro.secrets import named
from maestro.secrets.named import HIDDEN as HIDDEN

#: How private keys begin in base64, as settings of clusters and variables of build servers hold them; without the first letter.
_PEM = "|".join(
    base64.b64encode(f"-----BEGIN {kind}PRIVATE KEY-----".encode())[1 : (len(kind) + 22) * 8 // 6].decode()
    for kind in ("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ")
)

#: By their first letter, which a search looks for before all else: what may stand after it. None has a
#: character that means something to a shell.
_TOKENS = {
    "g": r"""h[pousr]_[A-Za-z0-9_]{20,255} | ithub_pat_\w{20,255} | lsa_[A-Za-z0-9]{32}_[a-f0-9]{8} | lc_eyJ[\w+/=-]{20,}
             | l(?:pat|dt|rt|rtr|cbt|ptt|ft|fft|soat|oas|imt|agent|ffct)-[\w.-]{20,} | sk_[A-Za-z0-9]{40,}""",
    "A": r"""(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?![A-Za-z0-9]) | Iza[\w-]{35} | T(?:ATT|CTT)3[\w=+/-]{60,} | TBB[A-Za-z0-9]{28,}
             | GE-SECRET-KEY-1[A-Z0-9]{50,} | KCp[A-Za-z0-9]{60,} | (?<=\d:A)A[\w-]{33}(?![\w-])""",
    "s": r"""k_(?:live|test)_[A-Za-z0-9]{10,} | k-ant-[\w-]{8,} | k-(?:proj|svcacct|admin|or-v1|None|lf)-[\w-]{20,}
             | k-[A-Za-z0-9]{32,} | k_[a-f0-9]{48}(?![a-f0-9]) | k\.eyJ[\w-]{20,}\.[\w-]{10,} | hp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}
             | bp_(?:oauth_|v0_)?[a-f0-9]{40} | b_secret_(?=[\w-]*\d)[\w-]{20,} | q[apu]_[a-f0-9]{40} | ntry[su]_[\w+/=-]{40,}
             | l\.(?:u\.)?[\w-]{60,} | gp_(?:[a-f0-9]{16}_)?[a-f0-9]{40}""",
    "r": r"""k_(?:live|test)_[A-Za-z0-9]{10,} | ubygems_[a-f0-9]{48} | 8_[A-Za-z0-9]{37,} | nd_[A-Za-z0-9]{28,}
             | e_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}""",
    "p": r"""k_(?:live|test)_[A-Za-z0-9]{10,} | ypi-AgE[\w-]{40,} | plx-[A-Za-z0-9]{40,} | scale_(?:tkn|pw|oauth)_[\w.-]{32,}
             | ul-[a-f0-9]{40} | n[ub]_[A-Za-z0-9]{36} | hx_[A-Za-z0-9]{40,} | at[A-Za-z0-9]{14}\.[a-f0-9]{64}""",
    "w": r"hsec_[A-Za-z0-9+/=]{20,}",
    "x": r"""ox[abceoprs](?:-\d)?[-.][A-Za-z0-9-]{10,} | app-\d-[A-Za-z0-9-]{20,} | ai-[A-Za-z0-9]{60,}
             | keysib-[a-f0-9]{64}-[A-Za-z0-9]{16}""",
    "e": r"yJ[\w-]{6,}\.eyJ[\w-]{4,}\.[\w-]*",
    "n": r"pm_[A-Za-z0-9]{36} | f[bcopu]_[A-Za-z0-9]{30,} | tn_[A-Za-z0-9]{40,} | vapi-[\w-]{60,} | api_[a-z0-9]{60,}",
    "h": r"f_[A-Za-z0-9]{30,} | v[bsr]\.[\w-]{20,}",
    "d": r"""o[opr]_v1_[a-f0-9]{64} | ckr_[po]at_[\w-]{20,} | api[a-f0-9]{32}(?![a-f0-9])
             | p\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,} | t0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}""",
    "f": r"ig[dou]r?_[\w-]{20,} | [mo][12]_[\w+/=-]{60,}",
    "t": r"skey-[a-z]+-[\w-]{15,}",
    "v": r"c[aikpr]_[A-Za-z0-9]{24,} | ercel_blob_rw_[\w-]{20,}",
    "l": r"in_(?:api|oauth)_[A-Za-z0-9]{40} | sv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}",
    "b": r"ku[a-z]_[a-f0-9]{40}",
    "c": r"io[A-Za-z0-9]{32}(?![A-Za-z0-9])",
    "o": r"ps_eyJ[\w-]{40,} | y2[a-z0-9]{43}(?![a-z0-9])",
    "C": r"CIP(?:AT|RJ)_[A-Za-z0-9]{22}_[a-f0-9]{40} | FPAT-[\w-]{43} | LOJARS_[a-f0-9]{60}",
    "G": r"OCSPX-[\w-]{20,}",
    "H": r"RKU-[\w-]{36,}",
    "L": rf"(?:{_PEM})[\w+/=-]{{20,}}",
    "N": r"RAK-[A-Z0-9]{27}",
    "P": r"MAK-[a-f0-9]{24}-[a-f0-9]{34}",
    "S": r"G\.[\w-]{16,}\.[\w-]{30,}",
    "y": r"a29\.[\w-]{20,}",
}  # fmt: skip
_TOKEN = re.compile(
    f"(?=[{''.join(_TOKENS)}])(?<![A-Za-z0-9])(?:{'|'.join(first + f'(?:{rest})' for first, rest in _TOKENS.items())})",
    re.VERBOSE,
)
#: Those that have their mark in the middle.
_AROUND = re.compile(
    r"(?<![A-Za-z0-9])(?:[\w.~]{3}\dQ~[\w.~-]{31,34}|[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})"
    r"(?![A-Za-z0-9])"
)

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
    words = _TOKEN.sub(HIDDEN, words)
    if "Q~" in words or "AZDO" in words or ".atlasv1." in words:
        words = _AROUND.sub(HIDDEN, words)
    if "://" in words:
        words = _in_addresses(words)
    if "=" in words and ("?" in words or "&" in words):
        words = _QUERY.sub(rf"\1{HIDDEN}", words)
    folded = words.lower()
    return named.without(_in_headers(words, folded), folded)


def _in_addresses(words: str) -> str:
    if "@" in words:
        words = _USER.sub(HIDDEN, words)
    if "hooks.slack.com" in words or "/webhooks/" in words:
        words = _HOOK.sub(rf"\1{HIDDEN}", words)
    return words


def _in_headers(words: str, folded: str) -> str:
    if "authorization" in folded or "-api-key" in folded or "-token" in folded:
        words = _HEADER.sub(rf"\1{HIDDEN}", words)
    return _BEARER.sub(rf"\1{HIDDEN}", words) if "bearer" in folded else words
