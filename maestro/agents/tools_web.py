"""The tools that may run unasked, see ``tool_table``: JavaScript's and TypeScript's."""

from __future__ import annotations

from maestro.agents.tool_options import TASK, Tool, tool

_JEST = tool(
    "--ci --coverage --silent --verbose --bail --no-cache --runInBand --passWithNoTests --onlyChanged --onlyFailures"
    " --findRelatedTests --listTests --json --colors --no-coverage --detectOpenHandles --forceExit --updateSnapshot"
    " --expand --no-color --watch=false --watchAll=false --coverage=false --maxWorkers:text -t:text"
    " --testNamePattern:text --testPathPattern:text --testPathPatterns:text --testPathIgnorePatterns:text"
    " --runTestsByPath --selectProjects:word --outputFile:path --coverageDirectory:path"
    " --collectCoverageFrom:text --maxConcurrency:num"
    " --testTimeout:num --shard:text --config:file -w:num --env:word --logHeapUsage --randomize",
    "-[buio]{1,3}",
    by_path=True,
)
_VITEST = tool(
    "--run --coverage --coverage.enabled --coverage.enabled=false --watch=false --no-watch --silent --update --globals"
    " --passWithNoTests --no-color --no-file-parallelism --no-isolate --typecheck --hideSkippedTests --changed"
    " -t:text --testNamePattern:text --reporter:word --environment:word --project:text --config:file --pool:word"
    " --bail:num --testTimeout:num --retry:num --maxWorkers:text --shard:text --exclude:text --dir:path"
    " --outputFile:path",
    "-u",
    by_path=True,
)
_MOCHA = tool(
    "--bail --exit --recursive --parallel --check-leaks --full-trace --forbid-only --forbid-pending --no-color --color"
    " --invert --inline-diffs --grep:text -g:text --fgrep:text -f:text --reporter:word -R:word --timeout:num -t:num"
    " --retries:num --slow:num --ui:word --extension:word --config:file --jobs:num --require:loader -r:loader"
    " --import:loader --loader:loader",
    "-[bcij]",
    by_path=True,
)
_ESLINT = tool(
    "--fix --fix-dry-run --quiet --cache --no-cache --no-color --color --debug --no-inline-config"
    " --report-unused-disable-directives --no-error-on-unmatched-pattern --no-warn-ignored --pass-on-no-patterns"
    " --ext:text --max-warnings:num --rule:text --ignore-pattern:text --config:file -c:file --output-file:path"
    " -o:path --cache-location:path --cache-strategy:word --ignore-path:file --fix-type:word --concurrency:num"
    " --format=stylish --format=json --format=compact --format=unix --format=html --no-eslintrc",
    writes=True,
)
_PRETTIER = tool(
    "--write -w --check -c --list-different -l --no-config --no-editorconfig --ignore-unknown -u --cache --no-cache"
    " --no-color --log-level:word --loglevel:word --config:file --ignore-path:file --parser:word --print-width:num"
    " --tab-width:num --single-quote --no-semi --trailing-comma:word --prose-wrap:word --end-of-line:word"
    " --no-error-on-unmatched-pattern --cache-location:path --cache-strategy:word",
    "-[wcul]{2,3}",
    writes=True,
)
_TSC = tool(
    "--noEmit --pretty --strict --skipLibCheck --incremental --listFiles --listFilesOnly --showConfig --declaration"
    " --emitDeclarationOnly --build -b --force --verbose --dry --clean --extendedDiagnostics --diagnostics --allowJs"
    " --checkJs --esModuleInterop --traceResolution --explainFiles --sourceMap --resolveJsonModule --noErrorTruncation"
    " -p:file --project:file --target:word -t:word --module:word -m:word --moduleResolution:word --jsx:word --lib:text"
    " --outDir:path --declarationDir:path --tsBuildInfoFile:path --outFile:path --noEmit=false",
    writes=False,
)
_BIOME = tool(
    "--write --apply --fix --unsafe --apply-unsafe --changed --staged --no-errors-on-unmatched --diagnostic-level:word"
    " --colors:word --max-diagnostics:num --config-path:file --linter-enabled:word --formatter-enabled:word"
    " --error-on-warnings --verbose --reporter:word --indent-style:word --indent-width:num --line-width:num",
    writes=True,
)
_STYLELINT = tool(
    "--fix --quiet --cache --allow-empty-input --color --no-color --max-warnings:num --config:file -c:file"
    " --ignore-path:file -i:file -q --formatter:word -f:word",
    writes=True,
)
_NODE_TEST = tool(
    "--import:loader --require:loader -r:loader --loader:loader"
    " --test-only --test-force-exit --experimental-test-coverage --experimental-strip-types --enable-source-maps"
    " --experimental-test-module-mocks --experimental-vm-modules --no-warnings --trace-warnings"
    " --test-name-pattern:text --test-skip-pattern:text --test-concurrency:num --test-timeout:num --test-shard:text"
    " --test-reporter=spec --test-reporter=tap --test-reporter=dot --test-reporter=junit --test-reporter=lcov",
    by_path=True,
)
_DENO = "--quiet -q --no-check --check --json --no-lock --frozen --ignore:text --config:file -c:file --cached-only"

