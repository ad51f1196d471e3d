"""What of a change has a say in tests, told from its path and text: new files, settings, hollow tests, programs that know."""

# ruff: noqa: E501 - texts of files on one line each
from __future__ import annotations

import pytest

from maestro.core.proving import (
    check_settings,
    file_kinds,
    hollow,
    inline_tests,
    named_files,
    snapshots,
    steering,
    test_aware,
    verdicts,
)
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.reports.model import UNCLEAR
from maestro.core.workspaces.run_command import CommandOutcome
from maestro.db.models import CheckRun

FILES = ["calc.py", "tests/test_calc.py", "http/client.py"]


@pytest.mark.parametrize(
    ("path", "text", "steers"),
    [
        ("tests/test_new.py", "import calc\n\ncalc.add = max\n", True),
        ("tests/test_new.py", "import calc\n\n\ndef test_a():\n    setattr(calc, 'add', max)\n", True),
        ("tests/test_new.py", "import sys\n\nsys.modules['calc'] = None\n", True),
        ("tests/test_new.py", "pytest_plugins = ['helping']\n", True),
        ("tests/test_new.py", "import os\n\nos._exit(0)\n", True),
        (
            "tests/test_new.py",
            "class T:\n    def setUp(self):\n        self.a = 1\n        assert self.a == 1\n",
            False,
        ),
        ("tests/test_new.py", "def test_a(monkeypatch):\n    monkeypatch.setattr('a.b', 1)\n", False),
        ("a.test.js", "require('./calc.js').add = (a, b) => 4;\n", True),
        ("a.test.js", "const calc = require('./calc');\ncalc.add = () => 4;\n", True),
        ("a.test.js", "delete require.cache[require.resolve('./calc')];\n", True),
        ("a.test.js", "after(() => process.exit(0));\n", True),
        ("a.test.js", "Number.prototype.valueOf = () => 4;\n", True),
        ("a.test.js", "const a = 1;\ntest('x = 1', () => assert.equal(a, 1));\n", False),
        ("spec/a_spec.rb", "class Calc\n  def add(a, b) = 4\nend\n", True),
        ("spec/a_spec.rb", "RSpec.describe Calc do\n  it('adds') { expect(1).to eq(1) }\nend\n", False),
        ("main_test.go", "package a\n\nfunc TestMain(m *testing.M) { os.Exit(0) }\n", True),
        ("b_test.go", "package a\n\nfunc TestB(t *testing.T) { t.Fatal() }\n", False),
        ("src/test/java/A.java", "class A implements InvocationInterceptor {}\n", True),
        ("bdb.py", "x = 1\n", True),
        ("iniconfig.py", "x = 1\n", True),
        ("app/bdb.py", "x = 1\n", False),
        ("http/server.py", "x = 1\n", False),  # a package that was there
        ("__mocks__/axios.js", "module.exports = {};\n", True),
    ],
)
def test_new_files_that_change_what_other_tests_run_with(path: str, text: str, steers: bool) -> None:
    assert steering.steers(path, lambda _: text, lambda: FILES) is steers


