"""JavaScript: the runners people use under npm, pnpm and bun, in the script forms that they write."""

from __future__ import annotations

import json

from tests.ecosystems.chain import Chain, Files

_ADD = "exports.add = (a, b) => a + b;\n"
_BROKEN = "exports.add = (a, b) => a - b;\n"
_DOUBLE = "exports.double = (a) => exports.add(a, a);\n"


def _package(script: str, **dev: str) -> str:
    return json.dumps(
        {"name": "calc", "version": "1.0.0", "private": True, "scripts": {"test": script}, "devDependencies": dev},
        indent=2,
    )


def _tests(head: str, equal: str, end: str = "") -> Files:
    def test(name: str, left: str, right: str) -> str:
        return f"test('{name}', () => {{ {equal.format(left, right)} }});\n"

    known = test("adds", "add(2, 3)", "5") + test("known failure", "add('2', 3)", "5")
    return {
        "old": head.format("add") + known + end,
        "new": head.format("double") + test("doubles", "double(4)", "8") + end,
    }


_ASSERT = "assert.strictEqual({}, {});"
_EXPECT = "expect({}).toBe({});"
_NODE = _tests(
    "const test = require('node:test');\nconst assert = require('node:assert');\n"
    "const {{ {} }} = require('../calc.js');\n\n",
    _ASSERT,
)
_GLOBAL = _tests("const {{ {} }} = require('../calc.js');\n\n", _EXPECT)
_MOCHA = {
    name: text.replace("test('", "it('")
    for name, text in _tests(
        "const assert = require('node:assert');\nconst {{ {} }} = require('../calc.js');\n\n", _ASSERT
    ).items()
}
_VITEST = _tests("import {{ expect, test }} from 'vitest';\nimport {{ {} }} from '../calc.js';\n\n", _EXPECT)
_BUN = _tests("import {{ expect, test }} from 'bun:test';\nimport {{ {} }} from '../calc.js';\n\n", _EXPECT)
_AVA = _tests("const test = require('ava');\nconst {{ {} }} = require('../calc.js');\n\n", "t.is({}, {});")
_AVA = {name: text.replace("() =>", "(t) =>") for name, text in _AVA.items()}


def _chain(
    name: str,
    programs: tuple[str, ...],
    package: str,
    tests: Files,
    *,
    folder: str = "test",
    suffix: str = ".test.js",
    **options: object,
) -> Chain:
    old, new = f"{folder}/calc{suffix}", f"{folder}/double{suffix}"
    more = options.pop("more", {})
    assert isinstance(more, dict)
    given = {
        "honest": {"calc.js": _ADD + _DOUBLE, new: tests["new"]},
        "broken": {"calc.js": _BROKEN},
        **options,
    }
    return Chain(
        name,
        programs,
        {"calc.js": _ADD, old: tests["old"], "package.json": package, ".gitignore": "node_modules/\n", **more},
        tests=old,
        names=("adds", "known failure"),
        **given,  # type: ignore[arg-type]
    )


_TAP = _tests(
    "const test = require('tap').test;\nconst {{ {} }} = require('../calc.js');\n\n", "t.equal({}, {}); t.end();"
)
_TAP = {name: text.replace("() =>", "(t) =>") for name, text in _TAP.items()}
_KARMA = {name: text.replace("test('", "it('") for name, text in _tests("", _EXPECT).items()}
_KARMA_CONF = """\
process.env.CHROME_BIN = require('child_process').execSync('command -v chromium').toString().trim();
module.exports = (config) =>
  config.set({
    frameworks: ['jasmine'],
    files: ['calc.js', 'test/*.js'],
    browsers: ['Headless'],
    customLaunchers: { Headless: { base: 'ChromeHeadless', flags: ['--no-sandbox'] } },
  });
"""
_PROJECTS = """\
import { defineConfig } from 'vitest/config';
const project = (name) => ({ test: { name, include: ['test/*.test.js'] } });
export default defineConfig({ test: { projects: [project('one'), project('two')] } });
"""
_WIREIT = {
    "name": "calc",
    "version": "1.0.0",
    "private": True,
    "scripts": {"test": "wireit", "lint": "wireit"},
    "wireit": {
        "test": {"command": "node --test", "dependencies": ["lint"], "files": ["*.js", "test/*.js"], "output": []},
        "lint": {"command": "node --check calc.js"},
    },
    "devDependencies": {"wireit": "*"},
}
_YARN_1 = "npx --yes yarn@1 install --ignore-scripts --silent"
_YARN_4 = "npx --yes -p @yarnpkg/cli-dist@4 yarn install --mode=update-lockfile"
_NPM = ("npm", "node")
_LOCK = "npm install --package-lock-only --no-audit --no-fund"

