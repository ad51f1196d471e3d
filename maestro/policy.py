"""What agents may do, as a table: a row for each kind of action, with *allow*, *ask* or *deny*, and rules by pattern.

A row that is not set is as the permission mode says. A deny wins over an ask, an ask over an allow, wherever they stand.
How a tool call is held against it: ``agents.policies``.
"""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from maestro import unseen

Answer = Literal["allow", "ask", "deny"]
Row = Literal[
    "edit_inside", "edit_outside", "read_outside", "command", "network", "install", "push", "delete", "mcp"
]  # fmt: skip
#: Rows that have rules by pattern beside their one answer.
PatternRow = Literal["command", "network", "mcp"]

ROWS: tuple[Row, ...] = get_args(Row)
#: The rows in words, and what each is about.
NAMES: dict[Row, str] = {
    "edit_inside": "Edit files in the worktree",
    "edit_outside": "Edit files outside the worktree",
    "read_outside": "Read files outside the worktree",
    "command": "Run other commands",
    "network": "Reach other hosts",
    "install": "Install packages",
    "push": "Push or publish",
    "delete": "Delete files",
    "mcp": "Use tools of MCP servers",
}
PRESETS: dict[str, dict[Row, Answer]] = {
    "careful": {
        **dict.fromkeys(("edit_inside", "read_outside", "command", "network", "install", "delete", "mcp"), "ask"),
        **dict.fromkeys(("edit_outside", "push"), "deny"),
    },
    "balanced": {
        "edit_inside": "allow",
        **dict.fromkeys(("edit_outside", "read_outside", "network", "install", "push", "delete", "mcp"), "ask"),
    },
    "sandbox": {
        **dict.fromkeys(("edit_inside", "command", "install", "delete"), "allow"),
        **dict.fromkeys(("read_outside", "network", "push", "mcp"), "ask"),
        "edit_outside": "deny",
    },
}
PRESET_NAMES = {"careful": "Careful", "balanced": "Balanced", "sandbox": "Free in the sandbox"}

# fmt: off
#: What starts other programs or runs what it is given: allowed word for word only, never by a pattern.
RUNS_OTHERS = frozenset({
    "sh", "bash", "zsh", "dash", "ksh", "fish", "csh", "tcsh", "ash", "pwsh", "busybox", "toybox", "eval", "exec", "source",
    ".", "env", "nice", "nohup", "setsid", "timeout", "time", "xargs", "parallel", "stdbuf", "script", "watch", "chroot",
    "unshare", "nsenter", "sudo", "su", "doas", "runuser", "ssh", "scp", "sftp", "rsync", "ionice", "chrt", "taskset",
    "flock", "command", "builtin", "strace", "ltrace", "gdb", "lldb", "perf", "valgrind", "entr", "expect", "tmux", "screen",
    "at", "batch", "crontab", "systemd-run", "systemctl", "python", "python2", "python3", "pypy", "pypy3", "ipython", "perl",
    "ruby", "irb", "node", "nodejs", "deno", "bun", "php", "lua", "luajit", "r", "rscript", "julia", "java", "jshell",
    "scala", "kotlin", "groovy", "clojure", "elixir", "erl", "iex", "ghc", "runghc", "ocaml", "guile", "racket", "sbcl",
    "tclsh", "wish", "osascript", "awk", "gawk", "mawk", "nawk", "sed", "ed", "ex", "vi", "vim", "nvim", "emacs", "nano",
    "m4", "bc", "dc", "sqlite3", "psql", "mysql", "mongosh", "redis-cli", "make", "gmake", "cmake", "ctest", "ninja", "meson",
    "scons", "bazel", "buck", "buck2", "just", "task", "rake", "thor", "ant", "mvn", "mvnw", "gradle", "gradlew", "sbt",
    "lein", "dotnet", "msbuild", "nx", "turbo", "lerna", "gulp", "grunt", "webpack", "vite", "npm", "npx", "pnpm", "pnpx",
    "yarn", "bunx", "uv", "uvx", "pip", "pip3", "pipx", "poetry", "pdm", "hatch", "tox", "nox", "conda", "mamba", "cargo",
    "rustup", "go", "gem", "bundle", "composer", "mix", "rebar3", "cabal", "stack", "swift", "xcodebuild", "zig", "nix",
    "nix-shell", "brew", "apt", "apt-get", "dnf", "yum", "apk", "pacman", "docker", "podman", "nerdctl", "kubectl", "helm",
    "terraform", "tofu", "ansible", "ansible-playbook", "vagrant", "tar", "zip", "find", "fd", "git", "gh", "hg", "svn",
    "man", "less", "more", "pre-commit", "direnv", "mise", "asdf", "nvm", "pyenv", "rbenv", "curl", "wget", "nc", "ncat",
    "socat", "openssl", "dd", "install", "ld.so", "cc", "gcc", "g++", "clang", "clang++", "tee", "ln", "chmod", "chown",
    "mount", "kill", "pkill", "killall",
})
# fmt: on
_PLAIN = re.compile(r"[\w@%+:,./*?\-\[\]]+")
_HOST = re.compile(r"(\*|(\*\.)?[a-z0-9_]([a-z0-9._-]*[a-z0-9])?)(:(\d{1,5}|\*))?")
_TOOL = re.compile(r"[\w.*\-]+:[\w.*\-]+|[\w.*\-]+")