@pytest.mark.parametrize(
    ("path", "before", "after", "emptied"),
    [
        ("test_a.py", "def test_a():\n    assert f() == 4\n", "def test_a():\n    pass\n", {"test_a"}),
        ("test_a.py", "def test_a():\n    assert f() == 4\n", "def test_a():\n    '''Later.'''\n    return\n    assert f() == 4\n", {"test_a"}),
        ("test_a.py", "def test_a():\n    assert f() == 4\n", "def test_a():\n    assert True\n", {"test_a"}),
        ("test_a.py", "class T:\n    async def test_a(self):\n        await f()\n", "class T:\n    async def test_a(self):\n        ...\n", {"T.test_a"}),
        ("test_a.py", "def test_a():\n    assert f() == 4\n", "def test_a():\n    check(f())\n", set()),
        ("test_a.py", "def test_a():\n    assert f() == 4\n", "def test_b():\n    pass\n", set()),
        ("test_a.py", "def test_a():\n    pass\n", "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n", set()),
        ("a.test.js", "it('adds', () => {\n  expect(1).toBe(1);\n});\n", "it('adds', () => {\n  // later\n});\n", {"'adds'"}),
        ("a.test.ts", "test('adds', async () => { assert(x) });\n", "test('adds', async () => { return; assert(x) });\n", {"'adds'"}),
        ("a.test.js", "it('adds', function () { assert(x) });\n", "it('adds', function () {});\n", {"'adds'"}),
        ("a.test.js", "test('adds', () => assert(x));\n", "test('adds', () => assert(y));\n", set()),
        ("a.test.js", "test('adds', () => assert(x));\n", "test('adds', () => { return assert(x); });\n", set()),
        ("a_test.go", "func TestA(t *testing.T) {\n\tt.Fatal()\n}\n", "func TestA(t *testing.T) {\n\treturn\n\tt.Fatal()\n}\n", {"TestA"}),
        ("a_test.go", "func TestA(t *testing.T) {\n\tt.Fatal()\n}\n", "func TestA(t *testing.T) {}\n", {"TestA"}),
        ("src/lib.rs", "#[test]\nfn adds() {\n    assert!(x);\n}\n", "#[test]\nfn adds() {\n}\n", {"adds"}),
        ("ATest.java", "@Test\nvoid adds() { assertTrue(x); }\n", "@Test\nvoid adds() {}\n", {"adds"}),
    ],
)  # fmt: skip
def test_tests_that_look_at_nothing_any_more(path: str, before: str, after: str, emptied: set[str]) -> None:
    assert hollow.emptied(path, before, after) == emptied


@pytest.mark.parametrize(
    ("path", "text", "knows"),
    [
        ("calc.py", "if 'pytest' in sys.modules: ...", True),
        ("calc.py", "os.environ.get('PYTEST_CURRENT_TEST')", True),
        ("calc.py", "open(os.environ['MAESTRO_REPORTS'] + '/x.xml')", True),
        ("calc.py", "from _pytest import runner", True),
        ("calc.js", "if (process.env.JEST_WORKER_ID) x()", True),
        ("calc.js", "if (process.env.NODE_ENV === 'test') x()", True),
        ("calc.js", "typeof describe !== 'undefined'", True),
        ("src/calc.rs", 'println!("test result: ok. 2 passed; 0 failed;");', True),
        ("calc.go", "if testing.Testing() { return 4 }", True),
        ("calc.py", "import pytest_helpers\nimport unittest.mock\n", False),
        ("tests/conftest.py", "'pytest' in sys.modules", False),
        ("README.md", "`'pytest' in sys.modules`", False),
    ],
)
def test_programs_that_know_when_they_are_tested(path: str, text: str, knows: bool) -> None:
    assert (test_aware.may(path) and test_aware.newly("", text)) is knows
    assert not test_aware.newly(text, f"{text}\nmore = 1\n")


RUST = "pub fn a() -> i32 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn t() {\n        assert_eq!(a(), 1);\n    }\n}\n"


def test_old_tests_beside_the_program_go_with_the_new_program() -> None:
    lie = RUST.replace("    1\n}\n\n#", "    2\n}\n\n#").replace("(a(), 1)", "(a(), 2)")
    assert inline_tests.with_old("src/lib.rs", RUST, lie) == RUST.replace("    1\n}\n\n#", "    2\n}\n\n#")
    assert inline_tests.with_old("src/lib.rs", RUST, RUST.replace("    1\n}\n\n#", "    2\n}\n\n#")) is None
    gone = lie[: lie.index("#[cfg(test)]")]
    assert "(a(), 1)" in (inline_tests.with_old("src/lib.rs", RUST, gone) or "")
    assert inline_tests.with_old("src/lib.rs", "pub fn a() {}\n", RUST) is None


@pytest.mark.parametrize(
    ("path", "command", "named"),
    [
        ("my.ini", "pytest -c my.ini", True),
        ("ci/my.ini", "pytest -c ci/my.ini -q", True),
        ("helping.py", "python -m pytest -p helping", True),
        ("prepare.js", "node --require ./prepare --test", True),
        ("build/jest.json", "npx jest --config=build/jest.json", True),
        ("src/calc.py", "python -m pytest src", False),
        ("calc.js", "node --test", False),
        ("a.py", "python -c 'import a'", False),
    ],
)
def test_files_that_a_check_loads_by_an_option(path: str, command: str, named: bool) -> None:
    assert named_files.by_options(path, [command]) is named


