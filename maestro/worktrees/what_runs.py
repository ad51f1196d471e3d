"""What work in a repository would run of it, found by reading only: files of a commit, git's settings and hooks.

Each finding has a mark of its content. A mark that was shown and agreed to once needs no second word; another content
under the same name is something new.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path
from typing import Any
from unicodedata import category

from maestro import untrusted
from maestro.worktrees.git import common_dir, git, git_head

#: Of files whose whole text decides what runs; a pattern without a slash holds in any folder.
_FILES = (
    ".claude/settings*.json", ".claude/hooks/*", ".claude/agents/*", ".claude/commands/*", ".claude/skills/*",
    ".claude-plugin/*", ".mcp.json", ".gitmodules", ".envrc", ".env.vault", "mise.toml", ".mise.toml", ".mise/*",
    "conftest.py", "sitecustomize.py", "usercustomize.py", "*.pth", "setup.py", "setup.cfg", "noxfile.py", "tox.ini",
    "pytest.ini", ".pytest.ini", "tasks.py", "dodo.py", "manage.py",
    "Makefile", "makefile", "GNUmakefile", "*.mk", "justfile", "Justfile", ".justfile", "Taskfile.y*ml", "Rakefile",
    "Earthfile", "CMakeLists.txt", "meson.build", "configure", "autogen.sh",
    ".pre-commit-config.yaml", "lefthook.y*ml", ".lefthook.y*ml", ".husky/*", ".githooks/*", ".overcommit.yml",
    ".devcontainer/*", ".devcontainer.json", ".npmrc", ".yarnrc", ".yarnrc.yml", ".yarn/plugins/*", ".yarn/releases/*",
    ".pnpmfile.cjs", "bunfig.toml", "Gruntfile.*", "gulpfile.*", "jest.config.*", "vitest.config.*", "vite.config.*",
    "webpack.config.*", "rollup.config.*", "babel.config.*", "eslint.config.*", ".eslintrc.js", ".eslintrc.cjs",
    "playwright.config.*", "cypress.config.*", "karma.conf.*", ".mocharc.*", "ava.config.*", "wdio.conf.*",
    "build.rs", ".cargo/config", ".cargo/config.toml", "rust-toolchain*", "build.gradle*", "settings.gradle*", "gradlew",
    "gradle/wrapper/*", "mvnw", ".mvn/*", "build.sbt", "Gemfile", "*.gemspec", "mix.exs", "rebar.config", "build.zig",
    "phpunit.xml*", "Package.swift", "flake.nix", "shell.nix", "default.nix", "BUILD.bazel", "WORKSPACE", ".bazelrc",
    "Directory.Build.*", "*.targets", "*.props",
)  # fmt: skip

#: Of what git's own settings name: programs, and addresses that it talks to.
_SETTINGS = re.compile(
    r"filter\..*|diff\..*\.(textconv|command)|diff\.external|merge\..*\.driver|core\.(fsmonitor|hookspath|sshcommand|"
    r"pager|editor|askpass|gitproxy|alternaterefscommand|attributesfile)|alias\..*|pager\..*|credential\..*helper|"
    r"gpg\..*program|gpg\.program|sequence\.editor|interactive\.difffilter|uploadpack\.packobjectshook|"
    r"submodule\..*\.(update|url)|lfs\..*|include(if\..*)?\.path|extensions\..*|remote\..*\.(uploadpack|receivepack|vcs)|"
    r"trailer\..*\.(cmd|command)|protocol\..*allow|url\..*",
    re.IGNORECASE,
)

#: Git's own defaults, which say nothing of a repository's authors.
_HARMLESS = re.compile(r"extensions\.(objectformat|worktreeconfig|partialclone|refstorage)|submodule\..*\.url", re.I)
_ATTRIBUTE = re.compile(r"\b(filter|diff|merge)=")
_PASSWORD = re.compile(r"(\w+://)[^/@\s]+@")

_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cn", "Zl", "Zp"})
_SHOWN_BYTES = 20_000
_MOST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Runs:
    """Something of a repository that would run. ``name``: its path, or ``git: key``; ``mark`` stands for its content."""

    name: str
    mark: str
    text: str = ""  # the beginning; read by ``with_text``


def survey(repo: Path, commit: str) -> dict[str, str]:
    """Names and marks of all that work on a commit would run. Nothing of the repository runs."""
    found = dict(_of_git(repo))
    for path, oid in _tree(repo, commit):
        section = _SECTIONS.get(path.rpartition("/")[2])
        if section is not None:
            text = _section(repo, oid, section)
            if text:
                found[path] = _mark(text)
        elif _is_file(path):
            found[path] = oid
    return found


def with_text(repo: Path, commit: str, marks: dict[str, str]) -> list[Runs]:
    """The same with the beginning of each text, to be shown; at most some hundreds."""
    oids = dict(_tree(repo, commit))
    settings = dict(_git_texts(repo))
    shown = []
    for name, mark in list(marks.items())[:_MOST_SHOWN]:
        if name in settings:
            text = settings[name]
        elif name in oids:
            section = _SECTIONS.get(name.rpartition("/")[2])
            text = _section(repo, oids[name], section) if section else _blob(repo, oids[name])
        else:
            text = ""
        shown.append(Runs(name, mark, _readable(_PASSWORD.sub(r"\1…@", text))[:_SHOWN_BYTES]))
    return shown


def _readable(text: str) -> str:
    """The text with what nobody sees written out: characters that turn the direction, have no width, or control."""
    return "".join(_written(c) if category(c) in _UNSEEN and c not in "\n\t" else c for c in text)


def _written(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _tree(repo: Path, commit: str) -> Iterator[tuple[str, str]]:
    """Path and object of each file (links too) of a commit that may run; submodules say theirs in .gitmodules."""
    for entry in git(repo, "ls-tree", "-r", "-z", commit).fields:
        head, _, path = entry.partition("\t")
        mode, kind, oid = head.split()[:3]
        if kind == "blob" and (_is_file(path) or path.rpartition("/")[2] in _SECTIONS):
            yield path, f"{oid}{'' if mode == '100644' else ' ' + mode}"


def _is_file(path: str) -> bool:
    return _IS_FILE.fullmatch(path) is not None


def _blob(repo: Path, oid: str) -> str:
    data, _cut = git_head(repo, "cat-file", "blob", oid.split()[0], limit_bytes=_SHOWN_BYTES)
    return data.decode("utf-8", "replace")


def _section(repo: Path, oid: str, section: Callable[[str], str]) -> str:
    data, _cut = git_head(repo, "cat-file", "blob", oid.split()[0], limit_bytes=1_000_000)
    text = data.decode("utf-8", "replace")
    try:
        return section(text)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return text  # not to be read as what it says it is: then all of it counts


def _scripts(text: str) -> str:
    told = json.loads(text)
    kept = {
        k: told[k] for k in ("scripts", "husky", "lint-staged", "jest", "mocha", "ava", "packageManager") if told.get(k)
    }
    return json.dumps(kept, indent=2, ensure_ascii=False, sort_keys=True) if kept else ""


def _tables(text: str) -> str:
    told: dict[str, Any] = tomllib.loads(text)
    tool = told.get("tool", {})
    names = ("pytest", "poe", "taskipy", "hatch", "tox", "nox", "pdm", "setuptools", "poetry-scripts", "rye", "pixi")
    kept = {"build-system": told.get("build-system")} | {f"tool.{n}": tool.get(n) for n in names}
    kept = {name: value for name, value in kept.items() if value}
    return json.dumps(kept, indent=2, ensure_ascii=False, sort_keys=True, default=str) if kept else ""


def _programs(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if _ATTRIBUTE.search(line))


#: Files of which only a part decides what runs; the rest changes with everyday work.
_SECTIONS: dict[str, Callable[[str], str]] = {
    "package.json": _scripts,
    "composer.json": _scripts,
    "pyproject.toml": _tables,
    ".gitattributes": _programs,
}


def _pattern(glob: str) -> str:
    # fnmatch's star goes over slashes, so what is below a folder is meant at any depth.
    return f"(?:.*/)?{translate(glob)}"


_IS_FILE = re.compile("|".join(_pattern(glob) for glob in _FILES), re.DOTALL)


def _of_git(repo: Path) -> Iterator[tuple[str, str]]:
    for name, text in _git_texts(repo):
        yield name, _mark(text)


def _git_texts(repo: Path) -> Iterator[tuple[str, str]]:
    """What the repository's own git settings name, and its hooks: a clone brings none, an archive may."""
    asked = git(repo, "config", "-z", "--show-scope", "--list", check=False).fields
    for scope, entry in zip(asked[::2], asked[1::2], strict=False):
        key, _, value = entry.partition("\n")
        if scope in ("local", "worktree") and _SETTINGS.fullmatch(key) and not _HARMLESS.fullmatch(key):
            yield f"git: {key}", value
    hooks = common_dir(repo) / "hooks"
    for path in sorted(hooks.iterdir()) if hooks.is_dir() else []:
        if path.suffix != ".sample" and path.is_file():
            yield f"git hook: {path.name}", _hook_text(path)


def _hook_text(path: Path) -> str:
    """A hook may be a link, to a manager's script for one: git runs what it leads to, so that is what is read."""
    try:
        return untrusted.head(path, _SHOWN_BYTES, follow=True).decode("utf-8", "replace")
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:40]
