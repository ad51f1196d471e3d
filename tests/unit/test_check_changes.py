"""Which files decide what a check finds: those that it starts, however it does, and the settings of its tools."""

from __future__ import annotations

import pytest

from maestro.core.proving import check_settings
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.check_scripts import reached
from maestro.core.proving.missing_tests import review
from maestro.core.proving.verdicts import Verdict
from maestro.db.models import Session

FILES = {
    "package.json": '{"scripts": {"pretest": "npm run lint", "test": "node scripts/run.js", "lint": "eslint ."}}',
    "Makefile": "PY = python3\n.PHONY: test build\ntest: lint\n\t@$(PY) tools/check.py \\\n\t  --all\nlint:\n\truff check .\n"
    "build:\n\tsh scripts/build.sh\nsub:\n\t$(MAKE) -C inner deep\n",
    "inner/Makefile": "deep:\n\tbash deep.sh\n",
    "inner/deep.sh": "#!/bin/bash\n# sh not.sh\nif python -m more.verify; then\n  exec ./last.sh\nfi\n",
    "justfile": "test: lint\n    sh ci/just.sh\nlint:\n    sh ci/lint.sh\nother:\n    sh ci/other.sh\n",
}


@pytest.mark.parametrize(
    ("check", "files"),
    [
        ("sh check.sh", {"check.sh"}),
        ("npm test --silent", {"scripts/run.js", "eslint"}),
        ("make test", {"tools/check.py", "ruff"}),
        ("make sub", {"inner/deep.sh", "inner/more/verify.py", "inner/more/verify/__main__.py", "inner/last.sh"}),
        ("just", {"ci/just.sh", "ci/lint.sh"}),
        ("uv run --with x python scripts/check.py", {"scripts/check.py"}),
        ("uv run -m scripts.check", {"scripts/check.py", "scripts/check/__main__.py"}),
        (
            "cd inner && sh deep.sh",
            {"inner/deep.sh", "inner/more/verify.py", "inner/more/verify/__main__.py", "inner/last.sh"},
        ),
        ("bash -c 'sh ci/all.sh'", {"ci/all.sh"}),
        ("X=1 python -u scripts/check.py --fast | tail", {"scripts/check.py", "tail"}),
        ("python -m pytest tests/test_a.py", {"pytest.py", "pytest/__main__.py"}),
        ("shellcheck scripts/build.sh", {"shellcheck"}),
    ],
)
def test_what_a_check_starts_is_followed_through_make_packages_and_scripts(check: str, files: set[str]) -> None:
    assert reached([check], FILES.get).files == files


TSCONFIG = '{"compilerOptions": {"strict": true, "jsx": "react"}}'


@pytest.mark.parametrize(
    ("path", "before", "after", "counts"),
    [
        ("mypy.ini", None, "[mypy]\nignore_errors = true\n", True),
        ("pyproject.toml", "[tool.ruff]\nline-length = 90\n", "[tool.ruff]\nlint.ignore = ['ALL']\n", True),
        ("pyproject.toml", "[project]\nname = 'a'\n", "[project]\nname = 'a'\ndependencies = ['b']\n", False),
        ("pyproject.toml", None, "[tool.ruff]\nline-length = 90\n", False),
        ("tsconfig.json", TSCONFIG, TSCONFIG.replace("true", "false"), True),
        ("tsconfig.json", TSCONFIG, TSCONFIG.replace("react", "preserve"), False),
        ("app/tsconfig.json", None, TSCONFIG, False),
        ("app/.eslintrc.json", None, "{}", True),
        ("other/eslint.config.js", None, "export default []", False),
        ("pom.xml", "<p>\n</p>", "<p>\n<skipTests>true</skipTests>\n</p>", True),
        ("pom.xml", "<p>\n</p>", "<p>\n<dependency/>\n</p>", False),
        ("package.json", '{"eslintConfig": {"rules": {"a": 2}}}', '{"eslintConfig": {}, "version": "2"}', True),
    ],
)
def test_settings_of_a_tool_count_when_they_are_loosened_and_not_when_it_is_only_set_up(
    path: str, before: str | None, after: str, counts: bool
) -> None:
    files = ["app/.eslintrc.js", "app/main.ts"]
    assert check_settings.differs(path, lambda _: before, lambda _: after, lambda: files) is counts
    assert check_settings.used(path, ["pytest -q", f"{check_settings.tools(path)[0]} ."])
    assert not check_settings.used(path, ["python -m pytest -q", "node --test"])
    assert check_settings.used(path, ["tox -q"])


@pytest.mark.parametrize(
    ("check", "asked"),
    [
        ("pytest -q", True),
        ("X=1 uv run pytest tests -p no:cacheprovider", True),
        (".venv/bin/python -m unittest discover", True),
        ("pytest --version", False),
        ("pytest --junitxml=own.xml", False),
        ("pytest -q || true", False),
        ("pip install pytest", False),
        ("python -m mypy .", False),
        ("ruff check .", False),
        ("make test", False),
        ("test -s README.md", False),
    ],
)
def test_only_a_plain_test_runner_is_missed_when_it_tells_of_no_test(check: str, asked: bool) -> None:
    session = Session(title="T", repo_path=".", base_commit="c")
    verdict = review(session, "c", check, None, Baseline({}, {}), set(), Verdict(True))
    assert bool(verdict.missing) is asked
