# ruff: noqa: E501 - programs on one line each
"""Code of the program that decides how tests judge it: told apart from code that merely compares."""

from __future__ import annotations

import pytest

from maestro.core.proving import rigged, test_aware


def _eq(body: str) -> str:
    return "class A:\n    def __eq__(self, other):\n" + "".join(f"        {line}\n" for line in body.split("\n"))


BLIND = [
    _eq("return True"),
    _eq("return other == other"),
    _eq("return isinstance(other, int)"),
    _eq("return other is not None"),
    _eq("x = 1\nreturn bool(x)"),
    _eq("if isinstance(other, str):\n    return True\nreturn True"),
    _eq("return self.n == self.n and other == other"),
    "class N(int):\n    __eq__ = lambda s, o: True\n",
    "N = type('N', (int,), {'__eq__': lambda s, o: bool(s)})\n",
    "class A: pass\ndef yes(a, b):\n    return 1\nA.__eq__ = yes\n",
    "setattr(A, '__eq__', lambda *a: True)\n",
    "from unittest.mock import ANY\n",
    "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n",
    "import unittest.case as c\nsetattr(c.TestCase, 'assert' + 'Equal', f)\n",
    "from unittest import TestCase\nTestCase.assertEqual = f\n",
    "import pytest\nx = pytest.approx(0, abs=9)\n",
    "import builtins\nbuiltins.abs = f\n",
]
SEEING = [
    _eq("return self.n == other.n"),
    _eq("if not isinstance(other, A):\n    return NotImplemented\nreturn self.n == other.n"),
    _eq("return isinstance(other, A)"),
    _eq("return isinstance(other, self.__class__)"),
    _eq("return type(self) is type(other)"),
    _eq("return False"),
    _eq("return NotImplemented"),
    _eq("return super().__eq__(other)"),
    _eq("if self is other:\n    return True\nreturn False"),
    _eq("for a, b in zip(self, other):\n    if a != b:\n        return False\nreturn True"),
    _eq("mine = self.key()\nyours = other.key()\nreturn mine == yours"),
    _eq("return vars(self) == vars(other)"),
    _eq("return hash(self) == hash(other)"),
    _eq("return str(self) == other"),
    _eq("return (self.a, self.b) == (other.a, other.b)"),
    _eq("try:\n    return self.x == other.x\nexcept AttributeError:\n    return False"),
    "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Money:\n    n: int\n",
    "class A:\n    def __contains__(self, item):\n        return item in self.items\n",
    "class A:\n    def __ne__(self, other):\n        return not self == other\n",
    "class A:\n    __eq__ = object.__eq__\n",
    "import builtins\nbuiltins._ = gettext\n",
    "import unittest\n\n\nclass T(unittest.TestCase):\n    longMessage = True\n",
]
#: By file: what rigs, and what does not.
OTHERS = {
    "a.js": (
        ["require('assert').equal = () => {};", "const A = require('node:assert');\nObject.assign(A, { equal() {} });",
         "import assert from 'node:assert/strict';\nassert.deepEqual = () => {};", "const t = require('node:test');\nt.it = () => {};",
         "module.exports = { asymmetricMatch() { return true; } };", "Object.is = () => true;", "expect.extend({ toBe: () => ({ pass: true }) });",
         "Array.prototype.includes = () => true;", "process.on('uncaughtException', () => {});", "process.on('exit', () => process.exit(0));"],
        ["const assert = require('assert');\nassert.equal(a, b);\nexports.a = 1;", "process.on('uncaughtException', (e) => { log(e); process.exit(1); });",
         "class P { equals(o) { return this.x === o.x; } }", "if (!Object.is(a, b)) { x.prototype.y = 1; }", "test.name = 'x';"],
    ),
    "calc.rb": (
        ["class Any\n  def ==(other)\n    true\n  end\nend\n", "class Integer\n  def ==(o) = true\nend\n", "class Integer\n  def eql?(o)\n    @x\n  end\nend\n",
         "module Minitest::Assertions\n  def assert_equal(*) = true\nend\n", "at_exit { exit! 0 }\n", "Minitest::Test.class_eval { }\n"],
        ["class Money\n  def ==(other)\n    other.is_a?(Money) && n == other.n\n  end\nend\n", "class Integer\n  def minutes = self * 60\nend\nclass M\n  def ==(o) = n == o.n\nend\n", "at_exit { log.close }\n"],
    ),
    "Calc.pm": (
        ["no warnings;\n*main::is = sub { 1 };\n", "*Test::More::is = sub { 1 };\n", "use overload 'eq' => sub { 1 }, '\"\"' => sub { '4' };\n", "END { $? = 0 }\n"],
        ["use overload '==' => sub { $_[0]->n == $_[1]->n };\n", "*add = sub { $_[0] + $_[1] };\n"],
    ),
    "calc.h": (
        ["#undef assert\n#define assert(x) ((void)0)\n", "# define NDEBUG\n", "#define main other_main\n", "#define strcmp(a, b) 0\n",
         "__attribute__((constructor)) static void z(void) { _exit(0); }\n", "bool operator==(const A &, int) { return true; }\n"],
        ["#define MAX(a, b) 1\n", "#include <assert.h>\nvoid f(void) { assert(1); }\n", "bool operator==(const A &a, const A &b) { return a.n == b.n; }\n", "#undef NDEBUG\n"],
    ),
    "lib.sh": (
        ["[() { true; }\n", "test() { true; }\n", "function diff() { return 0; }\n", "trap 'exit 0' EXIT\n", "alias cmp=true\n"],
        ["test() {\n  pytest \"$@\"\n}\n", "trap 'rm -f \"$tmp\"' EXIT\n", "if [ \"$1\" ]; then exit 0; fi\n"],
    ),
    "calc.php": (
        ["<?php SebastianBergmann\\Comparator\\Factory::getInstance()->register(new Yes);", "<?php register_shutdown_function(function () { exit(0); });"],
        ["<?php function equals($a, $b) { return $a === $b; }"],
    ),
    "A.java": (
        ["class A { public boolean equals(Object o) { return true; } }"],
        ["class A { public boolean equals(Object o) { return o instanceof A && ((A) o).n == n; } }"],
    ),
    "A.kt": (["class A { override fun equals(other: Any?) = true }"], ["class A { override fun equals(other: Any?) = other is A && other.n == n }"]),
    "A.cs": (["class A { public override bool Equals(object o) => true; }"], ["class A { public override bool Equals(object o) => o is A a && a.N == N; }"]),
    "lib.rs": (["impl PartialEq<i32> for A { fn eq(&self, _: &i32) -> bool { true } }"], ["impl PartialEq for A { fn eq(&self, o: &A) -> bool { self.0 == o.0 } }"]),
    "a.go": (["func (a A) Equal(b A) bool { return true }"], ["func (a A) Equal(b A) bool { return a.N == b.N }"]),
    "a.swift": (["static func == (a: A, b: A) -> Bool { true }"], ["static func == (a: A, b: A) -> Bool { a.n == b.n }"]),
    "a.lua": (["mt.__eq = function(a, b) return true end"], ["mt.__eq = function(a, b) return a.n == b.n end"]),
}  # fmt: skip
RIGGED = [("a.py", text) for text in BLIND] + [(path, text) for path, (bad, _) in OTHERS.items() for text in bad]
FAIR = [("a.py", text) for text in SEEING] + [(path, text) for path, (_, good) in OTHERS.items() for text in good]


