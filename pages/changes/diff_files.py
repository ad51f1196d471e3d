"""A diff in git's format, cut into files. Cutting is cheap; a file's own lines are parsed when it is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from maestro.core.views import DiffView

Status = Literal["added", "deleted", "renamed", "modified"]

#: A file that changes more lines than this is folded until one asks for it.
FOLD_LINES = 500
_GENERATED = re.compile(
    r"(^|/)([\w.-]*lock(file)?(\.(json|yaml|yml))?|go\.sum|[\w.-]+\.min\.(js|css)|[\w.-]+\.(snap|svg|map))$",
    re.IGNORECASE,
)
_QUOTED = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPES = {
    b"n": b"\n",
    b"t": b"\t",
    b"r": b"\r",
    b'"': b'"',
    b"\\": b"\\",
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"v": b"\v",
}


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file's part of a diff. ``text`` is git's own, header included; empty where it was cut off."""

    path: str
    old_path: str | None
    status: Status
    insertions: int
    deletions: int
    binary: bool
    text: str

    @property
    def lines(self) -> int:
        """Changed lines."""
        return self.insertions + self.deletions

    @property
    def folded(self) -> bool:
        """Whether it is shown only when asked for: it is long, or nobody wrote it by hand."""
        return self.lines > FOLD_LINES or bool(_GENERATED.search(self.path) and self.lines > 20)

    def as_row(self, number: int) -> dict[str, Any]:
        """For the browser: all but the lines."""
        return {
            "i": number,
            "path": self.path,
            "old": self.old_path if self.status == "renamed" else None,
            "status": self.status,
            "add": self.insertions,
            "del": self.deletions,
            "folded": self.folded,
            "height": self.text.count("\n"),
            "note": self._note(),
        }

    def _note(self) -> str:
        if self.binary:
            return "Binary file: no lines to show"
        if not self.text:
            return "The diff is too long to show this file here"
        if not self.lines:
            return "Only its name or mode changed" if self.status != "added" else "An empty file"
        return ""


def files_of(diff: DiffView) -> list[FileDiff]:
    """The files of a diff, by path; those that a very long diff left out come without lines."""
    found = [_file(section) for section in _sections(diff.text)]
    if diff.text_cut and found:
        found.pop()  # its end is missing
    known = {f.path for f in found} | {f.old_path for f in found}
    for change in diff.files if diff.text_cut else []:
        if change.path not in known:
            found.append(FileDiff(change.path, None, "modified", change.insertions, change.deletions, False, ""))
    return sorted(found, key=lambda f: _folders_first(f.path))


def _sections(text: str) -> list[str]:
    starts = [m.start() for m in re.finditer(r"^diff --git ", text, re.MULTILINE)]
    return [text[a:b] for a, b in pairwise([*starts, len(text)])]


def _file(section: str) -> FileDiff:
    body = section.find("\n@@ ")
    header = (section if body < 0 else section[: body + 1]).split("\n")
    names = {line.partition(" ")[0]: line.partition(" ")[2] for line in header[1:] if line.startswith(("--- ", "+++ "))}
    said = {line.partition(" to ")[2]: "to" for line in header if line.startswith(("rename to ", "copy to "))}
    came = [line.partition(" from ")[2] for line in header if line.startswith("rename from ")]
    new = _plain(names.get("+++", ""), "b/") or (_unquote(next(iter(said))) if said else _named_twice(header[0]))
    old = _plain(names.get("---", ""), "a/") or (_unquote(came[0]) if came else None)
    status: Status = "modified"
    if any(line.startswith("new file mode") for line in header):
        status = "added"
    elif any(line.startswith("deleted file mode") for line in header):
        status, new = "deleted", old or new
    elif came:
        status = "renamed"
    lines = section[body:].split("\n") if body >= 0 else []
    return FileDiff(
        path=new,
        old_path=old,
        status=status,
        insertions=sum(1 for line in lines if line.startswith("+")),
        deletions=sum(1 for line in lines if line.startswith("-")),
        binary=any(line.startswith("Binary files ") for line in header),
        text=section,
    )


def _plain(name: str, prefix: str) -> str:
    name = _unquote(name.rstrip("\t"))
    return "" if name == "/dev/null" else name.removeprefix(prefix)


def _named_twice(line: str) -> str:
    """The path from ``diff --git a/X b/X``, for files without lines: both halves are the same."""
    names = line.removeprefix("diff --git ")
    if names.startswith('"'):
        return _unquote(names[: names.find('" ') + 1]).removeprefix("a/")
    return names[2 : len(names) // 2]


def _unquote(name: str) -> str:
    """git puts paths with unusual characters into quotes, with bytes as octal numbers."""
    if not (name.startswith('"') and name.endswith('"') and len(name) > 1):
        return name

    def plain(match: re.Match[bytes]) -> bytes:
        found = match[1]
        return _ESCAPES.get(found, found) if len(found) == 1 else bytes([int(found, 8) & 0xFF])

    return _QUOTED.sub(plain, name[1:-1].encode()).decode("utf-8", "replace")


def _folders_first(path: str) -> list[tuple[bool, str]]:
    *folders, name = path.split("/")
    return [(False, folder.lower()) for folder in folders] + [(True, name.lower())]
