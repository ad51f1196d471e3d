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
    return Chain(
        name,
        programs,
        {"calc.js": _ADD, old: tests["old"], "package.json": package, ".gitignore": "node_modules/\n", **more},
        honest={"calc.js": _ADD + _DOUBLE, new: tests["new"]},
        broken={"calc.js": _BROKEN},
        tests=old,
        names=("adds", "known failure"),
        **options,  # type: ignore[arg-type]
    )


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
