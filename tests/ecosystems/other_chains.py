"""Ruby, PHP, Perl and Deno, and make and just in front of something else."""

from __future__ import annotations

from tests.ecosystems.chain import Chain

_RUBY = "def add(a, b)\n  a + b\nend\n"
_SPEC = """\
require_relative '../calc'

RSpec.describe 'calc' do
  it 'adds' do
    expect(add(2, 3)).to eq(5)
  end

  it 'known failure' do
    expect(add(2, 2)).to eq(5)
  end
end
"""
_PERL = "package Calc;\nuse strict;\n\nsub add { return $_[0] + $_[1] }\n\n1;\n"
_JS = "export function add(a, b) {\n  return a + b;\n}\n"
_PHP = "<?php\n\nfunction add(int $a, int $b): int { return $a + $b; }\n"


def _minitest(name: str, **equal_five: str) -> str:
    tests = "\n\n".join(f"  def test_{test}\n    assert_equal 5, {value}\n  end" for test, value in equal_five.items())
    return (
        f"require 'minitest/autorun'\nrequire_relative '../calc'\n\nclass {name}Test < Minitest::Test\n{tests}\nend\n"
    )


def _php(name: str, *methods: str) -> str:
    tests = "\n".join(f"    public function {method}" for method in methods)
    return (
        "<?php\n\nrequire_once __DIR__ . '/../calc.php';\n\nuse PHPUnit\\Framework\\TestCase;\n\n"
        f"final class {name} extends TestCase\n{{\n{tests}\n}}\n"
    )


_UNITTEST = """\
import unittest

import calc


class {0}(unittest.TestCase):
    def {1}(self):
        self.assertEqual({2}, {3})
"""
_PYTHON = "def add(a, b):\n    return a + b\n"

