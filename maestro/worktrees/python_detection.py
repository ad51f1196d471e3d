"""How a Python project's tests are made to run: where its manifests name the runner, and what installs that."""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from typing import Any

from maestro.worktrees import poetry_requirements
from maestro.worktrees.manifests import Manifests, package_name, table

#: Names of extras and groups that hold what tests need, the likeliest first.
_TEST_NAMES = ("tests", "test", "testing", "dev", "develop", "development", "all")
_VENV = "python3 -m venv .venv && echo '*' > .venv/.gitignore"
_PIP = ".venv/bin/python -m pip install"
_PYTEST_SETTINGS = re.compile(r"^\[(tool\.pytest|tool:pytest|pytest)\b", re.MULTILINE)
_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py")
_LISTED = re.compile(
    r"(requirements[^/]*|[^/]*requirements)\.txt|requirements/[^/]+\.txt|(?:tests?|testing)/(?:requirements[^/]*|requirements/[^/]+)\.txt"
)
_FOR_TESTS = re.compile(r"(test|dev)", re.IGNORECASE)
_OF_TESTS = re.compile(
    r"(?:tests?|testing)/requirements\.txt|requirements[-_/]tests?(?:ing)?\.txt|tests?[-_]requirements\.txt"
)
_NOT_FOR_TESTS = re.compile(r"(docs?|lint|types?|typing|mypy|build|release|bench\w*)[^/]*\.txt$", re.IGNORECASE)

#: What runs a manager's environment, and how it is asked for groups and extras beside the default ones.
_MANAGERS = {
    "uv": ("uv run python", "--group", "--extra"),
    "poetry": ("poetry run python", "--with", "--extras"),
    "pdm": ("pdm run python", "-G", "-G"),
    "pipenv": ("pipenv run python", "", ""),
}


@dataclass(frozen=True, slots=True)
class PythonPlan:
    """The set-up (None: nothing to install), the files it rests on, the check (None: no tests seen) and its program."""

    setup: str | None
    rests_on: list[str]
    check: str | None
    tool: str | None


def is_python(at: Manifests) -> bool:
    """Whether a folder is a Python project, and does not merely hold a script of it."""
    return at.has("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py", "pytest.ini", "Pipfile") or any(
        _LISTED.fullmatch(name) for name in at.files()
    )


def runner(at: Manifests) -> str | None:
    """``pytest``, ``unittest`` or ``trial``; None where no tests are seen."""
    names = {posixpath.basename(path) for path in at.files()}
    settings = "\n".join(at.text(name) for name in ("pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini"))
    if _PYTEST_SETTINGS.search(settings) or names & {"pytest.ini", "conftest.py"} or _names_pytest(at):
        return "pytest"
    tests = [path for path in at.files() if _TEST_FILE.fullmatch(posixpath.basename(path))]
    if not tests:
        return None
    if any(re.search(r"^\s*(import|from) pytest\b", at.text(path), re.MULTILINE) for path in tests[:20]):
        return "pytest"
    if any("twisted.trial" in at.text(path) for path in tests[:20]):
        return "trial"
    return "unittest" if any("unittest" in at.text(path) for path in tests[:20]) else "pytest"


def words(at: Manifests) -> str | None:
    """What Python is told so that the tests run; None where no tests are seen."""
    which = runner(at)
    if which == "unittest":
        return _discovery(at)
    if which == "trial":
        tests = [path for path in at.files() if _TEST_FILE.fullmatch(posixpath.basename(path))]
        packages = sorted({path.split("/")[0] for path in tests if at.has(f"{path.split('/')[0]}/__init__.py")})
        return f"-m twisted.trial {' '.join(map(shlex.quote, packages or tests[:20]))}"
    return "-m pytest -q" if which else None


def _discovery(at: Manifests) -> str:
    """How unittest finds most of the tests: it looks into packages only, and for files that begin with ``test``."""
    starts = Counter(_importable_from(at, path) for path in at.files() if _is_unittests(path))
    if not starts:
        return "-m unittest discover -p '*_test.py'"
    start, _ = max(starts.items(), key=lambda one: (one[1], one[0] == ""))
    return f"-m unittest discover -s {shlex.quote(start)}" if start else "-m unittest"


def _is_unittests(path: str) -> bool:
    return re.fullmatch(r"test.*\.py", posixpath.basename(path)) is not None