CHAINS = (
    _chain("node --test", _NPM, _package("node --test"), _NODE),
    _chain("npm, jest", _NPM, _package("jest", jest="*"), _GLOBAL, installs=True, lock=_LOCK),
    _chain(
        "npm, cross-env jest",
        _NPM,
        _package("node -e 0 && cross-env NODE_ENV=test jest --silent", jest="*", **{"cross-env": "*"}),
        _GLOBAL,
        installs=True,
    ),
    _chain("npm, vitest that watches", _NPM, _package("vitest", vitest="^3"), _VITEST, installs=True),
    _chain("npm, mocha", _NPM, _package("mocha", mocha="*"), _MOCHA, installs=True, lock=_LOCK),
    _chain(
        "npm, c8 mocha --reporter spec",
        _NPM,
        _package("c8 mocha --reporter spec", mocha="*", c8="*"),
        _MOCHA,
        more={".gitignore": "node_modules/\ncoverage/\n"},
        installs=True,
    ),
    _chain(
        "yarn 1 by npx, jest",
        _NPM,
        _package("jest", jest="^29"),
        _GLOBAL,
        more={"yarn.lock": "# yarn lockfile v1\n"},
        installs=True,
        lock=_YARN_1,
    ),
    _chain(
        "yarn 4 by npx, Plug'n'Play, jest",
        _NPM,
        _package("jest", jest="^29"),
        _GLOBAL,
        more={"yarn.lock": "", ".gitignore": ".yarn/\n.pnp.*\n"},
        installs=True,
        lock=_YARN_4,
    ),
    _chain(
        "npm, tap",
        _NPM,
        _package("tap --disable-coverage", tap="^21"),
        _TAP,
        more={".gitignore": "node_modules/\n.tap/\n"},
        installs=True,
    ),
    _chain(
        "npm, karma",
        (*_NPM, "chromium"),
        _package(
            "karma start --single-run",
            karma="^6",
            **{"karma-jasmine": "^5", "jasmine-core": "^5", "karma-chrome-launcher": "^3"},
        ),
        _KARMA,
        more={
            "karma.conf.js": _KARMA_CONF,
            "calc.js": "function add(a, b) { return a + b; }\n",
        },
        honest={
            "calc.js": "function add(a, b) { return a + b; }\nfunction double(a) { return add(a, a); }\n",
            "test/double.test.js": _KARMA["new"],
        },
        broken={"calc.js": "function add(a, b) { return a - b; }\n"},
        installs=True,
    ),
    _chain(
        "npm, wireit",
        _NPM,
        json.dumps(_WIREIT, indent=2),
        _NODE,
        more={".gitignore": "node_modules/\n.wireit/\n"},
        installs=True,
    ),
    _chain(
        "npm, vitest with projects",
        _NPM,
        _package("vitest run", vitest="^3"),
        _VITEST,
        more={"vitest.config.mjs": _PROJECTS},
        installs=True,
    ),
    _chain("npm, ava", _NPM, _package("ava", ava="^6"), _AVA, installs=True),
    _chain(
        "pnpm, vitest",
        ("pnpm", "node"),
        _package("vitest run", vitest="^3"),
        _VITEST,
        installs=True,
        lock="pnpm install --lockfile-only",
    ),
    _chain("bun test", ("bun",), _package("bun test"), _BUN, checks=("bun test",), setup=()),
)
