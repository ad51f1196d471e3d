"""What worktrees of a repository need to be of use, found by looking: set-up commands, files to copy, checks.

Only names and a few small files are read, at a commit and (for what git ignores) in the user's checkout: in the root, one
folder deep, and two in folders of packages. Nothing of the repository runs, and nothing found is used before a user says so.
"""

from __future__ import annotations

import re
import shlex
import shutil
import stat
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from maestro.worktrees import check_detection, fetched_managers, python_detection, version_managers
from maestro.worktrees.git import git
from maestro.worktrees.manifests import Manifests, table
from maestro.worktrees.stand_ins import stand_ins

Kind = Literal["setup", "copy_files", "checks", "pass_env"]

_SMALL_BYTES = 256_000
_LOOKED_INTO = 200  # folders
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

#: Folders that hold packages: looked into one level deeper.
_OF_PACKAGES = frozenset(["packages", "apps", "crates", "services", "libs", "projects", "modules"])

#: What installs a package.json's dependencies where no lock file says which; none writes one, it would be work.
_WITHOUT_LOCK = {
    "npm": "npm install --no-package-lock --no-audit --no-fund",
    "pnpm": "pnpm install --no-lockfile",
    "yarn": "yarn install --no-lockfile",
    "bun": "bun install --no-save",
}
#: The same of other languages: what names dependencies, the lock file that its tool writes, the command, the tool, and
#: how the checks begin that need it; without such a check the file may be there for something else than the project.
_OTHERS_WITHOUT_LOCK = (
    ("Gemfile", "Gemfile.lock", "bundle install", "bundle", "bundle exec "),
    ("composer.json", "composer.lock", "composer install --no-interaction", "composer", "vendor/bin/"),
)
_PYTHON_TOOLS = frozenset({"uv", "poetry", "pdm", "pipenv"})
_NODE_TOOLS = frozenset({"npm", "pnpm", "yarn", "bun"})
_NODE_TRADE = _NODE_TOOLS | {"npx", "node"}
#: Folders that hold the tests of the project above them.
_OF_TESTS = frozenset({"test", "tests", "testing", "spec", "specs"})

