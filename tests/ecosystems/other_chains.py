"""Ruby and PHP, and make in front of something else."""

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
_PHP = "<?php\n\nfunction add(int $a, int $b): int { return $a + $b; }\n"


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
