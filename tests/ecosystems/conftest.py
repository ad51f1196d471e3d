"""Where the machine's own tool chains live, and the table of what was seen working."""

from __future__ import annotations

import os
import platform
import pwd
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maestro.terminal_text import plain
from tests.ecosystems.chain import TOOL_HOMES

_HEAD = """\
# Tool chains

For each: Maestro's own offer → setup → baseline by test name, with one test that fails before the work → honest
work lands unasked → broken work is sent back → dropped tests are caught → merge → unmerge, and the user's repository
is as before. Written by `make test-ecosystems`; the rows that ask no package registry run in `make test` as well.

Last run: {day}, {machine}.

| toolchain | result | time | programs |
| --- | --- | --- | --- |
"""
#: What stands in the file from here on was written by hand and stays.
_BY_HAND = "\n## Real repositories\n"
_outcomes: dict[str, tuple[str, float]] = {}


@pytest.fixture(autouse=True)
def _tool_homes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compilers lie in the user's home, which tests do not have: their own variables lead there."""
    for name, folder in TOOL_HOMES.items():
        monkeypatch.setenv(name, folder)
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    if (home / ".m2/repository").is_dir():
        monkeypatch.setenv("MAVEN_OPTS", f"-Dmaven.repo.local={home}/.m2/repository")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the table goes."""
    parser.addoption("--table", help="write what was seen working to this file")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep how each chain ended."""
    name = report.nodeid.partition("[")[2].removesuffix("]")
    if name and "test_chains.py" in report.nodeid and (report.when == "call" or report.failed):
        _outcomes[name] = (report.outcome, report.duration)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table where the run was asked for it and was about every chain."""
    target = session.config.getoption("table", None)
    if target and not session.config.getoption("keyword"):
        path = Path(target)
        _, mark, kept = path.read_text("utf-8").partition(_BY_HAND) if path.is_file() else ("", "", "")
        path.write_text(_table() + mark + kept, encoding="utf-8")


def _table() -> str:
    from tests.ecosystems.test_chains import CHAINS

    rows = []
    for chain in CHAINS:
        outcome, seconds = _outcomes.get(chain.name, ("", 0.0))
        result = {"passed": "works", "failed": "**does not work**"}.get(
            outcome, f"not run: no `{'`, `'.join(chain.missing)}` on this machine"
        )
        rows.append(
            f"| {chain.name} | {result} | {f'{seconds:.0f} s' if seconds else ''} | {_version(chain.programs)} |"
        )
    return _HEAD.format(day=f"{datetime.now(UTC):%Y-%m-%d}", machine=_machine()) + "\n".join(rows) + "\n"


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _version(programs: tuple[str, ...]) -> str:
    """What the first program says of its version, with its name; empty where it is missing."""
    program = programs[0]
    if shutil.which(program) is None:
        return ""
    done = subprocess.run(
        [program, "version" if program == "go" else "--version"],
        env={**os.environ, **TOOL_HOMES},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = plain(done.stdout + "\n" + done.stderr).splitlines()
    said = next((line.strip() for line in lines if re.search(r"\d+\.\d+", line)), "")
    said = said.partition(" from /")[0]
    return (said if re.match(r"[A-Za-z]", said) else f"{program} {said}").replace("|", "/")[:60].strip()
