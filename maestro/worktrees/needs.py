"""What worktrees of a repository need to be of use, found by looking: set-up commands, files to copy, checks.

Only names and a few small files are read, at a commit and (for what git ignores) in the person's checkout, in the
root and one folder deep. Nothing of the repository runs, and nothing found here is used before a person has said so.
"""

from __future__ import annotations

import shlex
import shutil
import stat
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from maestro.worktrees.git import git
from maestro.worktrees.reading import read_file, suggest_checks

Kind = Literal["setup", "copy_files", "checks"]

_SMALL_BYTES = 256_000
_LOOKED_INTO = 200  # folders
_HINT_BYTES = 200_000
_LITERAL = {"GIT_LITERAL_PATHSPECS": "1"}  # a folder may be called ``:!x``

#: Folders whose lock files are about something else than the project: examples, other people's code.
_PASSED_BY = frozenset(
    [
        "docs",
        "doc",
        "examples",
        "example",
        "samples",
        "sample",
        "fixtures",
        "testdata",
        "vendor",
        "third_party",
        "node_modules",
    ]
)

#: Lock file, its command, the tool. Of one group the first that is there is meant.
_LOCKS = (
    (
        ("uv.lock", "uv sync", "uv"),
        ("poetry.lock", "poetry install", "poetry"),
        ("pdm.lock", "pdm sync", "pdm"),
        ("Pipfile.lock", "pipenv sync --dev", "pipenv"),
    ),
    (
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile", "pnpm"),
        ("bun.lock", "bun install --frozen-lockfile", "bun"),
        ("bun.lockb", "bun install --frozen-lockfile", "bun"),
        ("yarn.lock", "yarn install --frozen-lockfile", "yarn"),
        ("package-lock.json", "npm ci", "npm"),
        ("npm-shrinkwrap.json", "npm ci", "npm"),
    ),
    (("go.mod", "go mod download", "go"),),
    (("Cargo.lock", "cargo fetch", "cargo"),),
    (("Gemfile.lock", "bundle install", "bundle"),),
    (("composer.lock", "composer install --no-interaction", "composer"),),
    (("mix.lock", "mix deps.get", "mix"),),
    (("packages.lock.json", "dotnet restore --locked-mode", "dotnet"),),
)

#: Ignored files that hold what only this machine knows; what ends like the second line is a pattern for people.
_LOCAL = (".env", ".env.*", ".envrc", ".dev.vars", "local.settings.json", "local.properties", "master.key")
_FOR_PEOPLE = (".example", ".sample", ".template", ".dist")

#: How Python starts in the environment that a set-up command makes.
_PYTHON_IN = {
    "uv": "uv run python",
    "poetry": "poetry run python",
    "pdm": "pdm run python",
    "pipenv": "pipenv run python",
}

