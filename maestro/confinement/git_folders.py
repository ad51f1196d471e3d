"""Where a worktree's git data lies, read from its files: git itself would read configuration on the way."""

from __future__ import annotations

from pathlib import Path

_MOST = 64 * 1024
_ALTERNATES = 5


def of(worktree: Path) -> list[Path]:
    """The folders outside of the worktree that its git reads: its own, the shared one, those objects are borrowed from."""
    own = _own(worktree)
    if own is None:
        return []
    shared = _named(own / "commondir", own) or own
    found = [own, shared]
    todo, seen = [shared / "objects"], set[Path]()
    while todo and len(seen) < _ALTERNATES:
        objects = todo.pop()
        if objects in seen:
            continue
        seen.add(objects)
        lines = _text(objects / "info" / "alternates").splitlines()
        borrowed = [(objects / line).resolve() for line in lines if line and not line.startswith("#")]
        found += borrowed
        todo += borrowed
    return list(dict.fromkeys(path for path in found if not path.is_relative_to(worktree.resolve())))


def _own(worktree: Path) -> Path | None:
    link = worktree / ".git"
    if link.is_dir():
        return link.resolve()
    words = _text(link)
    return (worktree / words.removeprefix("gitdir:").strip()).resolve() if words.startswith("gitdir:") else None


def _named(file: Path, base: Path) -> Path | None:
    words = _text(file).strip()
    return (base / words).resolve() if words else None


def _text(file: Path) -> str:
    try:
        if not file.is_file():
            return ""
        with file.open("rb") as stream:
            return stream.read(_MOST).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
