'use strict';
// Loaded before every Node program of a check (NODE_OPTIONS). Where the program is a test runner it notes how each
// test ended, one line of JSON a test, in a file beside the hooks that belongs to this process alone. What the runner
// prints, and its exit code, stay its own. A runner that a test starts reports nothing: it is the test's affair.

const folder = require('path').dirname(__dirname);
const own = String(process.pid);

function quietly(task) {
  try {
    return task();
  } catch {
    return undefined; // without a report the check is judged by what it prints and how it ends
  }
}

function inside() {
  const above = process.env.MAESTRO_REPORTING;
  return Boolean(above) && above !== own;
}

function begin(kind) {
  process.env.MAESTRO_REPORTING = own;
  return `${folder}/${kind}-${own}`;
}

function note(path, line) {
  quietly(() => require('fs').appendFileSync(path, JSON.stringify(line) + '\n'));
}

// jest, and all that call it: react-scripts, craco, kcd-scripts…
function jest(core) {
  const runCLI = async (...args) => {
    const path = inside() ? null : begin('jest') + '.jsonl';
    const ended = await core.runCLI(...args);
    if (path) quietly(() => jestResults(path, ended.results));
    return ended;
  };
  return Object.create(core, { runCLI: { value: runCLI, enumerable: true, writable: true, configurable: true } });
}

function jestResults(path, results) {
  note(path, { kind: 'jest' });
  for (const file of results.testResults) {
    const loaded = !file.testExecError && (file.testResults.length > 0 || !file.failureMessage);
    if (!loaded) note(path, { file: file.testFilePath, loaded: false });
    for (const test of file.testResults) {
      const outcome = { passed: 'passed', failed: 'failed' }[test.status] || 'skipped';
      note(path, { file: file.testFilePath, names: [test.fullName], outcome });
    }
  }
}

// mocha: listens to the runner that it is handed.
const told = Symbol('maestro');

function mocha(runner) {
  if (!runner || typeof runner.on !== 'function' || runner[told] || inside()) return;
  runner[told] = true;
  const path = begin('mocha') + '.jsonl';
  note(path, { kind: 'mocha' });
  const tell = (outcome) => (test) => note(path, { file: test.file || '', names: test.titlePath(), outcome });
  runner.on('pass', tell('passed'));
  runner.on('fail', tell('failed'));
  runner.on('pending', tell('skipped'));
}

function mochaOf8AndBefore(module) {
  const { prototype } = module.exports.Runner || module.exports;
  const run = prototype.run;
  prototype.run = function (...args) {
    quietly(() => mocha(this));
    return run.apply(this, args);
  };
}

function jasmine() {
  const env = global.jasmine && global.jasmine.getEnv();
  if (!env || process.env.MAESTRO_REPORTING) return;
  const path = begin('jasmine') + '.jsonl';
  note(path, { kind: 'jasmine' });
  env.addReporter({
    specDone(spec) {
      const outcome = { passed: 'passed', failed: 'failed' }[spec.status] || 'skipped';
      note(path, { file: spec.filename || '', names: [spec.fullName], outcome });
    },
  });
}

// What mocha finds where it loads this file with --require; jasmine.cjs calls the other.
exports.mochaGlobalSetup = function () {
  quietly(() => mocha(this));
};
exports.jasmine = () => quietly(jasmine);

// karma: listens to what its browsers report.
function karma(module) {
  const { createReporters } = module.exports;
  if (typeof createReporters !== 'function') return;
  const ours = (names, config, emitter, ...rest) => {
    quietly(() => karmaResults(config, emitter));
    return createReporters(names, config, emitter, ...rest);
  };
  module.exports.createReporters = Object.assign(ours, { $inject: createReporters.$inject });
}

function karmaResults(config, emitter) {
  if (inside()) return;
  const path = begin('karma') + '.jsonl';
  note(path, { kind: 'karma' });
  const several = config.browsers && config.browsers.length > 1;
  emitter.on('spec_complete', (browser, result) => {
    const names = [...(result.suite || []), result.description];
    const outcome = result.skipped ? 'skipped' : result.success ? 'passed' : 'failed';
    note(path, { names: several ? [...names, `[${browser.name.replace(/[\d.]+/g, '').trim()}]`] : names, outcome });
  });
  emitter.on('browser_error', () => note(path, { file: 'karma', loaded: false }));
}

function watchModules() {
  const Module = require('module');
  const load = Module._load;
  let core = null;
  Module._load = function (request, ...rest) {
    const loaded = load.call(this, request, ...rest);
    if (request !== '@jest/core') return loaded;
    core = core || jest(loaded);
    return core;
  };
  const compile = Module._extensions['.js'];
  Module._extensions['.js'] = function (module, file) {
    compile.call(this, module, file);
    if (/[\\/]mocha[\\/]lib[\\/]runner\.js$/.test(file)) quietly(() => mochaOf8AndBefore(module));
    if (/[\\/]karma[\\/]lib[\\/]reporter\.js$/.test(file)) quietly(() => karma(module));
  };
}

function has(...options) {
  return process.argv.slice(2).some((word) => options.some((o) => word === o || word.startsWith(`${o}=`)));
}

function add(...words) {
  const end = process.argv.indexOf('--');
  process.argv.splice(end < 0 ? process.argv.length : end, 0, ...words);
}

function vitest() {
  const command = process.argv.slice(2).find((word) => !word.startsWith('-'));
  if (['list', 'bench', 'init'].includes(command) || process.argv.slice(2).some((w) => w.startsWith('--outputFile'))) return;
  if (has('--help', '-h', '--version', '-v', '--mergeReports', '--merge-reports', '--ui', '--clearCache')) return;
  const reporters = has('--reporter') ? [] : configuredReporters();
  if (!reporters) return; // it writes a JUnit file of its own, which is read
  add(...reporters.map((name) => `--reporter=${name}`), '--reporter=json');
  add(`--outputFile.json=${begin('vitest')}.json`);
}

