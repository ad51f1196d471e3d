"""Reading the tracked files of one commit: never the working tree, never anything outside."""

from __future__ import annotations

import json
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
_HINT_BYTES = 200_000
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
        raise GitError(f"{commit!r} names no commit.")
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


def suggest_checks(repo: Path, commit: str) -> list[str]:
    """Commands that probably run this project's tests: a guess from its tracked files, to be shown as hints."""
    files = set(list_files(repo, commit))

    def text(path: str) -> str:
        return read_file(repo, commit, path, _HINT_BYTES).decode("utf-8", "replace") if path in files else ""

    found = [*_python_checks(files, text("pyproject.toml") + text("setup.cfg") + text("tox.ini"))]
    found += _node_checks(files, text("package.json"))
    if "Cargo.toml" in files:
        found.append("cargo test")
    if "go.mod" in files:
        found.append("go test ./...")
    if re.search(r"^test\s*:", text("Makefile") + "\n" + text("makefile"), re.MULTILINE):
        found.append("make test")
    return found


def _python_checks(files: set[str], settings: str) -> list[str]:
    names = {posixpath.basename(path) for path in files}
    tests = any(re.fullmatch(r"test_.*\.py|.*_test\.py", name) for name in names)
    if "pytest" in settings or names & {"pytest.ini", "conftest.py"}:
        return ["python -m pytest -q"]
    if any(re.search(r"(^|/)requirements[^/]*\.txt$", path) for path in files) and tests:
        return ["python -m pytest -q"]
    return ["python -m unittest"] if tests else []


def _node_checks(files: set[str], package: str) -> list[str]:
    try:
        script = json.loads(package or "{}")["scripts"]["test"]
    except (ValueError, KeyError, TypeError):
        return []
    if not isinstance(script, str) or "no test specified" in script:
        return []
    if "pnpm-lock.yaml" in files:
        return ["pnpm test"]
    return ["yarn test"] if "yarn.lock" in files else ["npm test"]