WEB: dict[str, Tool] = {
    "jest": _JEST,
    "vitest": _VITEST,
    "vitest run": _VITEST,
    "mocha": _MOCHA,
    "_mocha": _MOCHA,
    "ava": tool(
        "--verbose -v --fail-fast --serial -s -c:num --match:text -m:text --update-snapshots -u --tap -t"
        " --timeout:text --no-color",
        by_path=True,
    ),
    "tap": tool(
        "--bail -b --disable-coverage --allow-incomplete-coverage --jobs:num -j:num -R:word --reporter:word",
        by_path=True,
    ),
    "tape": tool("", by_path=True),
    "jasmine": tool("--filter:text --random:word --seed:num --stop-on-failure:word --fail-fast", by_path=True),
    "uvu": tool("-b -q -i:text", by_path=True),
    "node --test": _NODE_TEST,
    "tsx --test": _NODE_TEST,
    "node --check": tool(),
    "node -c": tool(),
    "react-scripts test": _JEST,
    "playwright test": tool(
        "--list --workers:num -j:num -g:text --grep:text --grep-invert:text -x --reporter:word"
        " --project:text --retries:num --timeout:num --max-failures:num --shard:text --headless"
        " --last-failed --config:file -c:file --update-snapshots -u --pass-with-no-tests",
        by_path=True,
    ),
    "tsc": _TSC,
    "vue-tsc": _TSC,
    "tsd": tool(),
    "attw": tool("--pack", operands="none"),
    "publint": tool("--strict", operands="none"),
    "eslint": _ESLINT,
    "standard": tool("--fix --verbose --env:word --global:word", writes=True),
    "xo": tool("--fix --quiet", writes=True),
    "oxlint": tool(
        "--fix --quiet -D:word -W:word -A:word --max-warnings:num -c:file --config:file --type-aware", writes=True
    ),
    "prettier": _PRETTIER,
    "stylelint": _STYLELINT,
    "biome check": _BIOME,
    "biome lint": _BIOME,
    "biome format": _BIOME,
    "biome ci": _BIOME,
    "dprint check": tool("--incremental", writes=True),
    "dprint fmt": tool("--incremental", writes=True),
    "knip": tool("--production --strict --no-progress", operands="none"),
    "markdownlint": tool("--fix -f --config:file -c:file --ignore:text -i:text", writes=True),
    "markdownlint-cli2": tool("--fix --config:file", writes=True),
    "svelte-check": tool("--tsconfig:file --threshold:word --output:word --fail-on-warnings", operands="none"),
    "astro check": tool("", operands="none"),
    "npm ls": tool("--depth:num --all --json", operands=r"[\w@/\-.]+"),
    "npm list": tool("--depth:num --all --json", operands=r"[\w@/\-.]+"),
    "pnpm ls": tool("--depth:num --json -r", operands=r"[\w@/\-.]+"),
    "pnpm list": tool("--depth:num --json -r", operands=r"[\w@/\-.]+"),
    "cypress run": tool("--spec:path --browser:word --headless --component --e2e", operands="none"),
    "webpack": tool("--mode:word --config:file -c:file --progress", operands="none"),
    "next build": tool("--debug --no-lint --turbopack", operands="none"),
    "next lint": tool("--fix --quiet --dir:path", operands="none"),
    "vite build": tool("--mode:word --minify:?word --sourcemap --outDir:path --config:file", operands="none"),
    "tsup": tool("--dts --minify --clean --format:word --config:file --sourcemap"),
    "unbuild": tool("--minify", operands="none"),
    "rollup": tool("-c:?file --config:?file --silent", operands="none"),
    "c8 report": tool("--reporter:word -r:word", operands="none"),
    "nyc report": tool("--reporter:word", operands="none"),
    "turbo run": tool(
        "--filter:text -F:text --no-cache --force --continue --concurrency:text --output-logs:word", operands=TASK
    ),
    "turbo": tool("--filter:text -F:text --no-cache --force --continue --concurrency:text", operands=TASK),
    "nx run": tool("--skip-nx-cache", operands=rf"[\w@/\-]+:{TASK}"),
    "nx test": tool("--skip-nx-cache --coverage --watch=false --testFile:path -t:text", operands=r"[\w@/\-]+"),
    "nx lint": tool("--skip-nx-cache --fix", operands=r"[\w@/\-]+"),
    "nx build": tool("--skip-nx-cache", operands=r"[\w@/\-]+"),
    "nx run-many": tool(
        "-t:word --target:word -p:text --projects:text --skip-nx-cache --all --parallel:num", operands=TASK
    ),
    "nx affected": tool("-t:word --target:word --skip-nx-cache --base:text", operands=TASK),
    "lerna run": tool("--scope:text --stream --no-bail", operands=TASK),
    "bun test": tool(
        "--bail --coverage --timeout:num -t:text --test-name-pattern:text --update-snapshots -u --only"
        " --todo --rerun-each:num",
        by_path=True,
    ),
    "deno test": tool(
        _DENO + " -A --allow-all --allow-read --allow-env --allow-net --allow-write --allow-run"
        " --filter:text --fail-fast --parallel --coverage:?path --doc --no-run --trace-leaks",
        by_path=True,
    ),
    "deno lint": tool(_DENO + " --fix --rules --compact", writes=True),
    "deno fmt": tool(_DENO + " --check", writes=True),
    "deno check": tool(_DENO + " --all --doc"),
}
