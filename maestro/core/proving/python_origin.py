"""Where Python finds the code of a repository when a check runs: asked of the very interpreter that the check starts."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from maestro import untrusted
from maestro.core.workspaces.run_command import run_command

_PYTHON = re.compile(r"(python|pypy)[\d.]*(-\S+)?(\.exe)?")
#: Programs that load the code under test into their own process.
_RUNNERS = frozenset(
    {"pytest", "py.test", "coverage", "nosetests", "nose2", "trial", "stestr", "behave", "green", "ward", "unittest"}
)
#: Modules that are run with ``-m`` and do not.
_APART = frozenset(
    {
        "black", "build", "compileall", "flake8", "hatch", "invoke", "isort", "mypy", "nox", "pip", "pipenv", "poetry",
        "pre_commit", "pyflakes", "pylint", "pyright", "ruff", "tox", "uv", "venv", "virtualenv",
    }
)  # fmt: skip
_BUILTINS = frozenset({"cd", "export", "source", ".", "set", "unset"})
_PASSED = frozenset({"exec", "time", "nice", "command", "xvfb-run", "env", "timeout"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_INSTALLS = re.compile(
    r"\b(pip3? install|uv (sync|pip)|setup\.py (develop|install|build_ext)|poetry install|maturin develop)\b"
)
_NOT_CODE = frozenset(
    {
        "tests", "test", "testing", "docs", "doc", "examples", "example", "setup", "conftest", "noxfile", "tasks",
        "benchmarks", "scripts", "tools", "build", "dist",
    }
)  # fmt: skip
_TEST = re.compile(r"(test_.*|.*_test|conftest)\.py")
_MARK = "maestro-origin "
_MOST_NAMES = 60
_LIMIT_S = 60

#: What is asked runs in the worktree: confined as its checks are.
Wrap = Callable[[Sequence[str]], list[str]]

_PROBE = """
import sys, json
asked = json.loads(sys.argv[1])
if sys.path and sys.path[0] in ('', asked['cwd']) and not asked['here']:
    del sys.path[0]
sys.path[:0] = asked['first']
import importlib.util
try:
    from importlib.metadata import packages_distributions
    dists = packages_distributions()
except Exception:
    dists = {}
found = {}
for name in asked['names']:
    try:
        spec = importlib.util.find_spec(name)
    except Exception:
        continue
    if spec is not None:
        places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
        found[name] = {'places': [str(p) for p in places], 'dists': dists.get(name, [])}
