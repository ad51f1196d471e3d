"""The user's configuration of tools without its keys: what a confined command finds in place of it."""

from __future__ import annotations

import re
from pathlib import Path

from maestro.secrets.shapes import without_shapes

_FILES = (
    ".npmrc", ".yarnrc", ".yarnrc.yml", ".config/pip/pip.conf", ".pip/pip.conf", ".config/uv/uv.toml", ".cargo/config.toml",
    ".cargo/config", ".config/go/env", ".condarc", ".bundle/config", ".gemrc", ".bunfig.toml", ".sbt/repositories",
    ".gradle/gradle.properties", ".m2/settings.xml", ".gitconfig", ".config/git/config",
)  # fmt: skip
_MOST_BYTES = 256 * 1024
#: Lines that may hold one. Wide: a setting that is left out costs little.
_KEY = re.compile(
    r"auth|token|pass(?!enger)|pwd|secret|key|cred|user|extraheader|otp|cert(?!ificate-?revocation)|sign|\bpat\b",
    re.IGNORECASE,
)
#: The shapes of keys, whatever they are called.
_SHAPE = re.compile(
    r"\b(?:gh[pousr]_|github_pat_|glpat-|npm_|pypi-|sk-|sk_live_|xox[abprs]-|AKIA|ASIA|dop_v1_|hf_|eyJ[\w-]{10,}\.)"
    r"|-----BEGIN|\b[0-9a-fA-F]{32,}\b|[A-Za-z0-9+/_-]{40,}={0,2}(?:\s|\"|'|$)"
)
_IN_URL = re.compile(r"(?<=://)[^/@\s\"']*@|(?<=/t/)[^/\s\"']+/")
_XML = re.compile(r"<(servers|proxies|properties|password|passphrase|privateKey|username)\b.*?</\1>", re.DOTALL)
#: Files of which only these lines are shown: what users name there as they like may be a key.
_ONLY = {
    ".gradle/gradle.properties": re.compile(
        r"\s*(?:org\.gradle\.|android\.|kotlin\.|systemProp\.https?\.(?:proxy|non))"
    ),
    ".bundle/config": re.compile(
        r"---|BUNDLE_(?:PATH|JOBS|RETRY|WITHOUT|WITH|DEPLOYMENT|FROZEN|MIRROR__[\w.]+|BIN|FORCE_RUBY\w*):"
    ),
    ".gemrc": re.compile(r"---|:?(?:sources|gem|install|update|benchmark|verbose|backtrace)\b|\s*-\s+https?://"),
}
#: Of git, what a commit or a checkout is like; not what it runs, asks or reads. Section, keys.
_GIT = {
    "user": ("name", "email"), "init": ("defaultbranch",), "core": ("autocrlf", "eol", "quotepath", "filemode", "longpaths"),
    "pull": ("rebase", "ff"), "merge": ("conflictstyle", "ff"), "diff": ("algorithm", "renames"), "safe": ("directory",),
}  # fmt: skip


def copies(home: Path, folder: Path) -> dict[Path, Path]:
    """Write what may be seen of the user's configuration below ``folder``: a file's place in home -> our file."""
    made = {}
    for name in _FILES:
        text = _text(home / name)
        if text is None:
            continue
        ours = folder / name
        ours.parent.mkdir(parents=True, exist_ok=True)
        ours.write_text(_without_keys(name, text), encoding="utf-8", errors="surrogateescape")
        made[home / name] = ours
    return made


def _without_keys(name: str, text: str) -> str:
    if "git" in name:
        return _git(text)
    if name.endswith(".xml"):
        return _IN_URL.sub("", _XML.sub("", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)))
    lines = [_IN_URL.sub("", line) for line in text.splitlines()]
    only = _ONLY.get(name)
    kept = [line for line in lines if (only is None or only.match(line)) and not _is_key(line)]
    return "\n".join(kept) + "\n"


def _is_key(line: str) -> bool:
    without_addresses = re.sub(r"https?://[^\s\"']+", "", line)
    if _KEY.search(without_addresses) or _SHAPE.search(without_addresses):
        return True
    return without_shapes(without_addresses) != without_addresses


def git_settings(text: str) -> str | None:
    """A repository's own git settings without passwords in addresses and without headers; None: there is nothing to hide."""
    lines = [
        line
        for line in text.splitlines()
        if not re.match(r"\s*(?:extraheader|password|username|helper)\s*=", line, re.I)
    ]
    shown = _IN_URL.sub("", "\n".join(lines) + "\n")
    return None if shown.split() == text.split() else shown


def _git(text: str) -> str:
    kept, section = list[str](), ""
    for line in text.splitlines():
        heading = re.match(r"\s*\[\s*([\w.-]+)\s*(\"[^\"]*\")?\s*\]\s*$", line)
        if heading:
            section = heading[1].lower() if not heading[2] else ""
            kept += [line] if section in _GIT else []
            continue
        key = re.match(r"\s*([\w-]+)", line)
        if key and key[1].lower() in _GIT.get(section, ()) and not line.rstrip().endswith("\\"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def _text(path: Path) -> str | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
    except OSError:
        return None
