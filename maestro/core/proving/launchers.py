"""Commands that only start another one: ``uv run``, ``npx``, ``cross-env A=1 c8``, ``node node_modules/.bin/jest``…"""

from __future__ import annotations

import re

#: Programs that start another one, with the word that comes before it.
_LAUNCHERS = dict.fromkeys(("uv", "poetry", "pipenv", "pdm", "hatch", "rye", "pixi", "coverage", "doppler"), "run")
_LAUNCHERS |= {"bundle": "exec", "lerna": "exec"}
#: The same without a word.
_WRAPPERS = frozenset(
    {
        "cross-env",
        "cross-env-shell",
        "dotenv",
        "c8",
        "nyc",
        "timeout",
        "sudo",
        "env",
        "npx",
        "bunx",
        "pnpx",
        "corepack",
        "retry",
    }
)
#: Programs that start what stands behind these words of theirs, and those that fetch a tool by its name.
_STARTS = {
    "nice": ("-n",), "ionice": ("-c", "-n"), "dbus-run-session": (), "chronic": (), "stdbuf": (),
    "volta": ("run",), "direnv": ("exec",), "mise": ("exec",), "nix": ("develop",),
}  # fmt: skip
_TOOLS = (("uvx",), ("uv", "tool", "run"), ("pipx", "run"))
_EXEC = frozenset({"exec", "dlx", "x"})
PACKAGE_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
#: Those that start a package's programs by name alone, and the words that mean something else to them.
_BY_NAME = frozenset({"pnpm", "yarn"})
_OWN_WORDS = re.compile(
    r"add|audit|build|cache|ci|config|create|dedupe|deploy|dlx|exec|explain|fetch|global|help|import|info|init|install"
    r"|licenses|link|list|login|ls|npm|outdated|pack|patch|plugin|prune|publish|rebuild|remove|root|run|self-update|set"
    r"|setup|start|stop|store|t|tag|team|test|unlink|up|update|upgrade|version|versions|why|workspaces?"
)
_WITH_VALUE = frozenset(
    [
        "--with",
        "--extra",
        "--group",
        "--python",
        "-p",
        "--project",
        "--package",
        "-e",
        "-f",
        "--env",
        "--reporter",
        "--prefix",
        "-r",
        "--environment",
    ]
)
#: Options of Node and PHP that take the next word.
_NODE_VALUE = frozenset(
    ("-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file")
)
_PHP_VALUE = frozenset(["-d", "-c", "-z"])
_OF_PACKAGE = re.compile(r"(?:.*/)?node_modules/(?:\.bin/)?(?P<name>@[^/]+/[^/]+|[^/]+)(?:/.*)?")
#: Yarn, where the repository holds it.
_YARN = re.compile(r"(?:.*/)?\.yarn/releases/yarn-[\w.-]+\.c?js")
_GIVEN_VERSION = re.compile(r"(?<=[^@/])@[^/]*$")
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*")
_SHELL = re.compile(r"(?:ba|da|z|k)?sh")


def without_launcher(words: list[str]) -> list[str]:
    """The command that a command starts, where it only starts another."""
    while words:
        rest = _started(words)
        if rest is None:
            return words
        if not rest:
            return words if words[0].rpartition("/")[2] == "env" else []
        words = rest
    return words


def _started(words: list[str]) -> list[str] | None:
    """What a command starts, one launcher less; None where it is none."""
    name, second = words[0].rpartition("/")[2], "".join(words[1:2])
    if name in _WRAPPERS:
        rest = without_options(words[1:])
        rest = rest[1:] if name == "timeout" or (name == "retry" and rest[:1] and rest[0].isdigit()) else rest
        return plain(rest) if name in {"npx", "bunx", "pnpx", "corepack"} else rest
    if name in _STARTS:
        return _behind_words(name, words)
    if tool := next((tool for tool in _TOOLS if (name, *words[1 : len(tool)]) == tool), None):
        return plain(without_options(words[len(tool) :]))
    if name in PACKAGE_MANAGERS and second in _EXEC:
        return plain(without_options(words[2:]))
    if _LAUNCHERS.get(name) == second:
        return _of_environment(words)
    if name in _BY_NAME and second == "node":
        return words[1:]
    if name == "node":
        return _of_node(words)
    if name == "deno" and second == "run":
        return _of_deno(words)
    if name == "go" and second in {"run", "tool"}:
        return _of_go(words)
    if name == "php":
        return _of_php(words)
    if _PYTHON.fullmatch(name) and second == "-m" and _LAUNCHERS.get("".join(words[2:3])) == "".join(words[3:4]) != "":
        return words[2:]
    if _SHELL.fullmatch(name) and second.rpartition("/")[2] in {"gradlew", "mvnw"}:
        return words[1:]
    return None


