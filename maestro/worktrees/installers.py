"""Set-up commands that only install what manifests and lock files name, so that the folders they fill can be used again.

Whatever else a command may do (build the sources, start a database) has to happen in each worktree. So only well-known
forms count, and only where the repository does not make them build or copy its own sources on the way.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from maestro import untrusted
from maestro.worktrees.git import git

#: Whose files say what is installed: when one of them differs, so may the folders.
_MANIFEST = re.compile(
    r"(?:.*/)?(?:package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|\.npmrc|\.yarnrc(?:\.yml)?|\.nvmrc"
    r"|\.node-version|\.tool-versions|\.?mise\.toml|\.python-version|\.ruby-version|pyproject\.toml|setup\.(?:py|cfg)"
    r"|MANIFEST\.in|poetry\.(?:lock|toml)|Pipfile(?:\.lock)?|pdm\.(?:lock|toml)|pip\.conf|[^/]*\.gemspec"
    r"|[^/]*(?:require|constraint|deps)[^/]*\.(?:txt|in)|Gemfile(?:\.lock)?|\.bundle/config|composer\.(?:json|lock)|auth\.json)"
    r"|(?:.*/)?(?:\.yarn|patches|requirements?)/.*"
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=\S*")
_ODD = re.compile(r"[\n$`*?~#\\{}!]")
_OPERATORS = "();<>|&"
#: Flags whose value is a word of its own.
_VALUED = frozenset(
    {
        "--with", "--without", "--only", "--extras", "-E", "-G", "--group", "--jobs", "-j", "--retry", "--omit",
        "--include", "--workspace", "-w", "--without-group", "--categories", "--network-timeout",
    }
)  # fmt: skip
_EXTRAS = re.compile(r"\[[\w,.\- ]*\]")
_PYTHON = re.compile(r"python(?:\d(?:\.\d+)?)?")
_TAKES_PATH = frozenset({"-e", "--editable", "-r", "--requirement", "-c", "--constraint"})
_ELSEWHERE = ("-t", "--target", "--prefix", "--root", "--user")
#: A folder or an archive, which pip copies from.
_SOURCE = re.compile(r"/|^\.|\.(?:whl|gz|zip)$")
_LIFECYCLE = (
    "preinstall",
    "install",
    "postinstall",
    "prepublish",
    "preprepare",
    "prepare",
    "postprepare",
    "dependencies",
)
#: What only puts git hooks in place, which Maestro keeps from it anyway.
_HOOKS_ONLY = re.compile(
    r"(?:npx )?(?:is-ci \|\| )?(?:husky(?: install(?: \S+)?)?|lefthook install|simple-git-hooks)(?: \|\| (?:true|:|exit 0))?"
)
_BUILDS = re.compile(r"ext_modules|cffi_modules|rust_extensions|Extension\(|cythonize|cmdclass|build_ext")
_PURE_BACKENDS = ("hatchling", "flit_core", "setuptools", "poetry.core", "pdm.backend", "uv_build")
_SCRIPTS_OFF = "--ignore-scripts"


@dataclass(frozen=True, slots=True)
class Installer:
    """One recognized command. ``programs``: whose versions matter; ``scripts``: whether packages' own scripts run."""

    trade: str  # node, python, ruby, php
    programs: tuple[str, ...]
    scripts: bool = True


def first_run(commands: Sequence[str]) -> tuple[int, int]:
    """From where to where the first commands in a row stand that only install; an empty range where there are none."""
    known = [bool(recognized(command)) for command in commands]
    begin = known.index(True) if True in known else len(known)
    end = begin
    while end < len(known) and known[end]:
        end += 1
    return begin, end


