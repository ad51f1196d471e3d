"""What a check will tell, from its text alone and before it has run: its single tests, their number, or pass or fail.

A guess, made by following scripts (``check_scripts``); the evidence says later how it really was.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from maestro.core.proving.check_scripts import reached
from maestro.core.proving.launchers import without_launcher
from maestro.core.proving.recipes import Read

#: What a check tells, worst first: of several runners in one the best counts.
PASS_OR_FAIL, NUMBERS, TESTS = "pass_or_fail", "numbers", "tests"

NOTES = {
    PASS_OR_FAIL: "reports pass or fail only: it does not name its tests, so a missing test goes unnoticed",
    NUMBERS: "counts its tests but does not name them, so a replaced test goes unnoticed",
}

_PYTHON = r"(?:(?:python|pypy)[\d.]*|py)(?: -(?!m)\w+)*"
#: Commands whose runners name their tests to Maestro, by their words without launchers.
_NAMES = re.compile(
    rf"(?:{_PYTHON} -m )?(?:pytest|py\.test)\b|{_PYTHON} -m (?:unittest|xmlrunner|django test)\b|rye test\b"
    rf"|(?:trial|nose2)\b|{_PYTHON} -m (?:twisted\.trial|nose2)\b"
    rf"|(?:{_PYTHON} )?manage\.py test\b|django-admin test\b|tox\b|nox\b|(?:{_PYTHON} -m )(?:tox|nox)\b|hatch (?:test|run)\b"
    r"|jest\b|(?:react-scripts|craco|react-app-rewired|kcd-scripts|tsdx|wp-scripts) test\b|vitest\b(?! (?:bench|list|init))"
    r"|_?mocha\b|jasmine\b(?! (?:init|examples|help|version))|ava\b|tap\b|tape\b|qunit\b|playwright test\b|faucet\b"
    r"|(?:ember test|testem ci)\b|karma start\b"
    r"|(?:node|tsx)\b.* --test\b|(?:node|tsx) --test\b|bun test\b|deno test\b"
    r"|go (?:-C \S+ )?test\b|gotestsum\b|ginkgo\b.* --junit-report\b"
    r"|(?:cargo|cross) (?:\+\S+ )?(?:hack |careful |miri )?(?:test|t|nextest|llvm-cov)\b"
    r"|ctest\b|(?:cmake|ninja|meson)\b.*\b(?:test|check)\b|mvnd?\b|mvnw\b|gradle\b|gradlew\b|sbt\b"
    r"|rspec\b|(?:rails|rake) (?:test|spec)\b|ruby\b.*\b(?:test|spec)|minitest\b|(?:simple-)?phpunit\b|pest\b|paratest\b"
    r"|(?:php )?artisan test\b|bats\b|prove\b|perl\b.* \S+\.t\b|(?:perl )?Build test\b|dzil test\b"
)
_COUNTS = re.compile(r"uvu\b|dotnet test\b|mix test\b|stestr\b")
#: A script of the repository's own that is handed a runner to start: ``node bin/prepare.js mocha``.
_HANDS_ON = re.compile(
    r"(?:node|tsx|ts-node)\b(?: -\S+)* \S+\.[cm]?[jt]s (?=(?:cross-env|_?mocha|jest|vitest|ava|tap)\b)"
)
#: Tests that only Maven's and Gradle's later phases run.
_BUILDS = re.compile(r"(?:mvnd?|mvnw|gradle|gradlew|sbt)\b")
_BUILD_TESTS = re.compile(r"(?<![\w-])\S*(?:test|verify|check|package|install|deploy|build)\w*", re.IGNORECASE)
_RUNS_NONE = re.compile(
    r"--(?:co|collect-only|help|version|list|listTests|no-run|passWithNoTests=only)\b|-D?skipTests|-x test\b"
)

#: Commands that watch for changes, or serve, and never end by themselves.
_WATCHES = re.compile(
    r".*\s--?(?:watch|watchAll|watch-all|watch=true|watchAll=true|live-reload|continuous)(?:\s|$)"
    r"|(?:jest|mocha|tsc|ava|tap|rollup|sass|tsup|swc|babel|esbuild|webpack|playwright|chokidar|vitest|lessc|stylus)\b.*\s-w(?:\s|$)"
    r"|vitest (?:watch|dev)\b|nodemon\b|chokidar\b|watchexec\b|entr\b|fswatch\b|ptw\b|pytest-watch\b|watchmedo\b|guard\b|air\b"
    r"|cargo(?:-| )watch\b|bacon\b|tsx watch\b|ts-node-dev\b|dotnet watch\b|mix test\.watch\b|phpunit-watcher\b"
    r"|concurrently\b.*watch"
    r"|(?:gulp|grunt) watch\b|(?:gradlew?) .*-t\b|sbt .*~|watch\b|ng (?:serve|s)\b"
    r"|(?:next|nuxt|nuxi|astro|remix|storybook) dev\b"
    r"|gatsby develop\b|vite(?: (?:dev|serve|preview))?(?: --?\S+)*$|webpack(?:-dev-server"
    r"| serve)\b|(?:react-scripts|craco) start\b"
    r"|vue-cli-service serve\b|parcel (?:serve|watch)\b|live-server\b|http-server\b|serve\b|docker[- ]compose up\b(?!.* -d)"
    r"|(?:flask|fastapi) (?:run|dev)\b|(?:uvicorn|gunicorn|hypercorn) (?!--help)|(?:python[\d.]* )?manage\.py runserver\b"
    r"|python[\d.]* -m http\.server\b|rails (?:s|server)\b|(?:hugo|mkdocs|jekyll) (?:server|serve)\b|php -S\b"
    r"|(?:expo|quasar|ionic|sapper|svelte-kit) (?:start|dev|serve)\b|wrangler dev\b|tail -[fF]\b"
    r"|karma start\b(?!.*--single-run)|cypress open\b|playwright test\b.* --ui\b|ng test\b"
)
#: A package script that cannot be looked up says by its name that it does not end.
_SERVES = re.compile(r"(?:npm|pnpm|yarn|bun)(?: run)? (?:\S+:)?(?:dev|serve|watch|develop)(?::\S+)?(?:\s|$)")
_STARTS = re.compile(r"(?:npm|pnpm|yarn|bun)(?: run)? start(?:\s|$)")
_OFF = re.compile(r"--watch(?:All)?=false|--no-watch|--run\b|--single-run|--watch=0")
_VITEST = re.compile(r"vitest\b(?!.* (?:run|related|bench|list|init|--run)\b)")


@dataclass(frozen=True, slots=True)
class Foretold:
    """A check, what it will tell, and why it may never end."""

    command: str
    tells: str
    watches: str | None = None

    @property
    def note(self) -> str | None:
        """A sentence where it names no tests; None where it does."""
        return NOTES.get(self.tells)


def foretell(command: str, read: Read, packages: Sequence[str] = ()) -> Foretold:
    """Look at one check. ``read`` gives a file of the repository; ``packages`` are folders with a package.json."""
    commands = [_program(shlex.split(one)) for one in reached([command], read, packages).commands]
    tells = max((_tells(one, read) for one in commands), default=PASS_OR_FAIL, key=(PASS_OR_FAIL, NUMBERS, TESTS).index)
    return Foretold(command, tells, next((why for one in commands if (why := _watches(one, read))), None))


def _program(words: list[str]) -> str:
    """A command by its program's bare name: without launchers, and without the folder it lies in."""
    words = without_launcher(words)
    if handed := _HANDS_ON.match(" ".join(words)):
        words = without_launcher(" ".join(words)[handed.end() :].split(" "))
    return " ".join([words[0].rpartition("/")[2], *words[1:]]) if words else ""


def _tells(command: str, read: Read) -> str:
    if _RUNS_NONE.search(command):
        return PASS_OR_FAIL
    if _BUILDS.match(command):
        return TESTS if _BUILD_TESTS.search(command.partition(" ")[2]) else PASS_OR_FAIL
    if re.match(r"(?:make|ninja) (?:\S+ )*(?:test|check)\b", command) and read("CMakeLists.txt") is not None:
        return TESTS  # what CMake generates runs ctest
    if re.match(r"make (?:\S+ )*test\b", command) and read("Makefile.PL") is not None:
        return TESTS  # what MakeMaker generates runs Perl's harness
    if _NAMES.match(command):
        return TESTS
    return NUMBERS if _COUNTS.match(command) else PASS_OR_FAIL


def _watches(command: str, read: Read) -> str | None:
    if _OFF.search(command):
        return None
    if _WATCHES.match(command):
        return f"`{command}` watches or serves and never ends on its own: use a form that runs once"
    if _VITEST.match(command):
        return f"`{command}` may watch for changes and never end: `vitest run` always ends"
    if _SERVES.match(command) or (_STARTS.match(command) and len(reached([command], read).commands) == 1):
        return f"`{command}` seems to serve or watch and never end: use a command that runs once"
    return None