#: Why a check is offered: how it begins, the file it comes from, what is said of that.
_THERE = "{} is in the repository"
_SCRIPT = "{} has a script test"
_WHY_CHECK = (
    ("cargo", ("Cargo.toml",), _THERE),
    ("go ", ("go.mod",), _THERE),
    ("make", ("Makefile", "makefile", "GNUmakefile"), "{} has a target for tests"),
    ("just", ("justfile",), "{} has a recipe test"),
    ("task", ("Taskfile.yml", "taskfile.yml", "Taskfile.yaml", "taskfile.yaml"), "{} has a task test"),
    ("mise", ("mise.toml", ".mise.toml"), "{} has a task test"),
    ("prove", ("cpanfile", "Makefile.PL", "Build.PL", "dist.ini"), "The tests are Perl’s, and {} is in the repository"),
    ("cmake", ("CMakeLists.txt",), "{} names tests for ctest"),
    ("mvn", ("pom.xml",), _THERE),
    ("sh ./mvnw", ("pom.xml",), _THERE),
    ("gradle", ("build.gradle", "build.gradle.kts"), _THERE),
    ("sh ./gradlew", ("build.gradle", "build.gradle.kts"), _THERE),
    ("npm test --workspaces", ("package.json",), "{} names workspaces"),
    ("npm", ("package.json",), _SCRIPT),
    ("pnpm -r", ("pnpm-workspace.yaml",), _THERE),
    ("pnpm", ("package.json",), _SCRIPT),
    ("yarn", ("package.json",), _SCRIPT),
    ("bun run", ("package.json",), _SCRIPT),
    ("bun ", ("package.json",), "The tests are Bun’s"),
    ("bundle", ("Gemfile",), "Its tests are Ruby’s, and {} is in the repository"),
    ("rake", ("Rakefile",), "{} mentions tests"),
    ("rspec", (".rspec",), _THERE),
    ("deno", ("deno.json", "deno.jsonc"), _THERE),
    ("vendor/bin/phpunit", ("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"), _THERE),
    ("phpunit", ("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"), _THERE),
    ("mix", ("mix.exs",), _THERE),
    ("swift", ("Package.swift",), _THERE),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One thing worktrees probably need: a command, or for ``copy_files`` a gitignore-style pattern."""

    kind: Kind
    value: str
    reason: str
    tool: str | None = None  # the program a command starts with
    tool_there: bool = True  # whether that is on PATH
    second: bool = False  # another one of the same trade comes before it


@dataclass(frozen=True, slots=True)
class _Folder:
    name: str  # "" for the root
    files: frozenset[str]
    folders: tuple[str, ...] = ()  # paths of those directly in it

    def path(self, file: str) -> str:
        return f"{self.name}/{file}" if self.name else file

    def command(self, command: str) -> str:
        return f"cd {shlex.quote(self.name)} && {command}" if self.name else command


def detect(repo: Path, commit: str) -> list[Found]:
    """Everything found at ``commit`` and in the checkout ``repo``: commands first, then files, then checks."""
    root = Manifests.of(repo, commit)
    folders = _folders(repo, commit)
    setup: list[Found] = []
    checks: list[Found] = []
    for folder in folders:
        at = root.below(folder.name)
        own, check = _folder(at, folder, setup)
        if folder.name and not check:  # a website, a benchmark: no check needs what it installs
            own = [replace(f, second=f.second or _same_trade(f, setup)) for f in own]
        setup += own
        if not folder.name or own or not _root_speaks(root, at):
            checks += check
    found = [*setup, *_ignored(repo, folders), *checks]
    return [replace(f, tool_there=f.tool is None or shutil.which(f.tool) is not None) for f in found]


def _folder(at: Manifests, folder: _Folder, before: list[Found]) -> tuple[list[Found], list[Found]]:
    """Set-up and checks of one folder. ``before``: the set-up found in folders above, which covers those below."""
    locks = _by_locks(at, folder)
    manager = next((f.tool for f in [*before, *locks] if f.tool in _PYTHON_TOOLS), None)
    setup, checks = list(locks), []
    trusts = [Found("setup", trust.command, trust.reason, trust.tool) for trust in version_managers.detect(at)]
    if check_detection.speaks_python(at) and not _is_of_tests(at):
        plan = python_detection.plan(at, manager)
        if plan.setup:
            reason = (
                f"{', '.join(at.path(name) for name in plan.rests_on)} {'is' if len(plan.rests_on) == 1 else 'are'}"
            )
            words = f"{reason} in the repository, without a lock file"
            setup.insert(0, Found("setup", at.command(plan.setup), words, "python3"))
        if plan.check:
            command, tool = plan.check, plan.tool
            if tool == "python" and shutil.which("python") is None:
                command, tool = command.replace("python", "python3", 1), "python3"
            checks.append(Found("checks", at.command(command), _why_python(at, command), tool))
    others = check_detection.checks(at)
    unlocked = _without_lock(at, [*before, *locks])
    setup += [*unlocked, *_others_without_lock(at, [*before, *locks], others), *_build(at, before)]
    for check in others:
        doubled = check_detection.is_wrapper(check) and bool(checks)
        checks.append(Found("checks", at.command(check), _why(at, check), _program(check), second=doubled))
    more, more_checks = stand_ins(at, _by_tool(at, [*locks, *unlocked]), others)
    setup += [Found("setup", at.command(s.command), s.reason, s.tool) for s in more]
    checks += [Found("checks", at.command(s.command), s.reason, s.tool) for s in more_checks]
    return [*trusts, *setup], checks


def _by_tool(at: Manifests, setup: list[Found]) -> dict[str, str]:
    """By tool, the first command of it as it is run in the folder itself."""
    return {f.tool: f.value.removeprefix(at.command("")) for f in reversed(setup) if f.tool}


def _is_of_tests(at: Manifests) -> bool:
    """Whether a folder holds what the tests of the project above it need, and is none of its own."""
    above, _, name = at.folder.rpartition("/")
    # A file of settings may be a linter's only.
    settings = f"{at.text('setup.cfg')}\n{at.text('tox.ini')}"
    installs = re.search(r"^\[(metadata|options|tox|testenv)\b", settings, re.MULTILINE) is not None
    own = installs or at.has("pyproject.toml", "setup.py", "noxfile.py", "Pipfile")
    return name in _OF_TESTS and not own and python_detection.is_python(at.below(above))


def _same_trade(one: Found, before: list[Found]) -> bool:
    """Whether folders above install with a tool of the same language."""
    trade = next((tools for tools in (_NODE_TRADE, _PYTHON_TOOLS | {"python3"}) if one.tool in tools), {one.tool})
    return any(f.tool in trade for f in before)


def _root_speaks(root: Manifests, at: Manifests) -> bool:
    """Whether the root's own checks are likely to run those of a folder below it: both have the same manifest."""
    if at.has("package.json") and root.has("pnpm-workspace.yaml"):
        return True
    names = ("pyproject.toml", "package.json", "Cargo.toml", "go.mod", "pom.xml", "build.gradle", "CMakeLists.txt")
    return any(at.has(name) and root.has(name) for name in names) or not any(at.has(name) for name in names)


def _why_python(at: Manifests, command: str) -> str:
    where = f" in {at.folder}" if at.folder else ""
    for word, reason in (
        ("pytest", f"The tests{where} are pytest’s"),
        ("tox", f"tox runs the tests{where}"),
        ("nox", f"nox runs the tests{where}"),
        ("trial", f"The tests{where} are trial’s"),
    ):
        if word in command:
            return reason
    return f"The tests{where} are unittest’s"


def _why(at: Manifests, check: str) -> str:
    for start, files, reason in _WHY_CHECK:
        named = next((file for file in files if at.has(file)), None)
        if check.startswith(start) and named:
            return reason.format(at.path(named))
    return f"Its tests are in {at.folder}" if at.folder else "Its tests are in the repository"


def _program(check: str) -> str | None:
    """The program on PATH that a check begins with; None for one of the repository's own."""
    first = check.split(" ")[0]
    if first == "sh":
        return "java"
    return None if "/" in first else first


def _without_lock(at: Manifests, found: list[Found]) -> list[Found]:
    """What installs the dependencies of a package.json that no lock file here or above covers."""
    package = at.json("package.json")
    named = any(table(package, part) for part in ("dependencies", "devDependencies", "peerDependencies"))
    if not named or any(f.tool in _NODE_TOOLS for f in found):
        return []
    manager = check_detection.node_manager(at)
    reason = f"{at.path('package.json')} names dependencies, without a lock file"
    return [Found("setup", at.command(_WITHOUT_LOCK[manager]), reason, manager)]


def _others_without_lock(at: Manifests, found: list[Found], checks: list[str]) -> list[Found]:
    """What installs the dependencies of a Gemfile or a composer.json that no lock file here or above covers."""
    offered = []
    for manifest, lock, command, tool, needed_by in _OTHERS_WITHOUT_LOCK:
        needed = any(check.startswith(needed_by) for check in checks)
        if not needed or not at.has(manifest) or any(f.tool == tool for f in found):
            continue
        if not _which_ignored(at.repo, [at.path(lock)]):
            command += f" && rm -f {lock}"  # it would be committed as work
        reason = f"{at.path(manifest)} names dependencies, without a lock file"
        offered.append(Found("setup", at.command(command), reason, tool))
    return offered


def _build(at: Manifests, before: list[Found]) -> list[Found]:
    """A first build where the checks run what has been built."""
    if not check_detection.has_ctest(at) or any(f.tool == "cmake" for f in before):
        return []
    folder = check_detection.BUILD
    # What git does not ignore would be committed as work.
    command = f"cmake -S . -B {folder} && echo '*' > {folder}/.gitignore && cmake --build {folder}"
    return [Found("setup", at.command(command), f"{at.path('CMakeLists.txt')} is in the repository", "cmake")]


def _folders(repo: Path, commit: str) -> list[_Folder]:
    entries = _tree(repo, commit)
    names = [name for kind, name in entries if kind == "tree" and _is_own(name)]
    inside = _inside(repo, commit, names)
    deeper = _inside(repo, commit, [n for parent in names if parent in _OF_PACKAGES for n in inside[parent].folders])
    root = _Folder("", frozenset(name for kind, name in entries if kind == "blob"))
    return [root, *inside.values(), *deeper.values()]


def _inside(repo: Path, commit: str, folders: list[str]) -> dict[str, _Folder]:
    """What lies directly in some folders."""
    files: dict[str, set[str]] = {name: set() for name in folders[:_LOOKED_INTO]}
    below: dict[str, list[str]] = {name: [] for name in files}
    if files:
        for kind, path in _tree(repo, commit, *(f"{name}/" for name in files)):
            folder, _, name = path.rpartition("/")
            if kind == "blob" and folder in files:
                files[folder].add(name)
            elif kind == "tree" and folder in below and _is_own(name):
                below[folder].append(path)
    return {name: _Folder(name, frozenset(files[name]), tuple(below[name])) for name in files}


def _is_own(name: str) -> bool:
    return not name.startswith((".", "-")) and name not in _PASSED_BY and name.isprintable()


def _tree(repo: Path, commit: str, *paths: str) -> list[tuple[str, str]]:
    """(type, path) of entries of a commit, of its root or directly inside the folders that ``paths`` name."""
    listed = git(repo, "ls-tree", "-z", "--full-tree", commit, "--", *paths, env=_LITERAL).fields
    return [(meta.split(" ")[1], path) for meta, _, path in (entry.partition("\t") for entry in listed)]


def _by_locks(at: Manifests, folder: _Folder) -> list[Found]:
    found: list[Found] = []
    for group in _LOCKS:
        there = [(lock, command, tool) for lock, command, tool in group if lock in folder.files]
        for number, (lock, command, tool) in enumerate(there):
            if tool == "yarn" and fetched_managers.is_later_yarn(at):
                command = "yarn install --immutable"  # the word of Yarn 2 and later
            if tool in _PYTHON_TOOLS:
                command += python_detection.sync_options(at, tool)
            reason = f"{folder.path(lock)} is in the repository"
            if any(f.value == folder.command(command) for f in found):
                continue
            found.append(Found("setup", folder.command(command), reason, tool, second=number > 0))
    return found


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
