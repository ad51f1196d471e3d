"""Commands that install, push or delete and do nothing else: read to the last word, by tables."""

from __future__ import annotations

import os
import re
from pathlib import Path

from maestro.agents.shell import Command
from maestro.agents.shell_folders import Place

#: A package by its name, with a version or extras; no path, no address, no alias.
_PACKAGE = re.compile(
    r"(?:@[a-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*(?:\[[\w,.-]*\])?(?:(?:[=~<>!]=|[<>@])[\w.*^~-]+)?", re.ASCII
)
_MODULE = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]+(?:/[\w.-]+)*(?:@[\w.-]+)?|\./\.\.\.", re.ASCII)
_PIP = frozenset({"-q", "--quiet", "-U", "--upgrade"})
_PROJECT = frozenset({"-q", "--quiet", "--dev", "--frozen", "--locked", "--all-extras", "--all-groups"})
_NODE = frozenset({
    "-D", "--save-dev", "--dev", "-d", "-S", "--save", "-E", "--save-exact", "--frozen-lockfile", "--no-audit", "--no-fund",
    "--silent", "--immutable",
})  # fmt: skip
_CARGO = frozenset({"--dev", "--build", "-q", "--locked"})
_OTHER = frozenset({"--quiet", "--dev"})
#: What installs, by its first words, with the options that change nothing else.
_INSTALLS: dict[tuple[str, ...], frozenset[str]] = {
    **dict.fromkeys((("pip", "install"), ("pip3", "install"), ("uv", "pip", "install")), _PIP),
    **dict.fromkeys((("python", "-m", "pip", "install"), ("python3", "-m", "pip", "install")), _PIP),
    **dict.fromkeys((("uv", "add"), ("uv", "sync"), ("poetry", "add"), ("poetry", "install")), _PROJECT),
    **dict.fromkeys((("pdm", "add"), ("pdm", "install")), _PROJECT),
    **dict.fromkeys((("npm", "install"), ("npm", "i"), ("npm", "add"), ("npm", "ci"), ("pnpm", "install")), _NODE),
    **dict.fromkeys((("pnpm", "i"), ("pnpm", "add"), ("yarn", "install"), ("yarn", "add")), _NODE),
    **dict.fromkeys((("bun", "install"), ("bun", "add")), _NODE),
    **dict.fromkeys((("cargo", "add"), ("cargo", "fetch")), _CARGO),
    **dict.fromkeys((("bundle", "install"), ("composer", "install"), ("composer", "require")), _OTHER),
    **dict.fromkeys((("go", "get"), ("go", "mod", "download"), ("go", "mod", "tidy")), frozenset({"-u"})),
}
_WITHOUT_PACKAGES = frozenset({
    ("npm", "ci"), ("cargo", "fetch"), ("bundle", "install"), ("uv", "sync"), ("poetry", "install"), ("pdm", "install"),
})  # fmt: skip
_REMOTE = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
_BRANCH = re.compile(r"(?!.*(?:\.\.|@\{|//))[A-Za-z0-9][\w./-]*", re.ASCII)
_DELETING = {"rm": re.compile(r"-[rRfvd]+|--recursive|--force|--verbose"), "rmdir": re.compile(r"-[pv]+")}
#: Files of a folder that is deleted: no more than that are looked at.
_MOST = 20_000


def installs(command: Command) -> bool:
    """Whether a command installs packages by name from where the tool always gets them, or what the lock file says."""
    if command.globbed:
        return False
    words = tuple(command.words)
    start = next((s for s in _INSTALLS if words[: len(s)] == s), None)
    if start is None:
        return False
    rest = words[len(start) :]
    fits = _MODULE if start[0] == "go" else _PACKAGE
    packages = [word for word in rest if word not in _INSTALLS[start]]
    if packages and start in _WITHOUT_PACKAGES:
        return False
    return all(fits.fullmatch(word) for word in packages)


def pushes(command: Command) -> bool:
    """Whether a command pushes a branch under its own name to a named remote, nothing forced, nothing deleted."""
    if command.words[:2] != ["git", "push"] or command.globbed:
        return False
    rest = [word for word in command.words[2:] if word not in ("-u", "--set-upstream", "-q", "--quiet")]
    return len(rest) in (0, 1, 2) and all(p.fullmatch(w) for p, w in zip((_REMOTE, _BRANCH), rest, strict=False))


def deletes(command: Command, place: Place) -> bool:
    """Whether a command deletes files of the worktree, none that tools or git obey, and not the worktree itself."""
    known = _DELETING.get(command.program)
    if known is None or command.globbed:
        return False
    paths = [word for word in command.arguments if not word.startswith("-")]
    options = [word for word in command.arguments if word.startswith("-")]
    if not paths or not all(known.fullmatch(option) for option in options):
        return False
    return all(_plain_below(path, place) for path in paths)


def _plain_below(path: str, place: Place) -> bool:
    """Whether a path of the worktree and all below it are plain files."""
    if place.edit_kind(path) != "edit":
        return False
    seen = 0
    for folder in place.folders:
        top = os.path.normpath(folder / path)
        if place.worktree.is_relative_to(top) or folder.is_relative_to(top):
            return False
        for below, folders, files in os.walk(top):
            seen += len(folders) + len(files)
            if seen > _MOST or any(_obeyed(Path(below, name), place) for name in (*folders, *files)):
                return False
    return True


def _obeyed(path: Path, place: Place) -> bool:
    return not path.is_symlink() and place.edit_kind(str(path)) != "edit"