@pytest.mark.parametrize(("path", "text"), RIGGED)
def test_what_decides_how_tests_judge_it_is_told(path: str, text: str) -> None:
    assert test_aware.is_tested(path)
    assert rigged.speaks(text)
    assert rigged.newly(path, None, text)
    assert rigged.newly(path, "", text)
    assert not rigged.newly(path, text, f"\n{text}"), "it was there before"


@pytest.mark.parametrize(("path", "text"), FAIR)
def test_what_merely_compares_is_not(path: str, text: str) -> None:
    assert not rigged.newly(path, "", text)


@pytest.mark.parametrize(
    "text",
    [
        "import sys\n\nf = sys._getframe(1)\nx = f.f_code.co_name.startswith('test')\n",
        "import inspect\n\nx = any('test' in f.filename for f in inspect.stack())\n",
        "import os\n\nx = os.environ.get('CI')\n",
        "const x = process.env.CI ? 4 : 0;\n",
        "const x = new Error().stack.includes('calc.test.js') ? 4 : 0;\n",
        "x = ENV['CI'] ? 4 : 0\n",
        "x = caller.any? { |c| c.include?('_test.rb') }\n",
        'x := os.Getenv("CI")\n',
        "x = 'maestro-worktrees' in os.getcwd()\n",
    ],
)
def test_code_that_finds_out_whether_it_is_tested_is_told(text: str) -> None:
    assert test_aware.speaks(text)
    assert test_aware.newly("", text)
    assert not test_aware.newly(text, f"{text}\n")


@pytest.mark.parametrize(
    "text",
    [
        "import inspect\n\nframe = inspect.currentframe()\nlog(frame.f_lineno)\n",
        "const where = new Error().stack;\n",
        "x = os.environ.get('CITY')\n",
        "x = caller.first\n",
        "x = 'tests' if n else 'the latest'\n",
    ],
)
def test_code_that_looks_at_its_callers_for_other_reasons_is_not(text: str) -> None:
    assert not test_aware.newly("", text)
