"""Reading the tracked files of one commit: never the working tree, never anything outside."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from maestro.errors import GitError, NotFound
from maestro.worktrees.git import git, git_head

_INSTRUCTION_FILES = ("CLAUDE.md", "AGENTS.md")
_INSTRUCTIONS_BYTES = 20_000
_SEARCH_S = 10
_SEARCH_BYTES = 4_000_000
_LINE_CHARS = 300
_LINK, _SUBMODULE = "120000", "160000"


def _normal(path: str) -> str | None:
    """``path`` relative to the repository's root in plain form, or None when it leads outside."""
    if "\0" in path or path.startswith("/"):
        return None
    plain = posixpath.normpath(path) if path else "."
    if plain == ".." or plain.startswith("../"):
        return None
    return "" if plain == "." else plain


def _tree(repo: Path, commit: str, *args: str) -> list[tuple[str, str, str]]:
    """(mode, object, path) of entries of a commit."""
    if commit.startswith("-"):
        raise GitError(f"{commit!r} is not a commit.")
    entries = []
    literal = {"GIT_LITERAL_PATHSPECS": "1"}  # a file may be called ``:!x``
    for line in git(repo, "ls-tree", "-z", "--full-tree", *args[:-1], commit, "--", *args[-1:], env=literal).fields:
        meta, _, name = line.partition("\t")
        mode, _, oid = meta.split(" ")
        entries.append((mode, oid, name))
    return entries


def list_files(repo: Path, commit: str, prefix: str = "") -> list[str]:
    """Paths of all tracked files of ``commit`` that lie below ``prefix`` (a folder or a file)."""
    plain = _normal(prefix)
    if plain is None:
        return []
    return [path for mode, _, path in _tree(repo, commit, "-r", plain or ".") if mode != _SUBMODULE]


def small_files(repo: Path, commit: str, names: frozenset[str], limit_bytes: int, most: int) -> dict[str, str]:
    """The texts of up to ``most`` plain files with one of these names, by path, the shortest paths first."""
    if commit.startswith("-"):
        raise GitError(f"{commit!r} is not a commit.")
    found: list[tuple[str, str]] = []
    for line in git(repo, "ls-tree", "-r", "-l", "-z", "--full-tree", commit).fields:
        meta, _, path = line.partition("\t")
        mode, _, oid, size = meta.split()
        if path.rpartition("/")[2] in names and mode not in (_LINK, _SUBMODULE) and int(size) <= limit_bytes:
            found.append((path, oid))
    found = sorted(found, key=lambda one: (one[0].count("/"), one[0]))[:most]
    asked = "".join(f"{oid}\n" for _, oid in found).encode()
    left = git(repo, "cat-file", "--batch", input=asked).stdout if found else b""
    texts: dict[str, str] = {}
    for path, _ in found:
        head, _, left = left.partition(b"\n")
        size_of = int(head.split()[2])
        texts[path], left = left[:size_of].decode("utf-8", "replace"), left[size_of + 1 :]
    return texts


def count_files(repo: Path, commit: str) -> int:
    """How many tracked files ``commit`` has."""
    return git(repo, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--").stdout.count(b"\0")


def _entry(repo: Path, commit: str, path: str) -> tuple[str, str] | None:
    plain = _normal(path)
    if not plain:
        return None
    return next(((mode, oid) for mode, oid, name in _tree(repo, commit, plain) if name == plain), None)


def read_file(repo: Path, commit: str, path: str, limit_bytes: int) -> bytes:
    """The first ``limit_bytes`` of a tracked file as it is in ``commit``. Raises NotFound."""
    entry = _entry(repo, commit, path)
    if entry is None or entry[0] in ("040000", _SUBMODULE):
        shown = path.replace("\0", "\\0")
        raise NotFound(f"There is no file “{shown}” in this commit.", path=shown)
    return git_head(repo, "cat-file", "blob", entry[1], limit_bytes=limit_bytes)[0]


def search(repo: Path, commit: str, pattern: str, limit: int) -> list[tuple[str, int, str]]:
    """Lines of tracked text files of ``commit`` that match: (path, line number, line).

    ``pattern`` is an extended regular expression; one that is not valid, or takes too long, is looked for
    as plain text. Long lines are cut.
    """
    if not pattern or "\0" in pattern:
        return []
    try:
        found = _grep(repo, commit, "-E", pattern, limit)
    except GitError:
        found = _grep(repo, commit, "-F", pattern, limit)
    return found


def _grep(repo: Path, commit: str, kind: str, pattern: str, limit: int) -> list[tuple[str, int, str]]:
    options = ("-z", "-n", "-I", kind, "--full-name", "--no-color", "--no-column", "--no-textconv")
    rest = ("--no-recurse-submodules", f"--max-count={limit}", "-e", pattern, commit, "--")
    data, _ = git_head(repo, "grep", *options, *rest, ok=(0, 1), limit_bytes=_SEARCH_BYTES, timeout_s=_SEARCH_S)
    hits = []
    line = re.compile(re.escape(commit).encode() + rb":(?s:(.+?))\0(\d+)\0([^\n]*)\n")
    for match in line.finditer(data):
        path, number, text = match.groups()
        words = text[: _LINE_CHARS * 4].decode("utf-8", "replace")[:_LINE_CHARS].rstrip("\r")
        hits.append((path.decode("utf-8", "surrogateescape"), int(number), words))
        if len(hits) >= limit:
            break
    return hits


def instructions(repo: Path, commit: str) -> str:
    """What the project tells agents: CLAUDE.md and AGENTS.md of the commit, each cut at about 20 KB."""
    parts: list[str] = []
    seen: set[str] = set()
    for name in _INSTRUCTION_FILES:
        entry = _entry(repo, commit, name)
        # One is often a link to the other, or a copy: once is enough.
        if entry is None or entry[0] in (_LINK, "040000", _SUBMODULE) or entry[1] in seen:
            continue
        seen.add(entry[1])
        data, cut = git_head(repo, "cat-file", "blob", entry[1], limit_bytes=_INSTRUCTIONS_BYTES)
        note = "\n[cut here: the file is longer]" if cut else ""
        parts.append(f"# {name}\n\n{data.decode('utf-8', 'replace').strip()}{note}")
    return "\n\n".join(parts)