def _importable_from(at: Manifests, path: str) -> str:
    """The folder above all packages that a module lies in."""
    folder = posixpath.dirname(path)
    while folder and at.has(f"{folder}/__init__.py"):
        folder = posixpath.dirname(folder)
    return folder


def sync_options(at: Manifests, tool: str) -> str:
    """What a manager's install command has to be told so that pytest comes along; "" when it comes by default."""
    _, group, extra = _MANAGERS[tool]
    if runner(at) != "pytest" or not group:
        return ""
    data = at.toml("pyproject.toml")
    groups = _groups(data, tool)
    default = {"dev", *_strings(table(data, "tool", "uv").get("default-groups"))} if tool == "uv" else set()
    if tool in {"poetry", "pdm"}:
        default = {name for name in groups if not table(data, "tool", "poetry", "group", name).get("optional")}
    always = [*_strings(table(data, "project").get("dependencies")), *_poetry_main(data)]
    if _has_pytest(always) or any(_has_pytest(groups.get(name, [])) for name in default):
        return ""
    if name := _holding_pytest(groups):
        return f" {group} {shlex.quote(name)}"
    if name := _holding_pytest(_extras(at, data)):
        return f" {extra} {shlex.quote(name)}"
    return " --all-packages" if tool == "uv" and _locked(at) and table(data, "tool", "uv", "workspace") else ""


def plan(at: Manifests, tool: str | None) -> PythonPlan:
    """Set-up and check of a Python project. ``tool``: its manager, whose set-up is known already, or None."""
    which, told = runner(at), words(at)
    if tool is not None:
        return PythonPlan(None, [], f"{_started(at, tool, which)} {told}" if told else None, tool)
    wanted, rests_on = _wanted(at, which)
    if which == "pytest" and not wanted and (other := _tox_or_nox(at)):
        return other
    if not wanted and which == "pytest" and rests_on:
        wanted = ["pytest"]
    if wanted:
        setup = f"{_VENV} && {_pip(wanted)}"
        return PythonPlan(setup, rests_on, f".venv/bin/python {told}" if told else None, None)
    return PythonPlan(None, [], f"python {told}" if told else None, "python")


def _started(at: Manifests, tool: str, which: str | None) -> str:
    """How Python starts in a manager's environment; with pytest beside it where nothing of the project installs that."""
    if tool == "uv" and which == "pytest" and not _names_pytest(at) and not _locked(at):
        return "uv run --with pytest python"
    return _MANAGERS[tool][0]


def _locked(at: Manifests) -> bool:
    return 'name = "pytest"' in at.text("uv.lock")


def _pip(wanted: list[str]) -> str:
    # The pip of a new environment may be too old to know dependency groups (25.1).
    newer = f"{_PIP} --upgrade pip && " if "--group" in " ".join(wanted) else ""
    return f"{newer}{_PIP} {' '.join(wanted)}"


def _wanted(at: Manifests, which: str | None) -> tuple[list[str], list[str]]:
    """pip's arguments, and the files they come from."""
    data = at.toml("pyproject.toml")
    wanted: list[str] = []
    rests_on: list[str] = []
    held = False
    if {"project", "build-system"} & data.keys() or _poetry_main(data) or at.has("setup.py"):
        rests_on.append("pyproject.toml" if at.has("pyproject.toml") else "setup.py")
        extra = _of_tests(_extras(at, data), which)
        group = _of_tests(_groups(data, "pip"), which) if extra is None else None
        managers = _of_managers(data) if which == "pytest" and not (extra or group) else []
        if _is_package(data):
            wanted += ["-e", shlex.quote(f".[{extra}]")] if extra else ["-e", "."]
        else:
            wanted += map(shlex.quote, [*_main(data), *(_extras(at, data)[extra] if extra else [])])
        wanted += ["--group", shlex.quote(group)] if group else map(shlex.quote, managers)
        held = bool(extra or group or managers) or _has_pytest(_strings(table(data, "project").get("dependencies")))
    listed = _requirement_files(at, all_of_them=not rests_on, with_runner=not held)
    for name in listed:
        wanted += ["-r", shlex.quote(name)]
        rests_on.append(name)
        held = held or _has_pytest(at.text(name).splitlines())
    if wanted and not held:
        wanted += _tox_needs(at, which) or {"pytest": ["pytest"], "trial": ["twisted"]}.get(which or "", [])
    return wanted, rests_on