def recognized(command: str) -> list[Installer]:
    """What a set-up command installs with; empty for one that does, or may do, anything else."""
    if _ODD.search(command):
        return []
    reader = shlex.shlex(command, posix=True, punctuation_chars=_OPERATORS)
    reader.whitespace_split, reader.commenters = True, ""
    try:
        words = list(reader)
    except ValueError:
        return []
    found: list[Installer] = []
    in_venv = False
    for part in _parts(words):
        while part and _ASSIGNMENT.fullmatch(part[0]):
            part = part[1:]
        if not part or any(set(word) <= set(_OPERATORS) for word in part):
            return []
        if part[0] == "cd" and len(part) == 2 and _inside(part[1]):
            continue
        if part[0] in {".", "source"} and len(part) == 2 and _inside(part[1]) and part[1].endswith("bin/activate"):
            in_venv = True
            continue
        installer = _installer(part, in_venv)
        if installer is None:
            return []
        found.append(installer)
    return found


def builds_sources(worktree: Path, installers: Iterable[Installer]) -> bool:
    """Whether installing here builds or copies what the repository itself holds, so that each commit needs its own."""
    tracked = git(worktree, "ls-files", "-z").fields
    looks = {"node": _node_builds, "python": _python_builds, "php": _php_builds}
    by_trade = {i.trade: i for i in installers if i.scripts} | {i.trade: i for i in installers if i.trade == "python"}
    return any(trade in looks and looks[trade](worktree, tracked) for trade in by_trade)


def manifests(worktree: Path) -> list[str]:
    """The manifests and lock files of a worktree as git has them: mode, content and path of each."""
    entries = git(worktree, "ls-files", "-s", "-z").fields
    return [entry for entry in entries if _MANIFEST.fullmatch(entry.partition("\t")[2])]


