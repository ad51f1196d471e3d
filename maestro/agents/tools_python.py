"""The tools that may run unasked, see ``tool_table``: Python's."""

from __future__ import annotations

from maestro.agents.tool_options import Tool, tool

_PYTEST = tool(
    "-k:text -m:marks -p:off -n:num -W:word -x --lf --ff --nf --sw --last-failed --failed-first --new-first --stepwise --co"
    " --collect-only --exitfirst --verbose --quiet --no-header --no-summary --tb:word --maxfail:num --durations:num"
    " --durations-min:num --color:word --ignore:path --ignore-glob:text --deselect:text --junitxml:path"
    " --junit-xml:path --cov:?path --cov-report:report --cov-branch --cov-append --no-cov --cov-fail-under:num"
    " --import-mode:word --timeout:num --strict-markers --strict-config --strict --disable-warnings --cache-clear"
    " --cache-show --doctest-modules --fixtures --markers --setup-show --setup-only --setup-plan --showlocals"
    " --snapshot-update --inline-snapshot:word --numprocesses:num --dist:word --forked --full-trace --capture:word"
    " --show-capture:word --log-level:word --log-cli-level:word --asyncio-mode:word --benchmark-skip"
    " --benchmark-disable --hypothesis-seed:num --runxfail",
    r"-[xvqsl]{1,6}|-r\w+|-n(\d+|auto)|-pno:\w+",
    by_path=True,
)
#: What tox and nox hand on to the tests.
_REST = r"-[xvqsk]{1,3}|-k|[\w./:\[\]]+"
_UNITTEST = tool(
    "-v -q -f -b -c --verbose --quiet --failfast --buffer --locals -k:text -s:path -p:text -t:path"
    " --start-directory:path --pattern:text --top-level-directory:path",
    r"-[vqfb]{2,4}",
    by_path=True,
)
_MYPY = tool(
    "-p:word -m:word --package:word --module:word --strict --pretty --no-incremental --ignore-missing-imports"
    " --show-error-codes --show-column-numbers --no-error-summary --check-untyped-defs --warn-unused-ignores"
    " --disallow-untyped-defs --namespace-packages --explicit-package-bases --follow-imports:word"
    " --python-version:text --config-file:file --exclude:text --no-color-output --hide-error-context"
)
_RUFF_OPTIONS = (
    "--quiet --verbose --silent --no-cache --diff --preview --no-preview --isolated --force-exclude --respect-gitignore"
    " --target-version:word --line-length:num --exclude:text --extend-exclude:text --config:file --stdin-filename:path"
)
_RUFF_CHECK = tool(
    _RUFF_OPTIONS
    + " --fix --no-fix --unsafe-fixes --fix-only --show-fixes --statistics --exit-zero --exit-non-zero-on-fix"
    " --add-noqa --show-files --show-settings --ignore-noqa --select:word --ignore:word --extend-select:word"
    " --extend-ignore:word --fixable:word --unfixable:word --output-format:word --output-file:path",
    "-[qvsne]",
    writes=True,
)
_BLACK = tool(
    "--check --diff --color --no-color --quiet --verbose --fast --safe --preview --skip-string-normalization"
    " --skip-magic-trailing-comma --line-length:num --target-version:word --include:text --exclude:text"
    " --extend-exclude:text --workers:num --config:file -l:num -t:word",
    "-[qvSC]{1,3}",
    writes=True,
)
_ISORT = tool(
    "--check --check-only --diff --quiet --verbose --atomic --profile:word --line-length:num --skip:text"
    " --settings-path:file -l:num",
    "-[cqv]",
    writes=True,
)
_FLAKE8 = tool(
    "--count --statistics --show-source --quiet --verbose --max-line-length:num --max-complexity:num --select:word"
    " --ignore:word --extend-ignore:word --extend-select:word --exclude:text --config:file --per-file-ignores:text",
    "-[qv]+|-j\\d+",
)
_PYLINT = tool(
    "--errors-only --disable:word --enable:word --score:word --rcfile:file --jobs:num --recursive:word -j:num"
    " --fail-under:num --max-line-length:num --output-format:word",
    "-E|-[rs][yn]?|-j\\d+",
)
_PYRIGHT = tool("--outputjson --stats --verbose --warnings -p:file --project:file --pythonversion:text --level:word")
_COVERAGE_REPORT = tool(
    "-m --show-missing --skip-covered --skip-empty -i --fail-under:num --include:text --omit:text"
    " --precision:num --sort:word --format:word -d:path --directory:path -o:path",
    operands="none",
)
_CHECKER = tool(
    "--quiet -q --verbose -v --strict -s --no-color --color:word --format:word -f:word --config:file -c:file"
)
_FORMATTER = tool("--check --diff --quiet -q --verbose -v -w -i -d -l -s --fail --write --list", writes=True)

