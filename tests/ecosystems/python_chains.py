"""Python: pip, uv, poetry, tox, nox, hatch and the standard library's own runner."""

from __future__ import annotations

from tests.ecosystems.chain import Chain, Files

_ADD = "def add(a, b):\n    return a + b\n"
_BROKEN = "def add(a, b):\n    return a - b\n"
_DOUBLE = "def double(a):\n    return add(a, a)\n"

_TESTS = """\
from calc import add


def test_adds():
    assert add(2, 3) == 5


def test_adds_nothing():
    assert add(2, 0) == 2


def test_known_failure():
    assert add("2", 3) == 5
"""
_NEW_TESTS = "from calc import double\n\n\ndef test_doubles():\n    assert double(4) == 8\n"
_IGNORED = ".venv/\n__pycache__/\n*.egg-info/\n.tox/\n.nox/\n.pytest_cache/\ndist/\n"

_PROJECT = """\
[project]
name = "calc"
version = "1.0"
requires-python = ">=3.11"
"""
_SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n\n'
_MODULES = '\n[tool.setuptools]\npy-modules = ["calc"]\n'
_GROUP = '\n[dependency-groups]\ndev = ["pytest"]\n'


def _pytest(name: str, programs: tuple[str, ...], more: Files, **options: object) -> Chain:
    return Chain(
        name,
        programs,
        {"calc.py": _ADD, "tests/test_calc.py": _TESTS, ".gitignore": _IGNORED, **more},
        honest={"calc.py": f"{_ADD}\n\n{_DOUBLE}", "tests/test_double.py": _NEW_TESTS},
        broken={"calc.py": _BROKEN},
        tests="tests/test_calc.py",
        names=("test_adds", "test_known_failure"),
        **options,  # type: ignore[arg-type]
    )


_UNITTEST = """\
import unittest

from calc import add


class CalcTest(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(add(2, 3), 5)

    def test_known_failure(self):
        self.assertEqual(add("2", 3), 5)
"""
_UNITTEST_NEW = """\
import unittest

from calc import double


class DoubleTest(unittest.TestCase):
    def test_doubles(self):
        self.assertEqual(double(4), 8)
"""


def _unittest(name: str, programs: tuple[str, ...], more: Files, **options: object) -> Chain:
    return Chain(
        name,
        programs,
        {"calc.py": _ADD, "tests/__init__.py": "", "tests/test_calc.py": _UNITTEST, ".gitignore": _IGNORED, **more},
        honest={"calc.py": f"{_ADD}\n\n{_DOUBLE}", "tests/test_double.py": _UNITTEST_NEW},
        broken={"calc.py": _BROKEN},
        tests="tests/test_calc.py",
        names=("test_adds", "test_known_failure"),
        **options,  # type: ignore[arg-type]
    )


_HATCH = """
[tool.hatch.build]
include = ["calc.py"]

[tool.hatch.envs.default]
dependencies = ["pytest"]

[tool.hatch.envs.default.scripts]
test = "pytest -q {args}"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""

CHAINS = (
    _pytest(
        "hatch",
        ("hatch",),
        {"pyproject.toml": _PROJECT + _HATCH},
        setup=(),
        checks=("hatch run test",),
        installs=True,
    ),
    _unittest("unittest", ("python3",), {}),
    Chain(
        "unittest below src",
        ("python3",),
        {"src/calc.py": _ADD, "src/test_calc.py": _UNITTEST, ".gitignore": _IGNORED},
        honest={"src/calc.py": f"{_ADD}\n\n{_DOUBLE}", "src/test_double.py": _UNITTEST_NEW},
        broken={"src/calc.py": _BROKEN},
        tests="src/test_calc.py",
        names=("test_adds", "test_known_failure"),
    ),
    Chain(
        "trial",
        ("python3",),
        {
            "pyproject.toml": f"{_SETUPTOOLS}{_PROJECT}{_MODULES.replace('py-modules', 'packages')}",
            "calc/__init__.py": _ADD,
            "calc/test/__init__.py": "",
            "calc/test/test_calc.py": _UNITTEST.replace("import unittest", "from twisted.trial import unittest"),
            ".gitignore": f"{_IGNORED}_trial_temp*\n",
        },
        honest={"calc/__init__.py": f"{_ADD}\n\n{_DOUBLE}", "calc/test/test_double.py": _UNITTEST_NEW},
        broken={"calc/__init__.py": _BROKEN},
        tests="calc/test/test_calc.py",
        names=("test_adds", "test_known_failure"),
        installs=True,
    ),
    _unittest(
        "nose2",
        ("python3",),
        {
            "pyproject.toml": f"{_SETUPTOOLS}{_PROJECT}\n[project.optional-dependencies]\ntests = ['nose2']\n{_MODULES}",
        },
        checks=(".venv/bin/python -m nose2",),
        installs=True,
    ),
    _pytest(
        "pip with extras",
        ("python3",),
        {"pyproject.toml": f'{_SETUPTOOLS}{_PROJECT}\n[project.optional-dependencies]\ntest = ["pytest"]\n{_MODULES}'},
        installs=True,
    ),
    _pytest(
        "pip with requirements",
        ("python3",),
        {"requirements-dev.txt": "pytest\n", "conftest.py": ""},
        installs=True,
    ),
    _pytest(
        "uv", ("uv",), {"pyproject.toml": f"{_SETUPTOOLS}{_PROJECT}{_GROUP}{_MODULES}"}, installs=True, lock="uv lock"
    ),
    _unittest(
        "poetry",
        ("poetry",),
        {
            "pyproject.toml": "[tool.poetry]\nname = 'calc'\nversion = '1.0'\ndescription = ''\nauthors = []\n"
            "package-mode = false\n\n[tool.poetry.dependencies]\npython = '^3.11'\n",
        },
        installs=True,
        lock="poetry lock",
    ),
    _pytest(
        "tox",
        ("tox",),
        {
            "tox.ini": "[tox]\nskipsdist = true\nenvlist = py\n\n[testenv]\ndeps = pytest\n"
            "setenv = PYTHONPATH = {toxinidir}\ncommands = pytest {posargs}\n"
        },
        installs=True,
    ),
    _pytest(
        "nox",
        ("nox",),
        {
            "noxfile.py": "import nox\n\n\n@nox.session\ndef tests(session):\n    session.install('pytest')\n"
            "    session.run('python', '-m', 'pytest', *session.posargs)\n"
        },
        installs=True,
    ),
)
