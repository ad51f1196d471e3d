# ruff: noqa: E501 - lists of paths
"""No test ran, on the base as little as now: the user is asked, whatever the tool chain and however the check is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core.proving import file_kinds, infrastructure
from maestro.db import models
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git

_PY = "import not_installed\n\n\ndef add(a, b):\n    return a + b\n"
_PY_TEST = "import calc\n\n\ndef test_add():\n    assert calc.add(1, 2) == 3\n"
#: By tool chain: what a run prints that could not get to its tests (recorded), as the check prints it here.
_SAID = {
    "go test ./...": "calc.go:3:8: cannot find module providing package example.org/x: module lookup disabled",
    "go vet ./... && go test ./pkg/...": "calc.go:4:2: no required module provides package example.org/x; to add it:",
    "cc calc.c -o t.out && ./t.out": "calc.c:1:10: fatal error: not_there.h: No such file or directory",
    "clang++ calc.c -o build/t && build/t": "calc.c:1:10: fatal error: 'not_there.h' file not found",
    "prove -l": "Can't locate Not/There.pm in @INC (you may need to install the Not::There module) at x line 1.\n"
    "Files=1, Tests=0,  0 wallclock secs ( 0.0$RANDOM usr  0.0$RANDOM sys +  0.04 cusr  0.00 csys =  0.04 CPU)",
    "php t.php": "PHP Fatal error:  Uncaught Error: Failed opening required 'not_there.php' (include_path='.')",
    "cargo test": "error[E0463]: can't find crate for `serde`",
    "mvn -o -q test": "[ERROR] Could not resolve dependencies for project a:b:jar:1: x was not found",
    "javac -d out A.java && java A": "A.java:1: error: package org.junit does not exist",
    "mvn -o test": "[ERROR] Plugin a:b or one of its dependencies could not be resolved: The following artifacts could not be resolved: c",
    "gradle --offline test": "> Could not resolve all files for configuration ':testRuntimeClasspath'.",
    "tclsh pkg/t.tcl": "can't find package NotThere\n    while executing",
    "Rscript pkg/t.R": "Error in library(notthere) : there is no package called ‘notthere’",
    "lua pkg/t.lua": "lua: pkg/t.lua:1: module 'notthere' not found:",
    "mix test": "Unchecked dependencies for environment test:",
    "swift test": "error: no such module 'NotThere'",
}
_FILES: dict[str, str | bytes] = {
    "calc.go": "package x\n", "calc.c": "int add();\n", "A.java": "class A {}\n", "t.php": "<?php\n", "pkg/a.go": "package pkg\n", "pkg/t.tcl": "", "pkg/t.R": "", "pkg/t.lua": "",
    "t/a.t": "use Not::There;\n", ".gitignore": "out/\nbuild/\n*.out\n*.log\n",
}  # fmt: skip


@pytest.mark.parametrize("command", _SAID)
def test_a_tool_chain_that_lacks_something_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    repo = make_repo(tmp_path / "repo", _FILES)
    tool = tmp_path / "bin" / command.split()[0]
    tool.parent.mkdir()
    said = _SAID[command].replace("`", "\\`")
    tool.write_text(f'#!/bin/bash\necho "{said}"\nexit 2\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/local/bin:/usr/bin:/bin")
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[command])) as b:
        b.measure_baseline()
        assert b.work({"pkg/a.go": "package pkg // worse\n"}).status == "waiting"
        (question,) = b.asked("infrastructure")
        assert question.detail["what"] == "nothing proven"
        assert b.task().attempt == 1


@pytest.mark.parametrize("check", ["prove -l", "prove -lv t", "prove -lr", "make -s test"])
def test_perls_tests_that_end_before_their_first_point_are_asked_about(tmp_path: Path, check: str) -> None:
    module = "package Calc;\nuse Not::There;\nsub add { return $_[0] + $_[1] }\n1;\n"
    uses = "use Test::More tests => 1;\nuse Calc;\nis(Calc::add(2, 2), 4, 'adds');\n"
    files: dict[str, str | bytes] = {
        "lib/Calc.pm": module,
        "t/a.t": uses,
        "t/b.t": uses.replace("use Calc;", "require Calc;"),
        "Makefile": "test:\n\tprove -l t\n",
    }
    repo = make_repo(tmp_path / "repo", files)
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[check])) as b:
        b.measure_baseline()
        assert b.work({"lib/Calc.pm": module.replace("+", "-")}).status == "waiting"
        (question,) = b.asked("infrastructure")
        assert question.detail["what"] == "nothing proven"
        assert "`Not::There` is missing" in question.title


@pytest.mark.parametrize(
    "check",
    [
        "python -m pytest -q 2>&1 | tee out.log; exit ${PIPESTATUS[0]}",
        "python -m pytest -q > out.log 2>&1 || { cat out.log; exit 1; }",
        "python -m pytest -q --junitxml=out/report.xml",
    ],
)
def test_what_a_check_writes_is_not_taken_for_what_it_is_about(tmp_path: Path, check: str) -> None:
    repo = make_repo(tmp_path / "repo", {**_FILES, "calc.py": _PY, "test_calc.py": _PY_TEST})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[check])) as b:
        b.measure_baseline()
        assert b.work({"calc.py": _PY.replace("+", "-")}).status == "waiting"
        assert b.asked("infrastructure")[0].detail["what"] == "nothing proven"


@pytest.mark.parametrize(
    ("command", "new"),
    [
        ("go test ./...", False),
        ("go test ./pkg/...", False),
        ("go test ./other/...", True),
        ("cc calc.c -o a.out && ./a.out", False),
        ("cc new.c -o a.out", True),
        ("php t.php > b.log", False),
        ("php new.php | tee b.log", True),
        ("sh ./new.sh", True),
    ],
)
def test_what_a_check_is_about(tmp_path: Path, command: str, new: bool) -> None:
    repo = make_repo(tmp_path / "repo", _FILES)
    session = models.Session(title="T", repo_path=str(repo), base_commit=run_git(repo, "rev-parse", "HEAD"))
    assert infrastructure.is_new(session, command, "", []) == new


@pytest.mark.parametrize(
    "path",
    [
        "t/basic.t", "test_calc.rb", "calc_spec.rb", "spec/calc.rb", "calc_spec.lua", "CalcTest.php", "CalcSuite.scala", "CalcIT.java",
        "a/calc_test.clj", "install.bats", "features/login.feature", "calc_test.sh", "CalcTests.fs", "calc_test.zig", "CalcSpec.groovy",
    ],
)  # fmt: skip
def test_a_test_is_known_by_its_name_in_every_language(path: str) -> None:
    assert file_kinds.is_test_code(path)


@pytest.mark.parametrize(
    "path", ["src/contest.py", "latest.rb", "src/test.c.in", "manifest.php", "src/unit.go", "Visit.java", "audit.scala"]
)
def test_other_code_is_none(path: str) -> None:
    assert not file_kinds.is_test(path)