def pip_can(at: Manifests) -> bool:
    """Whether pip finds all that a project asks for; of uv's own sources of packages it knows nothing."""
    sources = table(at.toml("pyproject.toml"), "tool", "uv", "sources").values()
    return not any(isinstance(one, dict) and {"workspace", "path", "git", "url"} & one.keys() for one in sources)


def _is_package(data: dict[str, Any]) -> bool:
    """Whether the project itself can be installed, and is not a mere list of what others need."""
    ways = (table(data, "tool", "poetry").get("package-mode"), table(data, "tool", "uv").get("package"))
    return False not in ways


def _main(data: dict[str, Any]) -> list[str]:
    told = _strings(table(data, "project").get("dependencies"))
    return told or poetry_requirements.requirements(table(data, "tool", "poetry", "dependencies"))


def _of_managers(data: dict[str, Any]) -> list[str]:
    """The requirements of the group that brings pytest, where only Poetry, PDM or uv know of it."""
    tool = table(data, "tool")
    poetry = {name: table(one, "dependencies") for name, one in table(tool, "poetry", "group").items()}
    poetry["dev"] = poetry.get("dev", {}) | table(tool, "poetry", "dev-dependencies")
    groups = {name: poetry_requirements.requirements(of) for name, of in poetry.items()}
    groups |= {name: _strings(of) for name, of in table(tool, "pdm", "dev-dependencies").items()}
    if told := _strings(table(tool, "uv").get("dev-dependencies")):
        groups["dev"] = told
    name = _holding_pytest(groups)
    return groups[name] if name else []


def _requirement_files(at: Manifests, *, all_of_them: bool, with_runner: bool) -> list[str]:
    """Those to install; beside a package only what its tests need, since the package names the rest itself.

    ``with_runner``: whether nothing else brings pytest.
    """
    found = sorted(
        (name for name in at.files() if _LISTED.fullmatch(name) and not _NOT_FOR_TESTS.search(name)),
        key=lambda name: (name != "requirements.txt", name),
    )
    if all_of_them:
        return found
    with_pytest = [name for name in found if _has_pytest(at.text(name).splitlines())]
    chosen = ([name for name in with_pytest if _FOR_TESTS.search(name)][:1] or with_pytest[:1]) if with_runner else []
    return [*chosen, *(name for name in found if _OF_TESTS.fullmatch(name) and name not in chosen)]


def _tox_needs(at: Manifests, which: str | None) -> list[str]:
    """What tox installs beside the package, in all its environments; of pytest's tests only where that brings pytest."""
    if which is None:
        return []
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        legacy = table(at.toml("pyproject.toml"), "tool", "tox").get("legacy_tox_ini")
        settings.read_string(at.text("tox.ini") or (legacy if isinstance(legacy, str) else ""))
    except configparser.Error:
        return []
    told = settings.get("testenv", "deps", fallback="")
    told = re.sub(r"\{\[([\w:.-]+)\]deps\}", lambda m: settings.get(m[1], "deps", fallback=""), told)
    listed = told.split("\n")
    plain = [
        line.strip()
        for line in listed
        if re.fullmatch(r"[\w.\-]+(?:\[[\w,\- ]+\])?(?:\s*[<>=!~][\w.*<>=!~, ]*)?", line.strip())
    ]
    return [shlex.quote(one) for one in plain] if which != "pytest" or _has_pytest(plain) else []


def _tox_or_nox(at: Manifests) -> PythonPlan | None:
    """A project whose tests only tox or nox know how to install for; these are put into an environment of their own."""
    if at.has("tox.ini") or table(at.toml("pyproject.toml"), "tool", "tox"):
        rests_on = ["tox.ini" if at.has("tox.ini") else "pyproject.toml"]
        return PythonPlan(f"{_VENV} && {_PIP} tox", rests_on, ".venv/bin/tox -e py", None)
    names = re.findall(
        r"@nox\.session(?:\([^)]*\))?\s+(?:@\S+\s+)*def (\w+)\(|@session(?:\([^)]*\))?\s+def (\w+)\(",
        at.text("noxfile.py"),
    )
    tests = next((a or b for a, b in names if "test" in (a or b)), None)
    if tests is None:
        return None
    check = f".venv/bin/nox --no-error-on-missing-interpreters -s {tests}"
    return PythonPlan(f"{_VENV} && {_PIP} nox", ["noxfile.py"], check, None)


