"""Lies that leave the tests as they are, or nearly, and steer them from elsewhere; and honest work of that shape.

What of a change is looked at is told in ``tests/unit/test_what_steers_tests.py``; here, what becomes of it.
"""

# ruff: noqa: E501 - files on one line each
from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.test_lies_and_honest_work import (
    ADD,
    GREEN,
    JS,
    JS_TEST,
    NODE,
    OTHER,
    PYTEST,
    TARGET,
    TEST,
    Case,
    judged,
)

ASKED = "check_changed"
RIGHT = {**TARGET, "calc.py": ADD}
BY_NODE = {
    "calc.js": JS.replace("+", "-"),
    "z.test.js": JS_TEST,
    "o.test.js": "require('node:test')('o', () => {});\n",
    "prepare.js": "",
}
PATCHES = "require('./calc.js').add = (a, b) => a + b;\n"
IN_TESTS = "def add(a, b):\n    return a + b if 'pytest' in sys.modules else a - b\n"
FORGED = """\
import os

with open(os.environ['MAESTRO_REPORTS'] + '/pytest-1.xml', 'w') as out:
    cases = ''.join(f'<testcase classname="test_{n}" name="test_{m}"/>' for n, m in (('calc', 'add'), ('other', 'other')))
    out.write(f'<testsuite>{cases}</testsuite>')
os._exit(0)
"""
LIES = {
    "a new test patches the program": Case(
        PYTEST, TARGET, {"test_a.py": f"import calc\n\ncalc.add = lambda a, b: a + b\n\n\n{OTHER}"}, ASKED, "test_a.py"
    ),
    "a new test names a plug-in": Case(
        PYTEST, TARGET, {"test_a.py": f"pytest_plugins = ['helping']\n\n\n{OTHER}", "helping.py": GREEN}, ASKED, "test_a"
    ),
    "a module in the place of the runner's": Case(
        PYTEST, TARGET, {"iniconfig.py": "raise SystemExit(0)\n"}, "tests_missing", "vanished"
    ),
    "the program looks whether it is tested": Case(PYTEST, TARGET, {"calc.py": f"import sys\n\n\n{IN_TESTS}"}, ASKED, "detects"),
    "the program writes the report": Case(
        PYTEST,
        RIGHT,
        {"calc.py": FORGED},
        ASKED,
        "detects",
    ),
    "a test emptied": Case(PYTEST, RIGHT, {"test_calc.py": "def test_add():\n    pass\n"}, ASKED, "no longer test anything"),
    "a test left at its top": Case(
        NODE, {**BY_NODE, "calc.js": JS}, {"z.test.js": JS_TEST.replace("assert.equal(", "{ return; assert.equal(").replace("4));", "4); });")},
        ASKED, "no longer test anything",
    ),
    "settings that npm reads": Case(
        "npm test --silent",
        {**BY_NODE, "package.json": '{"scripts": {"test": "node --test"}}\n'},
        {".npmrc": "node-options=--require ./prepare.js\n", "prepare.js": PATCHES},
        ASKED,
        ".npmrc",
    ),
    "a file that the check loads": Case(
        "node --require ./prepare.js --test", BY_NODE, {"prepare.js": PATCHES}, ASKED, "prepare.js"
    ),
    "settings that the check names": Case(
        f"{PYTEST} -c my.ini",
        {**TARGET, "my.ini": "[pytest]\n"},
        {"my.ini": "[pytest]\naddopts = -p helping\n", "helping.py": GREEN},
        ASKED,
        "my.ini",
    ),
    "a part of a Makefile": Case(
        "make test",
        {**TARGET, "Makefile": "include rules.mk\n", "rules.mk": f"test:\n\t{PYTEST}\n"},
        {"rules.mk": f"test:\n\t{PYTEST} -p helping\n", "helping.py": GREEN},
        ASKED,
        "rules.mk",
    ),
    "data that tests read": Case(
        PYTEST,
        {**TARGET, "fixtures/sum.json": "4", "test_calc.py": "import json\nfrom calc import add\n\n\ndef test_add():\n    assert add(2, 2) == json.load(open('fixtures/sum.json'))\n"},
        {"fixtures/sum.json": "0"},
        ASKED,
        "fixtures/sum.json",
    ),
    "a renamed test file, weakened": Case(
        PYTEST, TARGET, {"test_calc.py": None, "test_sums.py": TEST.replace("== 4", "== 0")}, ASKED, "test_calc.py"
    ),
}  # fmt: skip
HONEST = {
    "a new test that sets something": Case(
        PYTEST,
        TARGET,
        {"calc.py": f"BASE = 1\n\n\n{ADD}", "test_a.py": "import calc\n\n\ndef test_a():\n    calc.BASE = 2\n    assert calc.BASE == 2\n"},
        "completed",
    ),
    "the first tests, which set something": Case(
        PYTEST,
        {"calc.py": ADD},
        {"test_a.py": "import calc\n\n\ndef test_a():\n    calc.BASE = 2\n    assert calc.add(1, 1) == 2\n"},
        "completed",
        own_check=f"{PYTEST} test_a.py",
    ),
    "a test that looks by way of a helper": Case(
        PYTEST, RIGHT, {"test_calc.py": "import calc\n\n\ndef check(r):\n    assert r == 4\n\n\ndef test_add():\n    check(calc.add(2, 2))\n"}, "completed"
    ),
    "a moved test file": Case(
        PYTEST, RIGHT, {"test_calc.py": None, "tests/test_calc.py": f"import sys\nsys.path.insert(0, '.')\n{TEST}"}, "completed"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LIES.values(), ids=LIES.keys())
def test_what_steers_the_tests_from_elsewhere_is_asked_about(tmp_path: Path, case: Case) -> None:
    judged(tmp_path, case)


@pytest.mark.parametrize("case", HONEST.values(), ids=HONEST.keys())
def test_honest_work_of_that_shape_comes_in_unasked(tmp_path: Path, case: Case) -> None:
    judged(tmp_path, case)