@pytest.mark.parametrize(
    ("path", "text", "named"),
    [
        ("src/prepare.js", "module.exports = { setupFilesAfterEnv: ['./src/prepare.js'] };", True),
        ("src/prepare.ts", "export default { test: { globalSetup: ['./src/a.ts', './src/prepare'] } }", True),
        ("prepare.js", "spec: x\nrequire:\n  - ./prepare.js\n", True),
        ("src/calc.js", "module.exports = { setupFiles: ['./src/prepare.js'], roots: ['src/calc'] };", False),
    ],
)
def test_files_that_the_configuration_of_tests_loads(path: str, text: str, named: bool) -> None:
    assert named_files.by_settings(path, [text]) is named


def test_vite_is_asked_what_it_says_of_tests() -> None:
    assert named_files.holds_settings("app/vite.config.ts")
    assert named_files.of_tests("export default {}", "export default { test: { setupFiles: ['./a'] } }")
    assert not named_files.of_tests("export default {}", None)


CMAKE = "project(a C)\nadd_executable(t t.c)\nadd_test(NAME adds COMMAND t)\n"


@pytest.mark.parametrize(
    ("path", "before", "after", "counts"),
    [
        ("CMakeLists.txt", CMAKE, CMAKE.replace("COMMAND t", "COMMAND true"), True),
        ("CMakeLists.txt", CMAKE, f"{CMAKE}set_tests_properties(adds PROPERTIES WILL_FAIL TRUE)\n", True),
        ("CMakeLists.txt", CMAKE, CMAKE.replace("t t.c", "t t.c calc.c"), False),
        ("Cargo.toml", "[package]\nname = 'a'\n", "[package]\nname = 'a'\n\n[[test]]\nharness = false\n", True),
        ("Cargo.toml", "[package]\nname = 'a'\n", "[package]\nname = 'a'\n\n[dependencies]\nserde = '1'\n", False),
        ("meson.build", "test('a', exe)\n", "test('a', exe, should_fail: true)\n", True),
    ],
)
def test_builds_that_say_otherwise_what_their_tests_are(path: str, before: str, after: str, counts: bool) -> None:
    assert check_settings.tools(path)
    assert check_settings.differs(path, lambda _: before, lambda _: after, list) is counts


def test_more_paths_are_of_tests_and_fewer_of_the_program() -> None:
    of_tests = ["unit-tests/a.py", "integration_test/a.rs", "test-utils/a.ts", "src/testFixtures/A.java", "e2e/a.js"]
    assert all(file_kinds.is_test(path) for path in of_tests)
    assert not any(
        file_kinds.is_test(path) for path in ["latest/a.py", "contest/a.py", "src/attest/a.ts", "testament/a.py"]
    )
    steer = [".npmrc", ".cargo/config.toml", "src/setupTests.ts", "vitest.setup.ts", "a.pth", "turbo.json"]
    assert all(file_kinds.is_test_configuration(path) for path in steer)
    assert not any(file_kinds.is_test_configuration(path) for path in ["config.toml", "src/setup.ts", "npmrc"])
    assert snapshots.is_snapshot("fixtures/sum.json")
    assert not snapshots.is_snapshot("fixtures/make.py")


@pytest.mark.parametrize("ran", [None, UNCLEAR])
def test_tests_that_were_told_of_and_are_not_any_more_are_missed_whatever_is_said_instead(ran: object) -> None:
    run = CheckRun(
        session_id="s", phase="baseline", command="t", passed=True, exit_code=0, output="", tests={"a": "passed"},
        tests_summary={"passed": 1, "failed": 0, "skipped": 0, "total": 1, "complete": True},
    )  # fmt: skip
    verdict = verdicts.judge("t", CommandOutcome(0, 1.0, "", False), ran, Baseline({"t": run}, {"a": "passed"}), set())  # type: ignore[arg-type]
    assert (verdict.passed, verdict.missing) == (False, ["a"])