def _names_pytest(at: Manifests) -> bool:
    data = at.toml("pyproject.toml")
    named = [*_groups(data, "pip").values(), *_groups(data, "poetry").values(), *_extras(at, data).values()]
    named.append(_strings(table(data, "project").get("dependencies")))
    named += [at.text(name).splitlines() for name in at.files() if _LISTED.fullmatch(name)]
    runs_it = re.search(r"^\s*(commands|deps)\b[^\[]*\bpytest\b", at.text("tox.ini"), re.MULTILINE)
    return any(_has_pytest(one) for one in named) or runs_it is not None or "pytest" in at.text("noxfile.py")


def _groups(data: dict[str, Any], tool: str) -> dict[str, list[str]]:
    """Requirements by group, what a group includes of others among them."""
    groups = {name: _strings(of) for name, of in table(data, "dependency-groups").items()}
    for name, of in table(data, "dependency-groups").items():
        for entry in of if isinstance(of, list) else []:
            other = entry.get("include-group") if isinstance(entry, dict) else None
            groups[name] += groups.get(other, []) if isinstance(other, str) and other != name else []
    if tool == "poetry":
        for name in table(data, "tool", "poetry", "group"):
            groups[name] = [*table(data, "tool", "poetry", "group", name, "dependencies")]
        groups.setdefault("dev", []).extend(table(data, "tool", "poetry", "dev-dependencies"))
    if tool == "pdm":
        groups |= {name: _strings(of) for name, of in table(data, "tool", "pdm", "dev-dependencies").items()}
    if tool == "uv":
        groups.setdefault("dev", []).extend(_strings(table(data, "tool", "uv").get("dev-dependencies")))
    return groups


def _extras(at: Manifests, data: dict[str, Any]) -> dict[str, list[str]]:
    extras = {name: _strings(of) for name, of in table(data, "project", "optional-dependencies").items()}
    extras = extras or {name: _strings(of) for name, of in table(data, "tool", "poetry", "extras").items()}
    return extras or _of_setup_cfg(at.text("setup.cfg")) or _of_setup_py(at.text("setup.py"))


def _of_setup_cfg(text: str) -> dict[str, list[str]]:
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        settings.read_string(text)
    except configparser.Error:
        return {}
    section = "options.extras_require"
    return {name: of.split("\n") for name, of in settings.items(section)} if settings.has_section(section) else {}


def _of_setup_py(text: str) -> dict[str, list[str]]:
    """The extras that are written out where setup() is called, or in a variable; nothing runs."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    named = {t.id: n.value for n in nodes if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}

    def lists(node: ast.expr) -> list[str]:
        written = named.get(node.id, node) if isinstance(node, ast.Name) else node
        items = written.elts if isinstance(written, ast.List | ast.Tuple | ast.Set) else []
        return [i.value for i in items if isinstance(i, ast.Constant) and isinstance(i.value, str)]

    told = next((n.value for n in nodes if isinstance(n, ast.keyword) and n.arg == "extras_require"), None)
    found = named.get(told.id) if isinstance(told, ast.Name) else told
    if not isinstance(found, ast.Dict):
        return {}
    pairs = zip(found.keys, found.values, strict=True)
    return {k.value: lists(v) for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str)}


def _poetry_main(data: dict[str, Any]) -> list[str]:
    return [*table(data, "tool", "poetry", "dependencies")]


def _of_tests(groups: dict[str, list[str]], which: str | None) -> str | None:
    """The group that brings what the tests need: of pytest's that which holds it, of others by its name."""
    if which == "pytest":
        return _holding_pytest(groups)
    return next((name for name in _TEST_NAMES[:3] if groups.get(name)), None) if which else None


def _holding_pytest(groups: dict[str, list[str]]) -> str | None:
    """The group that brings pytest, the one named like tests first."""
    holding = [name for name, of in groups.items() if _has_pytest(of) and re.fullmatch(r"[\w.-]+", name)]
    return min(holding, key=lambda n: _TEST_NAMES.index(n.lower()) if n.lower() in _TEST_NAMES else 99, default=None)


def _has_pytest(requirements: list[str]) -> bool:
    return any(package_name(one) == "pytest" for one in requirements)


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