class Rule(BaseModel):
    """An answer for what a pattern fits: a command line, ``host:port``, or ``server:tool``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: PatternRow
    match: str = Field(min_length=1, max_length=1000)
    answer: Answer

    @model_validator(mode="after")
    def _can_be_held(self) -> Rule:
        if unseen.escaped(self.match) != self.match or self.match != self.match.strip():
            raise ValueError("a pattern must not contain invisible characters or surrounding spaces")
        if self.row == "network" and not _HOST.fullmatch(self.match):
            raise ValueError(f"{self.match} is not a host: use example.org, *.example.org or example.org:8443")
        if self.row == "mcp" and not _TOOL.fullmatch(self.match):
            raise ValueError(f"{self.match} is not a tool: use server:tool, or server:*")
        if self.row == "command" and self.answer == "allow" and set("*?[") & set(self.match):
            _check_wide(self.match)
        return self

    def line(self) -> str:
        """``allow network example.org``."""
        return f"{self.answer} {self.row} {self.match}"


class Policy(BaseModel):
    """The table. From outside it may also be a text (``balanced; deny push; allow network example.org``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edit_inside: Answer | None = None
    edit_outside: Answer | None = None
    read_outside: Answer | None = None
    command: Answer | None = None
    network: Answer | None = None
    install: Answer | None = None
    push: Answer | None = None
    delete: Answer | None = None
    mcp: Answer | None = None
    rules: tuple[Rule, ...] = Field(default=(), max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, str):
            return _parsed(value)
        if isinstance(value, dict) and value.get("preset") is not None:
            preset = value["preset"]
            if preset not in PRESETS:
                raise ValueError(f"preset is one of {', '.join(PRESETS)}")
            return PRESETS[preset] | {k: v for k, v in value.items() if k != "preset" and v is not None}
        return {k: v for k, v in value.items() if k != "preset"} if isinstance(value, dict) else value

    @field_validator("rules")
    @classmethod
    def _once(cls, value: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(dict.fromkeys(value))

    def answer(self, row: Row) -> Answer | None:
        """A row's one answer; None: as the permission mode says."""
        found: Answer | None = getattr(self, row)
        return found

    def plain(self) -> dict[str, Any]:
        """As plain JSON, the name of the preset besides where its rows are one's; ``Policy`` reads it as it is."""
        return {"preset": self.preset(), **self.model_dump(mode="json")}

    def preset(self) -> str | None:
        """The preset that the rows are those of, whatever rules there are besides."""
        rows = {row: answer for row in ROWS if (answer := self.answer(row))}
        return next((name for name, preset in PRESETS.items() if preset == rows), None)

    def says_nothing(self) -> bool:
        """Whether all is as the permission mode says."""
        return self == Policy()

    def lines(self) -> list[str]:
        """The table as text, an answer a line."""
        rows = [f"{answer} {row}" for row in ROWS if (answer := self.answer(row))]
        return [*rows, *(rule.line() for rule in self.rules)]

    def plus(self, line: str) -> Policy:
        """With one more answer (``deny push``, ``allow network example.org``). Raises ValueError for what is none."""
        made = {row: self.answer(row) for row in ROWS} | {"rules": self.rules}
        return Policy.model_validate(made | _merged(made, line))


def merged(ours: Policy, own: Policy | None) -> Policy:
    """A session's table over that of the settings: its rows go first, but no deny of the settings is lifted."""
    if own is None or own.says_nothing():
        return ours
    rows = {
        row: ours.answer(row) if ours.answer(row) == "deny" else own.answer(row) or ours.answer(row) for row in ROWS
    }
    return Policy.model_validate(rows | {"rules": (*ours.rules, *own.rules)[:200]})


def _parsed(text: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for line in filter(None, (part.strip() for part in re.split(r"[;\n]", text))):
        made = made | (dict(PRESETS[line]) if line in PRESETS else _merged(made, line))
    return made


def _merged(made: dict[str, Any], line: str) -> dict[str, Any]:
    answer, _, rest = line.strip().partition(" ")
    row, _, match = rest.strip().partition(" ")
    if answer not in get_args(Answer) or row not in ROWS:
        rows = ", ".join(ROWS)
        raise ValueError(f"“{line[:80]}” is none of {', '.join(PRESETS)}, and not like “deny push”. Rows: {rows}")
    if not match.strip():
        return {row: answer}
    rule = Rule.model_validate({"row": row, "match": match.strip(), "answer": answer})
    return {"rules": [*made.get("rules", ()), rule]}


def _check_wide(pattern: str) -> None:
    """Raises ValueError where a pattern would allow more than its words say."""
    words = pattern.split()
    if not all(_PLAIN.fullmatch(word) for word in words) or set("*?[/") & set(words[0]):
        raise ValueError("a pattern that allows must be plain words, starting with the name of a program")
    if re.sub(r"[\d.]+$", "", words[0].lower()) in RUNS_OTHERS or words[0].lower() in RUNS_OTHERS:
        raise ValueError(f"{words[0]} runs whatever it is given, so it can only be allowed exactly, without a wildcard")