def _behind_words(name: str, words: list[str]) -> list[str] | None:
    """What ``nice -n 10``, ``direnv exec .``, ``mise exec --`` and their like start."""
    own = _STARTS[name]
    rest = words[1:]
    if own and not own[0].startswith("-"):
        if "".join(rest[:1]) != own[0] and not (name == "mise" and rest[:1] == ["x"]):
            return None
        rest = rest[2:] if name == "direnv" else rest[1:]
    while rest and rest[0].startswith("-"):
        last = rest[0] in {"--", "-c", "--command"} and name != "ionice"
        rest = rest[2:] if rest[0] in own else rest[1:]
        if last:
            break
    return rest


def program_of_package(words: list[str]) -> list[str] | None:
    """What ``pnpm vitest run`` and ``yarn jest`` start where no script has the name; None where it is another command."""
    rest = without_options(words[1:])
    by_name = words[0].rpartition("/")[2] in _BY_NAME and rest and not _OWN_WORDS.fullmatch(rest[0])
    return rest if by_name and re.fullmatch(r"[\w@][\w./@-]*", rest[0]) else None


def plain(words: list[str]) -> list[str]:
    """Without the version that a package is asked for in: ``pnpm@9.4.0``."""
    return [_GIVEN_VERSION.sub("", words[0]), *words[1:]] if words else words


def _of_environment(words: list[str]) -> list[str]:
    rest = without_options(words[2:])
    module = next((word for word in words[2:] if word in {"-m", "--module"}), None)
    if module and (not rest or words.index(module) < words.index(rest[0])):
        return ["python", "-m", *words[words.index(module) + 1 :]]
    return rest


def _of_node(words: list[str]) -> list[str] | None:
    """The program of a package that Node is given as a file."""
    if {"--test", "--run"} & set(words):
        return None
    at = _behind_options(words, 1, _NODE_VALUE)
    rest = words[at:]
    if not rest:
        return None
    if _YARN.fullmatch(rest[0]):
        return ["yarn", *rest[1:]]
    if found := _OF_PACKAGE.fullmatch(rest[0]):
        return [found["name"].rpartition("/")[2].removesuffix(".js"), *rest[1:]]
    return rest if "." not in rest[0] and "/" not in rest[0] else None


def _of_deno(words: list[str]) -> list[str] | None:
    """The program of a package that Deno is given: ``deno run -A npm:vitest run``."""
    at = _behind_options(words, 2, frozenset({"--config", "-c", "--import-map", "--lock"}))
    named = re.match(r"npm:(?P<name>(?:@[^/@]+/)?[^/@]+)(?:@[^/]*)?(?:/(?P<bin>.+))?$", "".join(words[at : at + 1]))
    return [named["bin"] or named["name"].rpartition("/")[2], *words[at + 1 :]] if named else None


def _of_go(words: list[str]) -> list[str] | None:
    """A runner that Go is given by the name of its module: ``go run gotest.tools/gotestsum@latest ./...``."""
    at = _behind_options(words, 2, frozenset())
    named = re.fullmatch(r"(?:\S*/)?(gotestsum)(?:@\S+)?", "".join(words[at : at + 1]))
    return [named[1], *words[at + 1 :]] if named else None


def _of_php(words: list[str]) -> list[str] | None:
    at = _behind_options(words, 1, _PHP_VALUE)
    own = ("vendor/bin/", "./vendor/bin/", "bin/phpunit", "./bin/phpunit")
    return words[at:] if "".join(words[at : at + 1]).startswith(own) else None


def _behind_options(words: list[str], at: int, with_value: frozenset[str]) -> int:
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in with_value else 1
    return at


def without_options(words: list[str]) -> list[str]:
    """Without the options and settings that stand before a program."""
    while words and (words[0].startswith("-") or "=" in words[0].partition("/")[0]):
        words = words[2:] if words[0] in _WITH_VALUE else words[1:]
    return words
