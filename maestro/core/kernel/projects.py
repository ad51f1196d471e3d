"""Projects and their settings above a folder: tools look upward for both, and would take them for their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

#: Files and folders that make a folder a project, or steer the tools of all that lies below it.
_PROJECT = (
    ".git", ".hg", ".svn", ".jj", ".pijul",
    "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py", "pytest.ini", ".pytest.ini", "pytest.toml",
    ".pytest.toml", "conftest.py", "ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini", ".coveragerc", "pyrightconfig.json",
    "Pipfile", "uv.toml", "poetry.toml", "pdm.toml", "pixi.toml", "hatch.toml",
    "package.json", "node_modules", "tsconfig.json", "tsconfig.*.json", "jsconfig.json", "pnpm-workspace.yaml", "lerna.json",
    "nx.json", "turbo.json", "deno.json", "deno.jsonc", "bunfig.toml", "biome.json", "biome.jsonc", "rush.json",
    "eslint.config.*", "jest.config.*", "vitest.config.*", "vitest.workspace.*", "vite.config.*", "babel.config.*",
    "prettier.config.*", "postcss.config.*", "playwright.config.*", "cypress.config.*", "karma.conf.*", ".pnp.*",
    "Cargo.toml", "rust-toolchain", "rust-toolchain.toml", "go.mod", "go.work",
    "Gemfile", "Rakefile", "composer.json", "phpunit.xml", "phpunit.xml.dist", "mix.exs", "Package.swift", "pubspec.yaml",
    "pom.xml", ".mvn", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "build.sbt", "build.xml",
    "CMakeLists.txt", "meson.build", "configure.ac", "Makefile", "GNUmakefile", "justfile", "Justfile", "Taskfile.y*ml",
    "WORKSPACE", "WORKSPACE.bazel", "MODULE.bazel", "BUCK", ".buckconfig", "pants.toml", "dune-project", "stack.yaml",
    "cabal.project", "deps.edn", "project.clj", "shard.yml", "rebar.config", "build.zig", "flake.nix",
    "*.sln", "*.slnx", "*.csproj", "*.fsproj", "Directory.Build.*", "Directory.Packages.props", "global.json",
    "[Nn]u[Gg]et.config", "lombok.config", "psalm.xml", "analysis_options.yaml", "ava.config.*", "Project.toml",
)  # fmt: skip

#: Settings that people also keep in their home folder for all they work on: there they are meant.
_SETTINGS = (
    ".eslintrc*", ".prettierrc*", ".babelrc*", ".swcrc", ".mocharc.*", ".nycrc*", ".c8rc*", ".stylelintrc*", ".npmrc",
    ".yarnrc*", ".nvmrc", ".node-version", ".cargo", "rustfmt.toml", ".rustfmt.toml", "clippy.toml", ".clippy.toml",
    ".flake8", ".pylintrc", "pylintrc", ".isort.cfg", ".style.yapf", ".python-version", ".rubocop.yml", ".rspec",
    ".ruby-version", ".golangci.*", ".clang-format", ".clang-tidy", ".editorconfig", ".tool-versions", "mise.toml",
    ".mise.toml", ".envrc", ".bazelrc", ".scalafmt.conf", ".gitattributes", ".gitignore", ".dockerignore", ".env",
    ".yamllint*", ".markdownlint*", ".swiftlint.yml", ".luacheckrc", ".stylua.toml", "stylua.toml", ".standard.yml",
    ".browserslistrc", ".jshintrc", ".ocamlformat", ".JuliaFormatter.toml", ".hlint.yaml", ".shellcheckrc", ".sqlfluff",
    "cspell.json", ".cspell.json", ".commitlintrc*", ".lintstagedrc*", ".pydocstyle*", ".clangd", "compile_flags.txt",
    ".java-version", ".go-version", ".php-version", ".perl-version", ".sdkmanrc", "mise.*.toml", ".mise.*.toml",
    "CLAUDE.md", "CLAUDE.local.md", "AGENTS.md", ".mcp.json",
)  # fmt: skip


class _Names:
    """Names of files, some with wildcards. Names without are looked up: each start of Maestro looks at the folders above."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        wild = [pattern for pattern in patterns if set(pattern) & set("*?[")]
        self._exact = frozenset(patterns) - set(wild)
        self._wild = re.compile("|".join(map(translate, wild)))

    def __contains__(self, name: str) -> bool:
        return name in self._exact or self._wild.fullmatch(name) is not None


_IS_PROJECT, _IS_SETTING = _Names(_PROJECT), _Names(_SETTINGS)

#: What a home folder under version control (dotfiles) shows; each worktree has its own, which tools find first.
_OF_A_KEPT_HOME = frozenset({".git", ".hg", ".jj"})


@dataclass(frozen=True, slots=True)
class Above:
    """Something above (or at) a folder that tools read. ``mild``: hardly any tool takes harm from it."""

    path: Path
    mild: bool = False


def above(folder: Path) -> list[Above]:
    """What makes ``folder``, or a folder above it, a project or steers tools in it; the nearest first.

    ``folder`` need not exist. Links are followed, as tools see where they really are.
    """
    here = folder.resolve()
    home = _home()
    return [found for place in (here, *here.parents) for found in _in(place, home)]


def _in(folder: Path, home: Path | None) -> Iterator[Above]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError:
        return  # not there yet, or not to be looked into: then not for the user's tools either
    at_home = folder == home
    for name in names:
        if name in _IS_PROJECT:
            yield Above(folder / name, mild=at_home and name in _OF_A_KEPT_HOME)
        elif not at_home and name in _IS_SETTING:
            yield Above(folder / name)
    if {"HEAD", "objects", "refs"} <= set(names):
        yield Above(folder / "HEAD", mild=True)  # a bare repository


def _home() -> Path | None:
    try:
        return Path.home().resolve()
    except RuntimeError:
        return None
