"""The user's configuration of tools without its keys: what a confined command finds in place of it."""

from __future__ import annotations

import re
from pathlib import Path

_FILES = (
    ".npmrc", ".yarnrc", ".yarnrc.yml", ".config/pip/pip.conf", ".pip/pip.conf", ".config/uv/uv.toml", ".cargo/config.toml",
    ".cargo/config", ".config/go/env", ".condarc", ".bundle/config", ".gemrc", ".bunfig.toml", ".sbt/repositories",
    ".gradle/gradle.properties", ".m2/settings.xml", ".gitconfig", ".config/git/config",
)  # fmt: skip
_MOST_BYTES = 256 * 1024
_KEY = re.compile(
    r"_auth|token|passw|passphrase|secret|api-?_?key|private-?_?key|credential|username|authorization|extraheader|keystore|otp",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?<=://)[^/@\s\"']*@")
_XML = re.compile(r"<(servers|proxies|password|passphrase|privateKey|username)\b.*?</\1>", re.DOTALL)
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
    lines = [line for line in text.splitlines() if not _KEY.search(_IN_URL.sub("", line))]
    return "\n".join(_IN_URL.sub("", line) for line in lines) + "\n"


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
