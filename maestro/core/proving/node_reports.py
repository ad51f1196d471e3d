"""Single tests of ``node --test`` and mocha: each gets a reporter of ours beside its own, which writes one line a test."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from maestro.core.proving import js_reports
from maestro.core.proving.report import NOT_LOADED

_MAX_BYTES = 64_000_000
_REPORT_VARIABLE = "MAESTRO_TEST_REPORT"

#: What these say when they cannot report: an old Node, or reporters of the repository's own.
REFUSED = ("is not allowed in NODE_OPTIONS", "The argument '--test-reporter' must match", "Maestro found no mocha")

_NODE = """\
export default async function* report(source) {
  const open = new Map();
  for await (const { type, data } of source) {
    if (!['test:start', 'test:pass', 'test:fail'].includes(type)) continue;
    const file = data.file ?? '';
    const names = open.get(file) ?? open.set(file, []).get(file);
    names.length = data.nesting;
    names[data.nesting] = data.name;
    if (type === 'test:start') continue;
    const skipped = data.skip !== undefined || data.todo !== undefined;
    const outcome = skipped ? 'skipped' : type === 'test:fail' ? 'failed' : 'passed';
    const group = data.details?.type === 'suite' || data.details?.error?.failureType === 'subtestsFailed';
    yield JSON.stringify({ file, names, outcome, group }) + '\\n';
  }
}
"""

_MOCHA = """\
'use strict';
const fs = require('fs');
function reporters() {
  for (const up of ['..', '../..', '../../..']) {
    try {
      const found = require.main.require(up);
      if (found.reporters) return found.reporters;
    } catch { /* not there */ }
  }
  throw new Error('Maestro found no mocha');
}
module.exports = class extends reporters().Spec {
  constructor(runner, options) {
    super(runner, options);
    const tell = (outcome) => (test) => {
      const line = JSON.stringify({ file: test.file || '', names: test.titlePath(), outcome });
      fs.appendFileSync(process.env.MAESTRO_TEST_REPORT, line + '\\n');
    };
    runner.on('pass', tell('passed'));
    runner.on('fail', tell('failed'));
    runner.on('pending', tell('skipped'));
  }
};
"""


@dataclass(frozen=True, slots=True)
class LinesReport:
    """Where the reporter writes, and the folder that paths of tests are told from."""

    path: Path
    root: Path


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that reports: what to run, with what in its environment, and where the report will be."""

    command: str
    report: LinesReport
    env: dict[str, str] = field(default_factory=dict)


def ask(words: list[str], command: str, aside: Path, root: Path, cwd: Path) -> Asked | None:
    """The same command with our reporter; None where it is not plainly ``node --test`` or mocha.

    ``words`` are its words without assignments before them; ``cwd`` is where it runs, below ``root``.
    """
    runner, joint = js_reports.runner_of(words, cwd)
    name = runner[0].rpartition("/")[2] if runner else ""
    if any(word.startswith(("--test-reporter", "--reporter", "-R")) for word in [*runner, *words]):
        return None
    report = LinesReport(aside / "tests.jsonl", root)
    if name == "node" and "--test" in runner and not any(word.startswith("--watch") for word in runner):
        (aside / "node.mjs").write_text(_NODE)
        pairs = (("spec", "stdout"), (aside / "node.mjs", report.path))
        options = " ".join(f'"--test-reporter={r}" "--test-reporter-destination={to}"' for r, to in pairs)
        return Asked(command, report, {"NODE_OPTIONS": options})
    if name == "mocha" and not {"-w", "--watch", "-p", "--parallel"}.intersection(runner):
        (aside / "mocha.cjs").write_text(_MOCHA)
        asked = f"{command}{joint}--reporter '{aside / 'mocha.cjs'}'"
        return Asked(asked, report, {_REPORT_VARIABLE: str(report.path)})
    return None


def read(report: LinesReport) -> list[tuple[str, str]] | None:
    """(test id, outcome) of a report: file, then the names from the outside in. None when there is none."""
    try:
        if report.path.stat().st_size > _MAX_BYTES:
            return None
        lines = [json.loads(line) for line in report.path.read_text("utf-8").splitlines()]
        return list(_tests(lines, report.root.resolve()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _tests(lines: list[dict[str, object]], root: Path) -> Iterator[tuple[str, str]]:
    seen: Counter[str] = Counter()
    for line in lines:
        if line.get("group"):
            continue  # its tests are named themselves
        path = Path(str(line["file"]))
        file = str(path.relative_to(root)) if path.is_relative_to(root) else path.name
        names = line["names"]
        assert isinstance(names, list)
        # Named by its whole path, or in newer Nodes by that from where it ran.
        if len(names) == 1 and f"/{path}".endswith(f"/{names[0]}") and str(names[0]).endswith(path.name):
            yield f"{NOT_LOADED}{file}", str(line["outcome"])
            continue
        name = f"{file}::{' > '.join(str(n) for n in names)}"
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})", str(line["outcome"])
