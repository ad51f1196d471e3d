"""The tools that may run unasked, see ``tool_table``: other languages', the shell's and those of data."""

from __future__ import annotations

from maestro.agents.tool_options import Tool, tool

_RSPEC = tool(
    "--fail-fast --next-failure --only-failures --profile --no-profile --color --no-color --dry-run --warnings -b"
    " --backtrace -e:text --example:text --format:word -f:word --seed:num --order:word",
    "-f[pdj]",
    by_path=True,
)
_RUBOCOP = tool(
    "-a -A --autocorrect --autocorrect-all --auto-correct --fail-fast --display-cop-names --parallel --no-parallel"
    " --lint --only:text --except:text --format:word -f:word --config:file -c:file --force-exclusion --color"
    " --no-color --cache:word -x -l",
    writes=True,
)
_PHPUNIT = tool(
    "--testdox --no-coverage --stop-on-failure --stop-on-error --debug --verbose --filter:text --testsuite:word"
    " --colors --colors=always --colors=never --no-progress --display-warnings --display-deprecations --order-by:word"
    " --log-junit:path --exclude-group:word --fail-on-warning --list-tests"
    " -c:file --configuration:file",
    "-v",
    by_path=True,
)
_PHPSTAN = tool("--no-progress --no-ansi --ansi -l:num --level:num --memory-limit:word --error-format:word -c:file"
                " --configuration:file")  # fmt: skip
_PHP_FIXER = tool("--dry-run --diff --verbose -v --allow-risky:word --config:file --using-cache:word --quiet -q"
                  " --show-progress:word --stop-on-violation --standard:word -n -s -p", writes=True)  # fmt: skip
_CHECKER = tool(
    "--quiet -q --verbose -v --strict -s --no-color --color:word --format:word -f:word --config:file -c:file"
)

_HOOKS = tool(
    "--all-files -a --files:path --show-diff-on-failure --verbose -v --color:word --hook-stage:word --from-ref:word"
    " --to-ref:word --fail-fast",
    operands=r"[\w./\-]+",
    writes=True,
)

OTHER: dict[str, Tool] = {
    # Ruby, PHP, Elixir, Swift, Dart, Haskell, OCaml, Elm, Lua
    "rspec": _RSPEC,
    "rubocop": _RUBOCOP,
    "standardrb": tool("--fix", writes=True),
    "srb tc": tool("", operands="none"),
    "rails test": tool("-v -b -f -n:text -s:num", by_path=True),
    "ruby": tool("-w -W0 -I:path", operands=r"(?:[\w.\-]+/)*(?:test_\w+|\w+_test)\.rb", by_path=True),
    "ruby -c": tool(),
    "ruby -wc": tool(),
    "phpunit": _PHPUNIT,
    "pest": _PHPUNIT,
    "paratest": _PHPUNIT,
    "artisan test": tool("--filter:text --testsuite:word --parallel --stop-on-failure"),
    "phpstan": _PHPSTAN,
    "phpstan analyse": _PHPSTAN,
    "phpstan analyze": _PHPSTAN,
    "psalm": tool("--no-cache --show-info:word --no-progress --threads:num -c:file"),
    "php-cs-fixer fix": _PHP_FIXER,
    "php-cs-fixer check": _PHP_FIXER,
    "pint": tool("--test --dirty -v", writes=True),
    "phpcs": _PHP_FIXER,
    "phpcbf": _PHP_FIXER,
    "php -l": tool(),
    "composer validate": tool("--strict --no-check-all --no-check-publish", operands="none"),
    "mix test": tool(
        "--failed --stale --trace --seed:num --max-failures:num --cover --slowest:num --color"
        " --warnings-as-errors --exclude:text",
        by_path=True,
    ),
    "mix format": tool("--check-formatted --dry-run", writes=True),
    "mix compile": tool("--warnings-as-errors --force --all-warnings", operands="none"),
    "mix credo": tool("--strict --all", operands="none"),
    "mix dialyzer": tool("--format:word", operands="none"),
    "swift build": tool("-c:word --configuration:word -v --build-tests --target:word", operands="none"),
    "swift test": tool("--filter:text --skip:text --parallel -v -c:word --skip-build", operands="none"),
    "swiftformat": tool("--lint --quiet", writes=True),
    "swiftlint": tool("--fix --strict --quiet", operands="lint"),
    "dart test": tool("-n:text --name:text -N:text -r:word --reporter:word -j:num --chain-stack-traces", by_path=True),
    "dart analyze": tool("--fatal-infos --fatal-warnings --no-fatal-warnings"),
    "dart format": tool("--set-exit-if-changed --output:word -o:word --line-length:num -l:num", writes=True),
    "flutter test": tool("--coverage --name:text --plain-name:text --no-pub -r:word", by_path=True),
    "flutter analyze": tool("--no-pub --no-fatal-infos --no-fatal-warnings"),
    "cabal build": tool("-v:num --enable-tests -j:num", r"-[vj]\d+", operands=r"all|[\w:\-]+"),
    "cabal test": tool("--test-show-details:word --enable-coverage -j:num", r"-[vj]\d+", operands=r"all|[\w:\-]+"),
    "stack build": tool("--fast --test --pedantic --no-run-tests", operands=r"[\w:\-]+"),
    "stack test": tool("--fast --pedantic", operands=r"[\w:\-]+"),
    "ormolu": tool("--mode:word -m:word", writes=True),
    "fourmolu": tool("--mode:word -m:word -i", writes=True),
    "hlint": tool(),
    "dune build": tool("--display:word -j:num --profile:word", r"-j\d+|@[\w\-/]+", operands=r"[\w./\-]+|@[\w\-/]+"),
    "dune test": tool("--display:word -j:num --force -f", operands=r"[\w./\-]+", by_path=True),
    "dune runtest": tool("--display:word -j:num --force -f", operands=r"[\w./\-]+", by_path=True),
    "dune fmt": tool("", operands="none"),
    "elm-test": tool("--fuzz:num --seed:num", by_path=True),
    "elm-format": tool("--yes --validate", writes=True),
    "busted": tool("-v --verbose -o:word --output:word --filter:text", by_path=True),
    "luacheck": _CHECKER,
    "stylua": tool("--check", writes=True),
    # Shell, data, infrastructure
    "shellcheck": tool("-s:word -S:word -e:word -f:word --severity:word --shell:word --exclude:word"),
    "shfmt": tool("-w -d -l -s -ci -bn -i:num", r"-i\d+", writes=True),
    "bash -n": tool(),
    "sh -n": tool(),
    "bats": tool("-r --recursive -t --tap --jobs:num -j:num -f:text --filter:text", by_path=True),
    "yamllint": tool("-s --strict -f:word -c:file"),
    "taplo fmt": tool("--check --diff", writes=True),
    "taplo lint": tool(),
    "sqlfluff lint": tool("--dialect:word"),
    "sqlfluff fix": tool("--dialect:word -f", writes=True),
    "buf lint": tool(operands="none"),
    "terraform validate": tool("-json -no-color", operands="none"),
    "terraform fmt": tool("-recursive -check -diff", writes=True),
    "codespell": tool("-q:num --skip:text -S:text -w -L:text", writes=True),
    "actionlint": tool("-color -no-color -oneline"),
    "hadolint": tool("--ignore:word -f:word"),
    # What runs the repository's own hooks, and what keeps a copy of an output.
    "pre-commit run": _HOOKS,
    "prek run": _HOOKS,
    "tee": tool("-a --append", operands=r"[\w./\-]+", writes=True),
    "typos": tool("--write-changes -w --diff", writes=True),
}
