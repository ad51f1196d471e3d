"""What a path in a repository is, by its name: a test, the configuration of tests."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePosixPath

_TEST_NAME = re.compile(
    r"test_.*\.(py|rb|c|cc|cpp|lua|php|sh|jl|R)|.*_(test|spec)\.(py|go|rb|exs|dart|c|cc|cpp|lua|clj[cs]?|zig|sh|php|rs)"
    r"|tests\.(py|rs|[cm]?[jt]sx?)|test[-_].*\.[cm]?[jt]sx?|.*[-_.](test|spec)\.[cm]?[jt]sx?"
    r"|.*(Test|Tests|Spec|Suite|IT)\.(java|kt|cs|scala|swift|php|groovy|fs)|.*\.(t|bats|feature)"
)
_TEST_FOLDER = re.compile(
    r"(?:(?:unit|integration|functional|acceptance|system|smoke|regression|contract|api|ui|e2e|end-to-end)[-_])?(?:tests?|specs?)"
    r"|tests?[-_](?:unit|integration|functional|utils?|helpers?|support|lib)|test(?:utils?|helpers?|lib|ing)|testFixtures|androidTest|e2e"
    r"|__tests__|__mocks__"
)
_LIKE_A_TEST = re.compile(r"^(?:tests?|specs?|check)|(?:tests?|specs?|checks?)$", re.IGNORECASE)
_NO_CODE = frozenset({"", ".md", ".txt", ".rst", ".json", ".yml", ".yaml", ".toml", ".ini", ".cfg", ".csv"})
_CONFIGURATION = (
    "pytest.ini", ".pytest.ini", "conftest.py", "tox.ini", "noxfile.py", "setup.cfg", ".coveragerc",
    "jest.config.*", "jest.setup.*", "vitest.config.*", "vitest.workspace.*", "playwright.config.*", "karma.conf.*",
    ".mocharc*", "phpunit.xml*", "sitecustomize.py", "usercustomize.py", "pytest.toml", ".pytest.toml", "jasmine.json",
    "ava.config.*", ".taprc", ".nycrc*", ".c8rc*", "cypress.config.*", "web-test-runner.config.*", "bunfig.toml", ".rspec",
    "junit-platform.properties", "testng.xml", "*.runsettings", "nextest.toml", "*.pth", "nose2.cfg", "unittest.cfg",
    "vitest.setup.*", "vitest-setup.*", "setupTests.*", "setup-tests.*", "test-setup.*", "setup-jest.*", "setupJest.*",
    "jest-setup.*", "cucumber.*js", "wdio.conf.*", ".npmrc", ".yarnrc*", ".pnpmfile.cjs", "turbo.json", "nx.json",
    "behave.ini", "CTestCustom.*", "dart_test.yaml", ".busted",
)  # fmt: skip
_CALLED = re.compile("|".join(map(translate, _CONFIGURATION)))
_PIPELINES = (".github/workflows/", ".gitlab-ci.yml", ".circleci/", "Jenkinsfile", "azure-pipelines", ".travis.yml")
_CHECK_FOLDERS = frozenset({"scripts", "script", "tools", "ci", ".ci", "bin", "hack"})
_CHECK_NAME = re.compile(r"test|check|verify|valid|lint|smoke|spec|assert|proof|sanity|e2e|\bci\b|\.sh$", re.IGNORECASE)


def is_test(path: str) -> bool:
    """Whether a file is a test or lies among tests (data of tests included)."""
    pure = PurePosixPath(path)
    return bool(_TEST_NAME.fullmatch(pure.name)) or any(_TEST_FOLDER.fullmatch(part) for part in pure.parts[:-1])


def is_test_code(path: str) -> bool:
    """Whether a file is likely to hold tests, by its name or as code among tests."""
    pure = PurePosixPath(path)
    code = pure.suffix not in _NO_CODE and pure.name not in {"__init__.py", "conftest.py"}
    return bool(_TEST_NAME.fullmatch(pure.name)) or (code and is_test(path))


def names_tests_of(path: str, tests: str) -> bool:
    """Whether ids of tests, one a line, are of this file, as runners of Python (module) and JavaScript (path) name them."""
    module = re.escape(path.rpartition(".")[0].replace("/", "."))
    return re.search(rf"^({module}[.:]|{re.escape(path)}::)", tests, re.MULTILINE) is not None


def may_be_called_test(path: str) -> bool:
    """Whether a file has a test's name in a wider sense: where it was seen to hold tests, it is no program's."""
    return _LIKE_A_TEST.search(PurePosixPath(path).stem) is not None


def is_test_configuration(path: str) -> bool:
    """Whether a file decides which tests run, or how."""
    pure = PurePosixPath(path)
    if pure.parent.name == ".cargo" and pure.stem == "config":
        return True  # it may name what starts the tests
    return _is_called_configuration(pure.name)


@lru_cache(maxsize=20_000)
def _is_called_configuration(name: str) -> bool:
    """A landing of many files asks this of each, several times."""
    return _CALLED.fullmatch(name) is not None


def is_check_script(path: str) -> bool:
    """Whether a file that a check runs is there to check, and not the program that is being built."""
    pure = PurePosixPath(path)
    return _CHECK_NAME.search(pure.name) is not None or any(part in _CHECK_FOLDERS for part in pure.parts[:-1])


def is_pipeline(path: str) -> bool:
    """Whether a file tells a build server what to check."""
    return path.startswith(_PIPELINES)
