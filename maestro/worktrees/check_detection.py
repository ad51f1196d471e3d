"""Commands that probably run a repository's tests: a guess from its tracked files, offered and never used unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from maestro.worktrees import python_detection
from maestro.worktrees.manifests import Manifests, table

#: Folder that a build made by Maestro's offer goes to.
BUILD = "build"
_TASKFILES = ("Taskfile.yml", "taskfile.yml", "Taskfile.yaml", "taskfile.yaml", "Taskfile.dist.yml")
_MISE = ("mise.toml", ".mise.toml", ".config/mise.toml", "mise/config.toml", ".mise/config.toml")
_MISE_FILES = ("mise-tasks/test", ".mise-tasks/test", ".mise/tasks/test", "mise/tasks/test", ".config/mise/tasks/test")
_WRAPPERS = ("make test", "make tests", "make check", "just test", "task test", "mise run test")


def suggest_checks(repo: Path, commit: str) -> list[str]:
    """The root's checks, as they are run in the user's own checkout; to be shown as hints."""
    at = Manifests.of(repo, commit)
    words = python_detection.words(at) if speaks_python(at) else None
    return [*([f"python {words}"] if words else []), *checks(at)]


def speaks_python(at: Manifests) -> bool:
    """Whether Python tests in a folder are its own: a script named like one says little beside Cargo.toml."""
    others = at.has("Cargo.toml", "go.mod", "package.json", "pom.xml", "build.gradle", "CMakeLists.txt", "Gemfile")
    return python_detection.is_python(at) or not others


def checks(at: Manifests) -> list[str]:
    """Checks of a folder in all languages but Python, the language's own tools before a Makefile."""
    found = [*_node(at), *_java(at), *_others(at)]
    targets = re.findall(r"^(test|tests|check)\s*:(?!=)", _makefile(at), re.MULTILINE)
    found += [f"make {target}" for target in sorted(targets, key=("test", "tests", "check").index)[:1]]
    if re.search(r"^test( [^:=]*)?:(?!=)", at.text("justfile"), re.MULTILINE):
        found.append("just test")
    if any(re.search(r"^  test:", at.text(name), re.MULTILINE) for name in _TASKFILES):
        found.append("task test")
    if any("test" in table(at.toml(name), "tasks") for name in _MISE) or at.has(*_MISE_FILES):
        found.append("mise run test")
    return found


def _makefile(at: Manifests) -> str:
    return "\n".join(at.text(name) for name in ("GNUmakefile", "makefile", "Makefile"))


def is_wrapper(check: str) -> bool:
    """Whether a check probably runs what another one runs as well."""
    return check.endswith(_WRAPPERS) or "gradle" in check


def _node(at: Manifests) -> Iterator[str]:
    package = at.json("package.json")
    manager = node_manager(at)
    script = table(package, "scripts").get("test")
    if isinstance(script, str) and script.strip() and "no test specified" not in script:
        yield "bun run test" if manager == "bun" else f"{manager} test"
    elif package.get("workspaces") and manager == "npm":
        yield "npm test --workspaces --if-present"
    elif at.has("pnpm-workspace.yaml"):
        yield "pnpm -r test"
    elif manager == "bun" and any(re.search(r"[._](test|spec)\.[jt]sx?$", path) for path in at.files()):
        yield "bun test"
    if at.has("deno.json", "deno.jsonc") and not package:
        yield "deno test"


def node_manager(at: Manifests) -> str:
    """The program that a folder's package.json is used with: by its lock file, else by what it names itself."""
    for name, locks in (
        ("pnpm", ("pnpm-lock.yaml",)),
        ("bun", ("bun.lock", "bun.lockb")),
        ("yarn", ("yarn.lock",)),
        ("npm", ("package-lock.json", "npm-shrinkwrap.json")),
    ):
        if at.has(*locks):
            return name
    named = at.json("package.json").get("packageManager")
    name = named.partition("@")[0] if isinstance(named, str) else ""
    if name in {"pnpm", "bun", "yarn", "npm"}:
        return name
    own = (("pnpm", "pnpm-workspace.yaml"), ("yarn", ".yarnrc.yml"), ("bun", "bunfig.toml"))
    return next((manager for manager, settings in own if at.has(settings)), "npm")


def _java(at: Manifests) -> Iterator[str]:
    if at.has("pom.xml"):
        yield "sh ./mvnw -B test" if at.has("mvnw") else "mvn -B test"
    if at.has("build.gradle", "build.gradle.kts"):
        yield "sh ./gradlew test" if at.has("gradlew") else "gradle test"


def _others(at: Manifests) -> Iterator[str]:
    if at.has("Cargo.toml"):
        yield (
            "cargo test --workspace"
            if re.search(r"^\[workspace\]", at.text("Cargo.toml"), re.MULTILINE)
            else "cargo test"
        )
    if at.has("go.mod"):
        yield "go test ./..."
    if has_ctest(at):
        yield f"cmake --build {BUILD} && ctest --test-dir {BUILD} --output-on-failure"
    if at.has(".rspec") or any(path.startswith("spec/") and path.endswith("_spec.rb") for path in at.files()):
        yield "bundle exec rspec" if at.has("Gemfile.lock", "Gemfile") else "rspec"
    elif at.has("Rakefile") and "test" in at.text("Rakefile").lower():
        yield "bundle exec rake test" if at.has("Gemfile.lock", "Gemfile") else "rake test"
    if at.has("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"):
        yield "vendor/bin/phpunit" if at.has("composer.json") else "phpunit"
    if is_perl(at):
        yield "prove -lr t"
    if at.has("mix.exs"):
        yield "mix test"
    if any(re.fullmatch(r"[^/]+\.(sln|slnx|csproj|fsproj)", path) for path in at.files()):
        yield "dotnet test"
    if at.has("Package.swift"):
        yield "swift test"


def is_perl(at: Manifests) -> bool:
    """Whether a folder holds tests of Perl's that run without a build."""
    files = at.files()
    return any(re.fullmatch(r"t/.*\.t", path) for path in files) and not any(path.endswith(".xs") for path in files)


def has_ctest(at: Manifests) -> bool:
    """Whether a folder's CMake project has tests that ctest runs."""
    words = re.compile(r"\b(enable_testing|add_test|include\s*\(\s*CTest)\b", re.IGNORECASE)
    lists = [p for p in at.files() if p == "CMakeLists.txt" or p.endswith("/CMakeLists.txt")][:30]
    return at.has("CMakeLists.txt") and any(words.search(at.text(path)) for path in lists)