// Reporters on the command line replace those of the configuration, so its own are named along with ours.
function configuredReporters() {
  const at = process.argv.findIndex((word) => word === '--config' || word === '-c');
  const kinds = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'];
  const names = ['vitest', 'vite'].flatMap((name) => kinds.map((kind) => `${name}.config.${kind}`));
  const path = at > 0 ? process.argv[at + 1] : names.find((name) => require('fs').existsSync(name));
  const text = (path && quietly(() => require('fs').readFileSync(path, 'utf8'))) || '';
  // ``reporter`` without an s is the coverage's.
  if (!/\breporters\s*[:,]/.test(text)) return ['default'];
  const list = /\breporters\s*:\s*(\[[^[\]]*\]|'[^']*'|"[^"]*")/.exec(text);
  const words = list ? list[1].replace(/[[\]\s]/g, '').split(',').filter(Boolean) : [];
  if (words.length && words.every((word) => /^(['"])[\w./@-]+\1$/.test(word))) return words.map((word) => word.slice(1, -1));
  return /\bjunit\b/.test(text) ? null : ['default'];
}

// node --test, and a file that uses node:test without it: started once more with a reporter of ours beside its own.
function nodeTest(options, rest) {
  if (process.env.NODE_TEST_CONTEXT || options.some((o) => o.startsWith('--watch'))) return;
  const reporters = options.filter((o) => /^--test-reporter(=|$)/.test(o)).length;
  const destinations = options.filter((o) => /^--test-reporter-destination(=|$)/.test(o)).length;
  if (reporters > 1 && reporters !== destinations) return;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 18 || (major === 18 && minor < 15)) return; // before reporters
  const path = begin('node');
  const added = [];
  const spec = major >= 23 || process.stdout.isTTY ? 'spec' : 'tap'; // Node's own choice
  if (!reporters) added.push(`--test-reporter=${spec}`, '--test-reporter-destination=stdout');
  else if (!destinations) added.push('--test-reporter-destination=stdout');
  added.push(`--test-reporter=${folder}/hooks/node_reporter.mjs`, `--test-reporter-destination=${path}.jsonl`);
  const child = require('child_process').spawnSync(process.execPath, [...options, ...added, ...rest], {
    stdio: 'inherit',
    env: { ...process.env, MAESTRO_REPORTING: 'node' },
  });
  if (child.signal) process.kill(process.pid, child.signal);
  process.exit(child.status === null ? 1 : child.status);
}

function usesNodeTest(main) {
  if (!main || /[\\/]node_modules[\\/]/.test(main)) return false;
  return /\b(from|require\(|import)\s*\(?\s*['"]node:test['"]/.test(require('fs').readFileSync(main, 'utf8'));
}

// At the end of a program: which of the modules that it required lie in another checkout of the repository.
function noteElsewhere() {
  const [here, ...others] = require('fs').readFileSync(`${folder}/checkouts`, 'utf8').split('\n').filter(Boolean);
  process.on('exit', () =>
    quietly(() => {
      const found = Object.keys(require.cache).filter(
        (file) => !file.startsWith(`${here}/`) && others.some((place) => file.startsWith(`${place}/`)),
      );
      if (found.length) require('fs').writeFileSync(`${folder}/elsewhere/node-${own}`, `${found.slice(0, 200).join('\n')}\n`);
    }),
  );
}

function start() {
  const main = process.argv[1] ? quietly(() => require('fs').realpathSync(process.argv[1])) : undefined;
  const name = (main || '').replace(/\\/g, '/');
  const isTest = process.execArgv.includes('--test');
  if (isTest || quietly(() => usesNodeTest(main))) return nodeTest(process.execArgv, process.argv.slice(1));
  if (name.endsWith('/tsx/dist/cli.mjs') && has('--test')) {
    if (!has('--test-reporter', '--watch')) {
      const path = begin('node');
      process.argv.splice(
        2, 0, '--test-reporter=spec', '--test-reporter-destination=stdout',
        `--test-reporter=${folder}/hooks/node_reporter.mjs`, `--test-reporter-destination=${path}.jsonl`,
      );
    }
    return undefined;
  }
  if (/\/(@playwright\/test|playwright|playwright-core)\/cli\.js$/.test(name)) {
    process.env.PW_TEST_REPORTER = process.env.PW_TEST_REPORTER || `${folder}/hooks/playwright.cjs`;
    return undefined;
  }
  // node-tap writes all of its tests' TAP to a file, whatever its reporter prints.
  if (/\/tap\/dist\/\w+\/run\.m?js$/.test(name)) process.env.TAP_OUTPUT_FILE ||= `${begin('tap')}.tap`;
  if (/\/tap\/bin\/run\.js$/.test(name) && !has('--output-file', '-o')) add(`--output-file=${begin('tap')}.tap`);
  watchModules();
  if (/\/vitest\/vitest\.mjs$/.test(name)) return vitest();
  if (/\/mocha\/(bin\/_?mocha(\.c?js)?|lib\/cli\/cli\.js)$/.test(name)) {
    if (!process.argv.includes(__filename)) add('--require', __filename);
  }
  if (/\/jasmine\/bin\/jasmine\.js$/.test(name)) {
    if (!['init', 'examples', 'help', 'version', 'enumerate'].includes(process.argv[2])) add(`--require=${folder}/hooks/jasmine.cjs`);
  }
  return undefined;
}

quietly(noteElsewhere);
if (!inside() && require('worker_threads').isMainThread) quietly(start);