CHAINS = (
    Chain(
        "just test",
        ("just",),
        {
            "calc.py": _PYTHON,
            "test_calc.py": _UNITTEST.format("Calc", "test_adds", "calc.add(2, 3)", "5")
            + "\n    def test_known_failure(self):\n        self.assertEqual(calc.add(2, 2), 5)\n",
            "justfile": "py := 'python3'\n\n# all tests\ntest *args='-q':\n    {{py}} -m unittest {{args}}\n",
        },
        honest={
            "calc.py": f"{_PYTHON}\n\ndef twice(a):\n    return add(a, a)\n",
            "test_twice.py": _UNITTEST.format("Twice", "test_doubles", "calc.twice(4)", "8"),
        },
        broken={"calc.py": _PYTHON.replace("a + b", "a - b")},
        tests="test_calc.py",
        names=("test_adds", "test_known_failure"),
        checks=("just test",),
    ),
    Chain(
        "rspec",
        ("ruby", "rspec"),
        {"calc.rb": _RUBY, "spec/calc_spec.rb": _SPEC, ".rspec": "--format progress\n"},
        honest={
            "calc.rb": f"{_RUBY}\ndef twice(a)\n  add(a, a)\nend\n",
            "spec/double_spec.rb": "require_relative '../calc'\n\nRSpec.describe 'double' do\n  it 'doubles' do\n"
            "    expect(twice(4)).to eq(8)\n  end\nend\n",
        },
        broken={"calc.rb": _RUBY.replace("a + b", "a - b")},
        tests="spec/calc_spec.rb",
        names=("adds", "known failure"),
        checks=("rspec",),
    ),
    Chain(
        "phpunit",
        ("php", "phpunit"),
        {
            "calc.php": _PHP,
            "tests/CalcTest.php": _php(
                "CalcTest",
                "testAdds(): void { $this->assertSame(5, add(2, 3)); }",
                "testKnownFailure(): void { $this->assertSame(5, add(2, 2)); }",
            ),
            ".gitignore": ".phpunit.result.cache\n",
        },
        honest={
            "calc.php": f"{_PHP}\nfunction twice(int $a): int {{ return add($a, $a); }}\n",
            "tests/TwiceTest.php": _php("TwiceTest", "testDoubles(): void { $this->assertSame(8, twice(4)); }"),
        },
        broken={"calc.php": _PHP.replace("$a + $b", "$a - $b")},
        tests="tests/CalcTest.php",
        names=("testAdds", "testKnownFailure"),
        checks=("phpunit tests",),
    ),
    Chain(
        "minitest by rake",
        ("ruby", "rake"),
        {
            "calc.rb": _RUBY,
            "test/test_calc.rb": _minitest("Calc", adds="add(2, 3)", known_failure="add(2, 2)"),
            "Rakefile": "require 'rake/testtask'\n\nRake::TestTask.new { |t| t.libs << '.' }\ntask default: :test\n",
        },
        honest={
            "calc.rb": f"{_RUBY}\ndef twice(a)\n  add(a, a)\nend\n",
            "test/test_twice.rb": _minitest("Twice", doubles="twice(4) - 3"),
        },
        broken={"calc.rb": _RUBY.replace("a + b", "a - b")},
        tests="test/test_calc.rb",
        names=("test_adds", "test_known_failure"),
        setup=(),
        checks=("rake",),
    ),
    Chain(
        "prove",
        ("prove",),
        {
            "lib/Calc.pm": _PERL,
            "t/calc.t": "use strict;\nuse Test::More tests => 2;\nuse Calc;\nis(Calc::add(2, 3), 5, 'adds');\n"
            "is(Calc::add(2, 2), 5, 'known failure');\n",
        },
        honest={
            "lib/Calc.pm": _PERL.replace("1;\n", "sub twice { return add($_[0], $_[0]) }\n\n1;\n"),
            "t/twice.t": "use strict;\nuse Test::More tests => 1;\nuse Calc;\nis(Calc::twice(4), 8, 'doubles');\n",
        },
        broken={"lib/Calc.pm": _PERL.replace("+", "-")},
        tests="t/calc.t",
        names=("adds", "known failure"),
    ),
    Chain(
        "deno task test",
        ("deno",),
        {
            "deno.json": '{"tasks": {"test": "deno test --no-check"}}\n',
            "calc.js": _JS,
            "calc_test.js": "import { add } from './calc.js';\n\n"
            "function same(a, b) {\n  if (a !== b) throw new Error(`${a}`);\n}\n\n"
            "Deno.test('adds', () => same(add(2, 3), 5));\nDeno.test('known failure', () => same(add(2, 2), 5));\n",
        },
        honest={
            "calc.js": f"{_JS}\nexport function twice(a) {{\n  return add(a, a);\n}}\n",
            "twice_test.js": "import { twice } from './calc.js';\n\nDeno.test('doubles', () => {\n"
            "  if (twice(4) !== 8) throw new Error('no');\n});\n",
        },
        broken={"calc.js": _JS.replace("a + b", "a - b")},
        tests="calc_test.js",
        names=("adds", "known failure"),
        checks=("deno task test",),
    ),
    Chain(
        "make test",
        ("make", "python3"),
        {
            "Makefile": ".PHONY: test\ntest:\n\tpython3 -m unittest discover -s tests -t .\n",
            "calc.py": "def add(a, b):\n    return a + b\n",
            "tests/__init__.py": "",
            "tests/test_calc.py": "import unittest\n\nfrom calc import add\n\n\nclass CalcTest(unittest.TestCase):\n"
            "    def test_adds(self):\n        self.assertEqual(add(2, 3), 5)\n\n"
            "    def test_known_failure(self):\n        self.assertEqual(add(2, 2), 5)\n",
            ".gitignore": "__pycache__/\n",
        },
        honest={
            "calc.py": "def add(a, b):\n    return a + b\n\n\ndef double(a):\n    return add(a, a)\n",
            "tests/test_double.py": "import unittest\n\nfrom calc import double\n\n\nclass DoubleTest(unittest.TestCase):\n"
            "    def test_doubles(self):\n        self.assertEqual(double(4), 8)\n",
        },
        broken={"calc.py": "def add(a, b):\n    return a - b\n"},
        tests="tests/test_calc.py",
        names=("test_known_failure",),
        checks=("make test",),
    ),
)