_WHY_CHECK = {
    "python -m pytest -q": "The tests are pytest’s",
    "python -m unittest": "There are tests in the form of unittest",
    "cargo test": "Cargo.toml is in the repository",
    "go test ./...": "go.mod is in the repository",
    "make test": "The Makefile has a target test",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One thing worktrees probably need: a command, or for ``copy_files`` a gitignore-style pattern."""

    kind: Kind
    value: str
    reason: str
    tool: str | None = None  # the program a command starts with
    tool_there: bool = True  # whether that is on PATH
    second: bool = False  # another lock file of the same trade comes before this one


@dataclass(frozen=True, slots=True)
class _Folder:
    name: str  # "" for the root
    files: frozenset[str]

    def path(self, file: str) -> str:
        return f"{self.name}/{file}" if self.name else file

    def command(self, command: str) -> str:
        return f"cd {shlex.quote(self.name)} && {command}" if self.name else command


def look(repo: Path, commit: str) -> list[Found]:
    """Everything found at ``commit`` and in the checkout ``repo``: commands first, then files, then checks."""
    folders = _folders(repo, commit)
    found: list[Found] = []
    for folder in folders:
        locks = _by_locks(folder)
        # A lock file in the root covers the packages below it.
        has_python = any(f.tool in _PYTHON_IN for f in [*found, *locks])
        found += locks if has_python else [*_by_pip(repo, commit, folder), *locks]
    found += _ignored(repo, folders)
    found += _checks(repo, commit, [f for f in found if not f.value.startswith("cd ")])
    return [replace(f, tool_there=f.tool is None or shutil.which(f.tool) is not None) for f in found]


def _folders(repo: Path, commit: str) -> list[_Folder]:
    entries = _tree(repo, commit)
    names = [
        name
        for kind, name in entries
        if kind == "tree" and not name.startswith((".", "-")) and name not in _PASSED_BY and name.isprintable()
    ]
    inside: dict[str, set[str]] = {name: set() for name in names[:_LOOKED_INTO]}
    if inside:
        for kind, path in _tree(repo, commit, *(f"{name}/" for name in inside)):
            folder, _, file = path.partition("/")
            if kind == "blob" and folder in inside:
                inside[folder].add(file)
    root = _Folder("", frozenset(name for kind, name in entries if kind == "blob"))
    return [root, *(_Folder(name, frozenset(files)) for name, files in inside.items())]


def _tree(repo: Path, commit: str, *paths: str) -> list[tuple[str, str]]:
    """(type, path) of entries of a commit, of its root or directly inside the folders that ``paths`` name."""
    listed = git(repo, "ls-tree", "-z", "--full-tree", commit, "--", *paths, env=_LITERAL).fields
    return [(meta.split(" ")[1], path) for meta, _, path in (entry.partition("\t") for entry in listed)]


def _by_locks(folder: _Folder) -> list[Found]:
    found: list[Found] = []
    for group in _LOCKS:
        there = [(lock, command, tool) for lock, command, tool in group if lock in folder.files]
        for number, (lock, command, tool) in enumerate(there):
            if tool == "yarn" and ".yarnrc.yml" in folder.files:
                command = "yarn install --immutable"  # the word of Yarn 2 and later
            reason = f"{folder.path(lock)} is in the repository"
            if any(f.value == folder.command(command) for f in found):
                continue
            found.append(Found("setup", folder.command(command), reason, tool, second=number > 0))
    return found


def _by_pip(repo: Path, commit: str, folder: _Folder) -> list[Found]:
    """A virtual environment, where Python's dependencies are named without a lock file."""
    listed = sorted(
        (f for f in folder.files if fnmatchcase(f, "requirements*.txt")), key=lambda f: (f != "requirements.txt", f)
    )
    if listed:
        wanted = " ".join(f"-r {shlex.quote(name)}" for name in listed)
        reason = f"{', '.join(folder.path(name) for name in listed)} {'is' if len(listed) == 1 else 'are'}"
    elif "pyproject.toml" in folder.files and _installable(repo, commit, folder.path("pyproject.toml")):
        wanted, reason = "-e .", f"{folder.path('pyproject.toml')} is"
    else:
        return []
    # What git does not ignore would be committed as work; Python writes this file itself only since 3.13.
    command = f"python3 -m venv .venv && echo '*' > .venv/.gitignore && .venv/bin/python -m pip install {wanted}"
    return [Found("setup", folder.command(command), f"{reason} in the repository, without a lock file", "python3")]


def _installable(repo: Path, commit: str, path: str) -> bool:
    text = read_file(repo, commit, path, _HINT_BYTES).decode("utf-8", "replace")
    return any(line.strip() in {"[project]", "[build-system]"} for line in text.splitlines())


def _which_ignored(repo: Path, paths: list[str]) -> list[str]:
    """Those of ``paths`` that git ignores; tracked files are none of them."""
    if not paths:
        return []
    # The dot keeps a name from being read as pathspec magic; here git knows no other way.
    names = "\0".join(f"./{path}" for path in paths).encode("utf-8", "surrogateescape")
    found = git(repo, "check-ignore", "-z", "--stdin", input=names, check=False).fields
    return [path.removeprefix("./") for path in found]


def _ignored(repo: Path, folders: list[_Folder]) -> list[Found]:
    there = [folder.path(name) for folder in folders for name in _local_files(repo / folder.name)]
    return [
        Found("copy_files", f"/{path}", f"{path} is in your checkout and ignored by git")
        for path in _which_ignored(repo, there)
    ]


def _local_files(folder: Path) -> list[str]:
    """Names of small plain files directly in ``folder`` that hold what only this machine knows; a link is none."""
    if folder.is_symlink():
        return []
    try:
        return sorted(path.name for path in folder.iterdir() if _is_local(path.name) and _is_small(path))
    except OSError:
        return []  # not in this checkout, or not readable


def _is_local(name: str) -> bool:
    plain = name.isprintable() and not set(name) & set("*?[]\\! ")  # nothing that means more in a pattern
    return plain and any(fnmatchcase(name, p) for p in _LOCAL) and not name.endswith(_FOR_PEOPLE)


def _is_small(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_size <= _SMALL_BYTES


def _checks(repo: Path, commit: str, root: list[Found]) -> list[Found]:
    """The checks the repository suggests, begun in the environment that its root's set-up makes."""
    python = next((_PYTHON_IN[f.tool] for f in root if f.tool in _PYTHON_IN), None)
    if python is None and any(f.tool == "python3" for f in root):
        python = ".venv/bin/python"
    found = []
    for check in suggest_checks(repo, commit):
        begun = check.replace("python ", f"{python} ", 1) if python and check.startswith("python ") else check
        reason = _WHY_CHECK.get(check, "package.json has a script test")
        found.append(Found("checks", begun, reason, None if begun.startswith(".venv/") else begun.split(" ")[0]))
    return found