print(asked['mark'] + json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one top-level name of the repository comes from in one check."""

    command: str
    name: str
    place: Path
    distributions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Start:
    """One call of Python in a check: what comes before it in the shell, the program, its options, and how it finds code."""

    before: str
    program: str
    options: tuple[str, ...] = field(default=())
    here: bool = False  # the folder it runs in comes first
    pytest: bool = False
    script: str | None = None  # a file of the repository, whose folder comes first


def origins(
    check: str, folder: Path, files: Sequence[str], env: Mapping[str, str], stop: Callable[[], bool], wrap: Wrap = list
) -> list[Origin]:
    """What the repository's top-level names come to in a check; those that Python does not find are left out.

    ``files``: the tracked files. Programs that cannot be asked are left out as well.
    """
    wanted = names(files)
    found: list[Origin] = []
    for start in _starts(check, folder, env, stop, wrap) if wanted else []:
        first = _pytest_folders(folder, files) if start.pytest else []
        first += [str((folder / start.script).parent)] if start.script else []
        asked = {"names": wanted, "first": first, "here": start.here, "cwd": str(folder), "mark": _MARK}
        words = [start.program, *start.options, "-c", _PROBE, json.dumps(asked)]
        outcome = run_command(f"{start.before}{shlex.join(words)}", folder, env, _LIMIT_S, stop, wrap=wrap)
        line = next((ln for ln in reversed(outcome.output.splitlines()) if ln.startswith(_MARK)), None)
        with suppress(ValueError, KeyError, TypeError):
            told = json.loads((line or "").removeprefix(_MARK))
            for name, about in told.items():
                dists = tuple(str(d) for d in about["dists"])
                found += [Origin(check, name, folder / place, dists) for place in about["places"]]
    return found


def starts_python(check: str) -> bool:
    """Whether a check itself calls Python, or a runner of its tests."""
    programs = (_program_of(part.split()) for part in re.split(r"&&|\|\||[;|\n]", check))
    names = (PurePosixPath(words[0]).name for words in programs if words)
    return any(_PYTHON.fullmatch(name) or name in _RUNNERS for name in names)


def _starts(check: str, folder: Path, env: Mapping[str, str], stop: Callable[[], bool], wrap: Wrap) -> Iterator[_Start]:
    if _INSTALLS.search(check):
        return  # it brings the code of the moment itself
    before: list[str] = []
    for part in re.split(r"&&|\|\||[;|\n]", check):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            continue
        given = [word for word in words if _ASSIGNMENT.match(word)]
        words = _program_of(words)
        if not words:
            before += [f"export {shlex.join(given)}"] if given else []
        elif words[0] in _BUILTINS:
            before.append(part.strip().strip("()"))
        else:
            shell = "".join(f"{line} >/dev/null && " for line in before)
            if given:
                shell += f"export {' '.join(_quoted(word) for word in given)} && "
            start = _start(words, shell, folder, env, stop, wrap)
            if start is not None:
                yield start


def _quoted(assignment: str) -> str:
    name, _, value = assignment.partition("=")
    return f'{name}="{value}"' if re.fullmatch(r"[\w./:$~{}-]*", value) else shlex.quote(assignment)


def _program_of(words: list[str]) -> list[str]:
    while words and (_ASSIGNMENT.match(words[0]) or words[0].strip("({") in _PASSED or words[0] in ("(", "{", "!")):
        words = words[1:]
    return [words[0].lstrip("("), *words[1:]] if words else []


def _start(
    words: list[str], shell: str, folder: Path, env: Mapping[str, str], stop: Callable[[], bool], wrap: Wrap = list
) -> _Start | None:
    name = PurePosixPath(words[0]).name
    if _PYTHON.fullmatch(name):
        options = _options(words[1:])
        rest = words[1 + len(options) :]
        if rest[:1] == ["-m"] and len(rest) > 1 and rest[1].partition(".")[0] not in _APART:
            safe = any(option in ("-I", "-P", "-IP", "-PI") for option in options)
            inner = rest[rest.index("-m", 1) + 1] if rest[1] == "coverage" and "-m" in rest[1:] else rest[1]
            return _Start(shell, words[0], tuple(options), not safe, inner in ("pytest", "py.test"))
        if rest and rest[0].endswith(".py"):
            return _Start(shell, words[0], tuple(options), script=rest[0])
        return None
    if name not in _RUNNERS:
        return None
    interpreter = _behind(words[0], shell, folder, env, stop, wrap)
    if interpreter is None:
        return None
    inner = words[words.index("-m") + 1] if name == "coverage" and "-m" in words[:-1] else name
    return _Start(shell, interpreter, (), name == "coverage", inner in ("pytest", "py.test"))


def _options(words: Sequence[str]) -> list[str]:
    """The options of Python itself, up to ``-m``; one with a value of its own ends the list."""
    found = []
    for word in words:
        if word == "-m" or not re.fullmatch(r"-[bBdEhiIOPqsSuvx]+", word):
            break
        found.append(word)
    return found


def _behind(
    program: str, shell: str, folder: Path, env: Mapping[str, str], stop: Callable[[], bool], wrap: Wrap
) -> str | None:
    """The interpreter that a script of an environment names; else the Python beside it."""
    outcome = run_command(f"{shell}command -v {shlex.quote(program)}", folder, env, _LIMIT_S, stop, wrap=wrap)
    lines = outcome.output.strip().splitlines()
    if not outcome.passed or not lines:
        return None
    place = folder / lines[-1]
    try:
        head = untrusted.head(place, 2000, follow=True).decode("utf-8", "replace")
    except OSError:
        return None
    named = re.match(r"#!\s*(\S*(?:python|pypy)[\d.]*)\s*(?:-\S+)?$", head, re.MULTILINE)
    named = named or re.search(r"^'''exec' \"?(/[^\"\n]*?)\"? \"\$0\"", head, re.MULTILINE)
    if named:
        return named[1]
    beside = next((place.parent / name for name in ("python", "python3") if (place.parent / name).exists()), None)
    return str(beside) if beside else None


def names(files: Sequence[str]) -> list[str]:
    """What can be imported from the repository, by its first name."""
    packages = {str(PurePosixPath(name).parent) for name in files if name.endswith("/__init__.py")}
    found: dict[str, None] = {}
    for package in sorted(packages, key=len):
        if str(PurePosixPath(package).parent) not in packages and not _NOT_CODE.intersection(package.split("/")):
            found[PurePosixPath(package).name] = None
    for name in files:
        parts = PurePosixPath(name).parts
        if not name.endswith((".py", ".pyx", ".rs", ".c", ".cpp")) or _NOT_CODE.intersection(parts):
            continue
        if len(parts) == 1 and name.endswith(".py"):
            found[parts[0].removesuffix(".py")] = None
        elif len(parts) > 1 and parts[0] == "src":
            found[parts[1].removesuffix(".py") if len(parts) == 2 else parts[1]] = None
    wanted = [name for name in found if name.isidentifier() and name not in _NOT_CODE and not name.startswith("test_")]
    return wanted[:_MOST_NAMES]


def _pytest_folders(folder: Path, files: Sequence[str]) -> list[str]:
    """What pytest puts before all else: ``pythonpath``, and the folders that its test files are imported from."""
    settings = _pytest_settings(folder)
    first = [str(folder / path) for path in settings.get("pythonpath", "").split()]
    if re.search(r"import[-_]mode[= ]+importlib", settings.get("addopts", "")):
        return first
    packages = {str(PurePosixPath(name).parent) for name in files if PurePosixPath(name).name == "__init__.py"}
    for name in files:
        at = PurePosixPath(name)
        if _TEST.fullmatch(at.name):
            parent = at.parent
            while str(parent) in packages and str(parent) != ".":
                parent = parent.parent
            first.append(str(folder / parent))
    return list(dict.fromkeys(first))


def _pytest_settings(folder: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        tool = tomllib.loads(untrusted.text(folder / "pyproject.toml", follow=folder)).get("tool", {}).get("pytest", {})
        found = tool.get("ini_options") or {}
        if found:
            return {k: " ".join(map(str, v)) if isinstance(v, list) else str(v) for k, v in found.items()}
    for name, section in (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        parser = configparser.ConfigParser(interpolation=None)
        with suppress(OSError, configparser.Error, UnicodeError):
            parser.read_string(untrusted.text(folder / name, follow=folder))
            if parser.has_section(section):
                return dict(parser[section])
    return {}
