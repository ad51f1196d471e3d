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
    # Python: builds, plugins of tools
    "toxfile.py", "hatch.toml", "hatch_build.py", "pdm_build.py", "pytest.toml", ".pytest.toml", ".coveragerc", "mypy.ini",
    ".mypy.ini", ".pylintrc", "pylintrc", ".flake8", "poetry.toml", "uv.toml", "pixi.toml", "environment.y*ml",
    # JavaScript: what tests, builds, formatters and monorepos load
    ".babelrc*", "postcss.config.*", ".postcssrc*", "tailwind.config.*", "next.config.*", "nuxt.config.*", "svelte.config.*",
    "astro.config.*", "remix.config.*", "vue.config.*", "angular.json", "tsup.config.*", "rspack.config.*", "esbuild.*",
    "prettier.config.*", ".prettierrc.*js", "stylelint.config.*", ".stylelintrc.*js", "commitlint.config.*",
    ".commitlintrc.*js", "lint-staged.config.*", ".lintstagedrc*", "vitest.workspace.*", "jest.setup.*", "jest-preset.*",
    "testem.*", ".taprc", ".nycrc*", "nyc.config.*", ".c8rc*", "jasmine.json", "yarn.config.cjs", "pnpm-workspace.yaml",
    "turbo.json*", "nx.json", "project.json", "lerna.json", "rush.json", "common/config/rush/*", ".swcrc", "deno.json*",
    # Rust, Go, Java and Scala
    "Makefile.toml", ".config/nextest.toml", "magefile.go", "magefiles/*", "*.gradle", "*.gradle.kts", "gradle.properties",
    "buildSrc/*", "lombok.config", "build.sc", "build.mill", "project/*.sbt", "project/*.scala", "project/*.properties",
    "project.clj", "deps.edn", "build.clj", "bb.edn",
    # Ruby, PHP, Perl, Elixir, Haskell, R and others
    "*.rake", ".rspec", ".rspec-local", "Guardfile", "Capfile", "Thorfile", ".irbrc", ".pryrc", ".simplecov", ".rubocop.yml",
    ".bundle/config", "cucumber.y*ml", "phpunit.dist.xml", "Pest.php", "behat.y*ml", "codeception.y*ml", "phpstan*.neon*",
    "psalm.xml*", "rector.php", ".php-cs-fixer*", "Makefile.PL", "Build.PL", ".proverc", ".formatter.exs", ".iex.exs",
    "config/*.exs", "Setup.hs", "Setup.lhs", "cabal.project*", ".ghci", ".Rprofile", "deps/build.jl", "dune", "dune-project",
    "build.yaml", "global.json", "[Nn]u[Gg]et.[Cc]onfig", "*.runsettings", "build.cake", "build.fsx",
    # C and builds of any language
    "SConstruct", "SConscript", "wscript", "*.cmake", "CMakePresets.json", "CMakeUserPresets.json", "conanfile.*",
    "premake5.lua", "xmake.lua", "configure.ac", "*.m4", "meson_options.txt", "BUILD", "MODULE.bazel", "*.bzl", "*.star",
    "devbox.json", "*.nix", ".direnvrc", ".tool-versions",
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


#: Of a ``package.json``: what runs, and settings of tools, which may name plugins.
_OF_PACKAGE = (
    "scripts", "husky", "lint-staged", "jest", "mocha", "ava", "packageManager", "simple-git-hooks", "pre-commit", "gitHooks",
    "wireit", "nx", "babel", "eslintConfig", "prettier", "stylelint", "postcss", "commitlint", "nyc", "c8", "tap", "jasmine",
    "ts-node", "pnpm", "trustedDependencies", "dependenciesMeta", "bin",
)  # fmt: skip


def _scripts(text: str) -> str:
    told = json.loads(text)
    kept = {k: told[k] for k in _OF_PACKAGE if told.get(k)}
    return json.dumps(kept, indent=2, ensure_ascii=False, sort_keys=True) if kept else ""


#: The same of a ``pyproject.toml``, below ``tool``.
_OF_PYPROJECT = (
    "pytest", "poe", "taskipy", "hatch", "tox", "nox", "pdm", "setuptools", "rye", "pixi", "uv", "coverage", "mypy", "pylint",
    "flake8", "scikit-build", "meson-python", "maturin", "pytask", "doit", "invoke",
)  # fmt: skip


def _tables(text: str) -> str:
    told: dict[str, Any] = tomllib.loads(text)
    tool = told.get("tool", {})
    kept = {"build-system": told.get("build-system")} | {f"tool.{n}": tool.get(n) for n in _OF_PYPROJECT}
    kept |= {f"tool.poetry.{n}": tool.get("poetry", {}).get(n) for n in ("build", "scripts", "plugins", "source")}
    kept |= {f"project.{n}": told.get("project", {}).get(n) for n in ("scripts", "gui-scripts", "entry-points")}
    kept = {name: value for name, value in kept.items() if value}
    return json.dumps(kept, indent=2, ensure_ascii=False, sort_keys=True, default=str) if kept else ""


def _crate(text: str) -> str:
    told: dict[str, Any] = tomllib.loads(text)
    kept = {
        "package.build": told.get("package", {}).get("build"),
        "patch": told.get("patch"),
        "replace": told.get("replace"),
    }
    kept = {name: value for name, value in kept.items() if value}
    return json.dumps(kept, indent=2, ensure_ascii=False, sort_keys=True, default=str) if kept else ""


def _plugins(text: str) -> str:
    """Of a ``pom.xml``, what is done, not what it depends on."""
    return "\n".join(found[0] for found in re.finditer(r"<(build|profiles|reporting)>.*?</\1>", text, re.DOTALL))


def _directives(text: str) -> str:
    """Of a ``go.mod``, which tool chain and tools it asks for."""
    return "\n".join(
        line.strip() for line in text.splitlines() if re.match(r"\s*(toolchain|tool|replace|godebug)\b", line)
    )


def _programs(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if _ATTRIBUTE.search(line))


#: Files of which only a part decides what runs; the rest changes with everyday work.
_SECTIONS: dict[str, Callable[[str], str]] = {
    "package.json": _scripts,
    "composer.json": _scripts,
    "pyproject.toml": _tables,
    ".gitattributes": _programs,
    "Cargo.toml": _crate,
    "pom.xml": _plugins,
    "go.mod": _directives,
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
