'use strict';
// A reporter that Playwright adds to the repository's own (PW_TEST_REPORTER): one line of JSON a test.
const fs = require('fs');

module.exports = class {
  constructor() {
    const above = process.env.MAESTRO_REPORTING;
    if (above && above !== String(process.pid)) return;
    process.env.MAESTRO_REPORTING = String(process.pid);
    this.path = `${require('path').dirname(__dirname)}/playwright-${process.pid}.jsonl`;
    this.note({ kind: 'playwright' });
  }

  note(line) {
    try {
      if (this.path) fs.appendFileSync(this.path, JSON.stringify(line) + '\n');
    } catch { /* judged by what it prints and how it ends, then */ }
  }

  onEnd() {
    for (const test of this.suite ? this.suite.allTests() : []) {
      const [, project, , ...names] = test.titlePath();
      const outcome = { expected: 'passed', flaky: 'passed', unexpected: 'failed' }[test.outcome()] || 'skipped';
      this.note({ file: test.location.file, names: project ? [...names, `[${project}]`] : names, outcome });
    }
  }

  onBegin(config, suite) {
    this.suite = suite || config;
  }

  printsToStdio() {
    return false;
  }
};