PYTHON: dict[str, Tool] = {
    "pytest": _PYTEST,
    "py.test": _PYTEST,
    "unittest": _UNITTEST,
    "unittest discover": _UNITTEST,
    "doctest": tool("-v -f -o:word", by_path=True),
    "mypy": _MYPY,
    "ruff check": _RUFF_CHECK,
    "ruff format": tool(_RUFF_OPTIONS + " --check --range:text", "-[qvsn]", writes=True),
    "black": _BLACK,
    "isort": _ISORT,
    "flake8": _FLAKE8,
    "pylint": _PYLINT,
    "pyright": _PYRIGHT,
    "basedpyright": _PYRIGHT,
    "pydocstyle": _CHECKER,
    "pycodestyle": _FLAKE8,
    "pyflakes": tool(),
    "bandit": tool("-r -q -ll -lll -c:file -f:word -x:text --recursive --quiet"),
    "vulture": tool("--min-confidence:num --sort-by-size"),
    "lint-imports": tool("--verbose --no-cache --config:file", operands="none"),
    "ty check": tool("--output-format:word --error-on-warning --python-version:text --exclude:text"),
    "autopep8": tool("-i -r -a -d --in-place --recursive --aggressive --diff --max-line-length:num", writes=True),
    "yapf": tool("-i -r -d -p --in-place --recursive --diff --parallel", writes=True),
    "pyupgrade": tool("--py3-plus --keep-percent-format", r"--py3\d+-plus", writes=True),
    "autoflake": tool(
        "-i -r --in-place --recursive --remove-all-unused-imports --remove-unused-variables --check", writes=True
    ),
    "docformatter": _FORMATTER,
    "pyproject-fmt": _FORMATTER,
    "djlint": tool("--check --lint --reformat --quiet", writes=True),
    "compileall": tool("-q -f -qq", writes=True),
    "py_compile": tool("-q"),
    "coverage report": _COVERAGE_REPORT,
    "coverage html": _COVERAGE_REPORT,
    "coverage xml": _COVERAGE_REPORT,
    "coverage json": _COVERAGE_REPORT,
    "coverage lcov": _COVERAGE_REPORT,
    "coverage combine": tool("--keep --append -q", operands="none"),
    "coverage erase": tool(operands="none"),
    "tox": tool("-q -v -p:?word -e:task --skip-pkg-install", "-[qv]+", operands="none", rest=_REST),
    "tox run": tool("-q -v -e:task -f:text", "-[qv]+", operands="none", rest=_REST),
    "nox": tool(
        "-s:task -k:text -r -R -x -t:word --session:task --sessions:task --reuse-existing-virtualenvs"
        " --no-install --list -l",
        operands="none",
        rest=_REST,
    ),
    "hatch test": tool("-c --cover --all -a -v -i:text -k:text", "-[ca]{2}"),
    "hatch fmt": tool("--check -l -f --preview", writes=True),
    "rye test": tool("-v -q"),
    "rye lint": tool("--fix -q -v", writes=True),
    "rye fmt": tool("--check -q -v", writes=True),
    "uv format": tool("--check --diff", operands="none"),
    "manage.py test": tool(
        "-v:num --verbosity:num --parallel:?num --keepdb --failfast --noinput --no-input --buffer"
        " -k:text --reverse --shuffle:?num --timing --debug-mode",
        r"-v\d|-[kb]",
        by_path=True,
    ),
    "setup.py test": tool("-q", operands="none"),
    "setup.py check": tool("-q", operands="none"),
    "setup.py build": tool("-q", operands="none"),
    "setup.py build_ext": tool("--inplace -i -q -f", operands="none"),
    "poetry check": tool("--lock --strict", operands="none"),
    "json.tool": tool("--sort-keys --compact --indent:num", writes=True),
    "manage.py check": tool("--fail-level:word", operands="none"),
}