def _parts(words: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _installer(argv: list[str], in_venv: bool) -> Installer | None:
    program, rest = argv[0], argv[1:]
    if program == "npm" and rest[:1] in (["ci"], ["install"], ["i"], ["clean-install"]) and _only_flags(rest[1:]):
        return Installer("node", ("npm", "node"), _SCRIPTS_OFF not in rest)
    if program == "yarn" and (not rest or rest[0] == "install" or rest[0].startswith("-")) and _only_flags(rest[1:]):
        return Installer("node", ("yarn", "node"), _SCRIPTS_OFF not in rest)
    if program == "npx" and rest[:1] == ["--yes"] and re.fullmatch(r"yarn@1[\d.]*", "".join(rest[1:2])):
        fetched = _installer(["yarn", *rest[2:]], in_venv)
        return Installer("node", ("npx", "node"), fetched.scripts) if fetched else None
    if program in {"poetry", "pdm"} and rest[:1] in (["install"], ["sync"]) and _only_flags(rest[1:]):
        return Installer("python", (program, "python3")) if "--no-editable" not in rest else None
    if program == "pipenv" and rest[:1] in (["install"], ["sync"]) and _only_flags(rest[1:]):
        return Installer("python", ("pipenv", "python3"))
    if program == "bundle" and rest[:1] == ["install"] and _only_flags(rest[1:]):
        return Installer("ruby", ("bundle", "ruby"))
    if program == "composer" and rest[:1] in (["install"], ["i"]) and _only_flags(rest[1:]):
        return (
            None
            if {"-o", "-a", "--optimize-autoloader", "--classmap-authoritative"} & {*rest}
            else Installer("php", ("composer", "php"))
        )
    return _python(program, rest, in_venv)


def _python(program: str, rest: list[str], in_venv: bool) -> Installer | None:
    path = PurePosixPath(program)
    own = "/" not in program if in_venv else _inside(program) and len(path.parts) > 2 and path.parent.name == "bin"
    if _PYTHON.fullmatch(path.name):
        if (
            "/" not in program
            and rest[:2] == ["-m", "venv"]
            and len(rest) >= 3
            and _inside(rest[-1])
            and _only_flags(rest[2:-1])
        ):
            return Installer("python", (program,))
        if own and rest[:3] == ["-m", "pip", "install"] and _installs_packages(rest[3:]):
            return Installer("python", ("python3",))
    if program == "virtualenv" and rest and _inside(rest[-1]) and _only_flags(rest[:-1]):
        return Installer("python", ("virtualenv", "python3"))
    if own and re.fullmatch(r"pip[\d.]*", path.name) and rest[:1] == ["install"] and _installs_packages(rest[1:]):
        return Installer("python", ("python3",))
    return None


def _installs_packages(words: list[str]) -> bool:
    """Whether pip gets names, files of names, and folders only to be used where they are (``-e``)."""
    at = 0
    while at < len(words):
        word = words[at]
        if word in _TAKES_PATH:
            at += 1
            named = _EXTRAS.sub("", words[at]) if at < len(words) else ""
            is_list = word not in {"-e", "--editable"}
            if "://" in named or not _inside(named) or (is_list and not _MANIFEST.fullmatch(named)):
                return False
        elif word.startswith(_ELSEWHERE) or (not word.startswith("-") and _SOURCE.search(word)):
            return False
        at += 1
    return True


def _only_flags(words: Sequence[str]) -> bool:
    values = {at + 1 for at, word in enumerate(words) if word in _VALUED}
    flags = [word for at, word in enumerate(words) if at not in values]
    return all(
        word.startswith("-") and not word.startswith(("--prefix", "-C", "--cwd", "--global", "-g")) for word in flags
    )


def _inside(path: str) -> bool:
    """Whether a path stays in the worktree, by its words."""
    return bool(path) and not path.startswith(("/", "-")) and ".." not in PurePosixPath(path).parts


def _node_builds(worktree: Path, tracked: Sequence[str]) -> bool:
    for path in tracked:
        if PurePosixPath(path).name != "package.json" or "node_modules" in PurePosixPath(path).parts:
            continue
        manifest = _json(worktree / path)
        scripts = manifest.get("scripts")
        scripts = scripts if isinstance(scripts, dict) else {}
        if any(name in scripts and not _HOOKS_ONLY.fullmatch(str(scripts[name]).strip()) for name in _LIFECYCLE):
            return True
        if "file:" in json.dumps(manifest):
            return True
    return False


def _python_builds(worktree: Path, tracked: Sequence[str]) -> bool:
    for path in tracked:
        name = PurePosixPath(path).name
        if name == "setup.py" and _BUILDS.search(_text(worktree / path)):
            return True
        if name == "pyproject.toml" and _backend_builds(_text(worktree / path)):
            return True
        if name.endswith((".txt", ".in")) and _MANIFEST.fullmatch(path) and _names_sources(_text(worktree / path)):
            return True
    return False


def _names_sources(requirements: str) -> bool:
    """Whether a file of requirements names folders or archives to copy from, or files that are not known as manifests."""
    if re.search(r"^\s*(?:\.|/|file:)|@\s*file:|^[\w./-]+\.(?:whl|gz|zip)\b", requirements, re.MULTILINE):
        return True
    others = re.findall(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]*(\S+)", requirements, re.MULTILINE)
    return any(not _MANIFEST.fullmatch(other.removeprefix("./")) for other in others)


def _backend_builds(text: str) -> bool:
    backend = re.search(r"""build-backend\s*=\s*["']([\w.:]+)""", text)
    if backend and not backend[1].startswith(_PURE_BACKENDS):
        return True
    if re.search(r"build\.hooks|backend-path|ext-modules|cmdclass|run-setuptools|custom-hook", text):
        return True
    if re.search(r"""^\s*(?:build\s*=\s*\S|path\s*=\s*["']\.)""", text, re.MULTILINE):
        return True
    local = re.findall(r"\{[^{}]*\bpath\s*=[^{}]*\}", text)
    return any(not re.search(r"(?:editable|develop)\s*=\s*true", entry) for entry in local)


def _php_builds(worktree: Path, tracked: Sequence[str]) -> bool:
    manifests = [_json(worktree / path) for path in tracked if PurePosixPath(path).name == "composer.json"]
    return any(
        m.get("scripts") or "classmap" in json.dumps(m) or '"path"' in json.dumps(m.get("repositories", []))
        for m in manifests
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path))
    except (ValueError, RecursionError):
        return {"scripts": {"prepare": "cannot be read"}}  # nobody knows what it asks for
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    try:
        return untrusted.text(path, follow=True)
    except OSError:
        return ""
