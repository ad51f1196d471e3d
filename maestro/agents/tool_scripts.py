"""Scripts that a repository names itself: ``npm test``, ``pnpm --filter x lint``, ``poe check``, ``composer test``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from maestro import untrusted
from maestro.agents import shell
from maestro.agents.shell_folders import Place
from maestro.agents.tool_launchers import Words
from maestro.agents.tool_options import TASK, path_fits
from maestro.agents.tool_table import TOOLS

_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
#: Runners of named scripts in other trades; what follows them is a name.
_NAMED = frozenset({"poe", "poethepoet", "pdm", "composer"})
_RUN = frozenset({"run", "run-script"})
#: Scripts with a word of their own; ``yarn`` and ``pnpm`` take any name so.
_SHORT = {"npm": frozenset({"test", "t", "tst"}), "bun": frozenset[str]()}
_FLAG_WORDS = (
    "-s --silent --if-present --workspaces -ws -r --recursive --parallel -q --quiet --stream --no-bail --all -A"
    " --include-workspace-root --aggregate-output --offline --top-level -T --topological"
)
_FLAGS = frozenset(_FLAG_WORDS.split())
_VALUES = frozenset(["-w", "--workspace", "--filter", "-F", "--workspace-concurrency", "--reporter"])
_FOLDER_VALUES = frozenset(["--prefix", "-C", "--dir", "--cwd"])
#: What a script says where it does more than work on the repository.
_LEAVES = re.compile(
    r"\b(publish|deploy|release|semantic-release|curl|wget|ssh|scp|rsync|docker|podman|kubectl|helm|aws|gcloud|az"
    r"|firebase|vercel|netlify|surge|wrangler|gh|sudo|npx\s+(-y|--yes)|heroku|fly|flyctl|terraform)\b|\bgit\s+(push|tag|commit)"
)
#: Words for a script whose tool is not known: they choose and print.
_PLAIN = re.compile(
    r"--(run|ci|verbose|silent|coverage|watch=false|watchAll=false|runInBand|bail|fix|write|check|quiet)"
)
_BYTES = 1_000_000
PROGRAMS = frozenset(name.split(" ")[0] for name in TOOLS)


@dataclass(frozen=True, slots=True)
class Call:
    """A script that is run, in a folder, with words of the agent."""

    name: str
    folder: Path
    words: Words
    place: Place
    body: str  # of its package.json, with what runs before and after; empty where that is not known
    text: str  # the script alone

    def may_run_by_name(self) -> bool:
        """Whether the name is that of tests, checks or a build, and what it says stays on the machine."""
        return re.fullmatch(TASK, self.name) is not None and not _LEAVES.search(self.body)

    def commands(self) -> list[shell.Command]:
        """The commands of the script; none where they are not understood."""
        return (shell.parse(self.text) or []) if self.text else []

    def last_command(self) -> shell.Command | None:
        """The command that further words of a call go to."""
        parsed = self.commands()
        return shell.Command(parsed[-1].words, parsed[-1].globbed) if parsed else None

    def words_are_plain(self) -> bool:
        """Whether the words of the call name things of the worktree or just choose."""
        return all(
            (_PLAIN.fullmatch(word) and not globbed) if word.startswith("-") else path_fits(word, globbed, self.place)
            for word, globbed in self.words
        )


def called(given: Words, place: Place) -> Call | None:
    """The script that a command runs; None where it runs none."""
    if not given:
        return None
    manager, rest = given[0][0], given[1:]
    if manager == "deno" and [w for w, _ in rest[:1]] == ["task"]:
        return _named("deno task", rest[1:], place)
    if manager in _NAMED:
        return _named(manager, rest, place)
    if manager not in _MANAGERS:
        return None
    if manager == "yarn" and [w for w, _ in rest[:1]] == ["workspace"]:
        rest = rest[2:]
    folder = place.folders[0]
    at, runs = 0, False
    while at < len(rest):
        word, globbed = rest[at]
        name, joined, value = word.partition("=")
        if globbed:
            return None
        if word in _FLAGS:
            at += 1
        elif name in _VALUES | _FOLDER_VALUES:
            value = value if joined else "".join(w for w, _ in rest[at + 1 : at + 2])
            if name in _FOLDER_VALUES and place.edit_kind(value or "..") != "edit":
                return None
            folder = folder / value if name in _FOLDER_VALUES else folder
            at += 1 if joined else 2
        elif word in _RUN and not runs:
            runs, at = True, at + 1
        else:
            break
    if at >= len(rest) or rest[at][0].startswith("-"):
        return None
    name = rest[at][0]
    if not runs and manager in _SHORT and name not in _SHORT[manager]:
        return None
    if not runs and manager == "npm":
        name = "test"
    return _script(name, folder, _own_words(rest[at + 1 :]), place)


def installed_tool(given: Words) -> Words:
    """``yarn jest``, ``pnpm jest`` and ``bun run jest`` start what is installed where no script has the name."""
    if given[0][0] not in _MANAGERS - {"npm"}:
        return given
    at = 2 if [w for w, _ in given[1:2]] == ["run"] else 1
    known = at == 2 or given[0][0] != "bun"
    return given[at:] if known and given[at : at + 1] and given[at][0] in PROGRAMS else given


def _own_words(words: Words) -> Words:
    """The words that reach the script: those of the package manager itself are left out."""
    found: Words = []
    left = iter(words)
    for word, globbed in left:
        if word == "--":
            return [*found, *left]
        if word in _FLAGS and word not in ("--all", "-A", "-r"):
            continue
        if word.partition("=")[0] in ("--workspace", "-w", "--filter"):
            if "=" not in word:
                next(left, None)
            continue
        found.append((word, globbed))
    return found


def _script(name: str, folder: Path, words: Words, place: Place) -> Call | None:
    scripts = _scripts_of(folder / "package.json")
    if name not in scripts and (name in PROGRAMS or not re.fullmatch(r"[\w:.\-]+", name)):
        return None
    body = "\n".join(scripts.get(f"{when}{name}", "") for when in ("pre", "", "post"))
    for inner in re.findall(r"(?:npm|pnpm|yarn|bun)\s+(?:run\s+|run-script\s+)?([\w:\-]+)", body):
        body += "\n" + scripts.get(inner, "")
    where = Place(place.worktree, (folder.resolve(),)) if folder != place.folders[0] else place
    return Call(name, folder.resolve(), words, where, body, scripts.get(name, ""))


def _named(runner: str, rest: Words, place: Place) -> Call | None:
    if rest[:1] and rest[0][0] in _RUN and runner == "composer":
        rest = rest[1:]
    if not rest or rest[0][1] or rest[0][0].startswith("-") or f"{runner} {rest[0][0]}" in TOOLS:
        return None
    return Call(rest[0][0], place.folders[0].resolve(), [w for w in rest[1:] if w[0] != "--"], place, "", "")


def _scripts_of(path: Path) -> dict[str, str]:
    try:
        found = json.loads(untrusted.read(path, _BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    scripts = found.get("scripts") if isinstance(found, dict) else None
    return {k: v for k, v in scripts.items() if isinstance(v, str)} if isinstance(scripts, dict) else {}
