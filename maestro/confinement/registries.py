"""The hosts from which a repository's tools fetch packages: well-known ones by its files, and those the user has configured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from maestro.confinement.proxy import Host, hosts

_NPM = ("registry.npmjs.org", "registry.yarnpkg.com", "repo.yarnpkg.com", "nodejs.org")
_PYPI = ("pypi.org", "files.pythonhosted.org")
_MAVEN = ("repo.maven.apache.org", "repo1.maven.org")
_GRADLE = (*_MAVEN, "plugins.gradle.org", "plugins-artifacts.gradle.org", "services.gradle.org", "downloads.gradle.org",
           "dl.google.com", "maven.google.com")  # fmt: skip
_GITHUB = ("github.com", "codeload.github.com", "objects.githubusercontent.com", "release-assets.githubusercontent.com")
_HEX = ("repo.hex.pm", "hex.pm", "builds.hex.pm")

#: By a tracked file's name, what its tools ask.
_BY_FILE: dict[str, tuple[str, ...]] = {
    "package.json": _NPM, "pnpm-lock.yaml": _NPM, "yarn.lock": _NPM, "bun.lock*": _NPM,
    "deno.json*": (*_NPM, "jsr.io", "npm.jsr.io", "deno.land", "esm.sh"),
    "pyproject.toml": _PYPI, "setup.py": _PYPI, "setup.cfg": _PYPI, "*requirements*.txt": _PYPI, "*requirements*.in": _PYPI,
    "Pipfile": _PYPI, "tox.ini": _PYPI, "noxfile.py": _PYPI,
    "environment.y*ml": (*_PYPI, "conda.anaconda.org", "repo.anaconda.com"),
    "pixi.toml": (*_PYPI, "conda.anaconda.org", "repo.prefix.dev"),
    "Cargo.toml": ("index.crates.io", "static.crates.io", "crates.io", "static.rust-lang.org"),
    "go.mod": ("proxy.golang.org", "sum.golang.org"),
    "pom.xml": _MAVEN, "build.gradle*": _GRADLE, "settings.gradle*": _GRADLE, "gradle-wrapper.properties": _GRADLE,
    "build.sbt": (*_MAVEN, "repo.scala-sbt.org", "repo.typesafe.com"), "build.sc": _MAVEN, "build.mill": _MAVEN,
    "project.clj": (*_MAVEN, "repo.clojars.org"), "deps.edn": (*_MAVEN, "repo.clojars.org"),
    "Gemfile": ("rubygems.org", "index.rubygems.org"), "*.gemspec": ("rubygems.org", "index.rubygems.org"),
    "composer.json": ("repo.packagist.org", "packagist.org", "api.github.com", *_GITHUB),
    "*.csproj": ("api.nuget.org", "www.nuget.org"), "*.fsproj": ("api.nuget.org", "www.nuget.org"),
    "*.vbproj": ("api.nuget.org", "www.nuget.org"), "*.sln": ("api.nuget.org", "www.nuget.org"),
    "mix.exs": _HEX, "rebar.config": _HEX, "gleam.toml": _HEX,
    "pubspec.yaml": ("pub.dev", "storage.googleapis.com"), "Package.swift": _GITHUB, "Package.resolved": _GITHUB,
    "*.cabal": ("hackage.haskell.org", "downloads.haskell.org"),
    "stack.yaml": ("hackage.haskell.org", "downloads.haskell.org", "raw.githubusercontent.com", *_GITHUB),
    "Project.toml": ("pkg.julialang.org", "us-east.pkg.julialang.org"),
    "DESCRIPTION": ("cran.r-project.org", "cloud.r-project.org"), "renv.lock": ("cran.r-project.org", "cloud.r-project.org"),
    "cpanfile": ("www.cpan.org", "cpan.metacpan.org", "fastapi.metacpan.org"), "*.rockspec": ("luarocks.org",),
    "conanfile.*": ("center2.conan.io",), ".pre-commit-config.yaml": (*_PYPI, *_NPM, *_GITHUB),
    "playwright.config.*": ("cdn.playwright.dev", "playwright.download.prss.microsoft.com"),
    "cypress.config.*": ("download.cypress.io", "cdn.cypress.io"),
}  # fmt: skip

#: Variables in which users name registries of their own.
_NAMING = re.compile(
    r"(PIP|UV|NPM_CONFIG|YARN|PNPM|BUN|CARGO|POETRY|PDM|HATCH|RYE|NUGET|BUNDLE|COMPOSER|HEX|COREPACK|GEM|CONAN|MIX|COURSIER)_.*"
    r"|GOPROXY|GOSUMDB|PUB_HOSTED_URL|FLUTTER_STORAGE_BASE_URL|JULIA_PKG_SERVER|ELECTRON_MIRROR|PLAYWRIGHT_DOWNLOAD_HOST"
    r"|RUSTUP_DIST_SERVER|NODEJS_ORG_MIRROR|MAVEN_OPTS|GRADLE_OPTS|SBT_OPTS"
)
#: Files in which they do, in home and for the whole machine. Only addresses are taken from them.
_HOME_FILES = (
    ".npmrc", ".yarnrc", ".yarnrc.yml", ".config/pip/pip.conf", ".pip/pip.conf", ".config/uv/uv.toml", ".cargo/config.toml",
    ".cargo/config", ".config/go/env", ".m2/settings.xml", ".gradle/init.gradle", ".gradle/gradle.properties", ".condarc",
    ".bundle/config", ".gemrc", ".config/pypoetry/config.toml", ".nuget/NuGet/NuGet.Config", ".sbt/repositories",
    ".composer/config.json", ".config/composer/config.json", ".bunfig.toml", "Library/Application Support/pip/pip.conf",
)  # fmt: skip
_MACHINE_FILES = ("/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc", "/etc/pip.conf", "/etc/uv/uv.toml")
_URL = re.compile(r"(?:sparse\+)?(https?://[^\s\"'<>|,]+)")
_MOST_BYTES = 256 * 1024


def of_repository(names: Iterable[str]) -> frozenset[Host]:
    """The well-known registries of the tools to which tracked files (paths) belong.

    A network may answer for them with a mirror of its own: nobody who attacks decides where these names lead.
    """
    files = {name.rpartition("/")[2] for name in names}
    plain = {name for file in files for name in _BY_FILE.get(file, ())}
    patterns = [(pattern, found) for pattern, found in _BY_FILE.items() if "*" in pattern]
    plain |= {name for file in files for pattern, found in patterns if fnmatchcase(file, pattern) for name in found}
    return hosts((f"{name}:443" for name in plain), private=True)


def of_user(environ: Mapping[str, str], home: Path) -> frozenset[Host]:
    """The registries that the user's variables and configuration name; they may lie in the user's own network."""
    return frozenset(_named(environ, home))


def _named(environ: Mapping[str, str], home: Path) -> Iterator[Host]:
    texts = [value for name, value in environ.items() if _NAMING.fullmatch(name.upper())]
    texts += [_text(path) for path in (*(home / name for name in _HOME_FILES), *map(Path, _MACHINE_FILES))]
    for url in (found for text in texts for found in _URL.findall(text)):
        try:
            parts = urlsplit(url)
            if parts.hostname:
                port = parts.port or (443 if parts.scheme == "https" else 80)
                name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
                yield from hosts([f"{name}:{port}"], private=True)
        except ValueError:
            continue


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace") if path.is_file() else ""
    except OSError:
        return ""
