# ruff: noqa: E501 - lists of pieces
"""Our judgement of shell commands against a real bash: which words it reads, and what a free command does under strace.

``scripts/fuzz_gates.py`` runs this for as long as one likes; the tests run it for seconds.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from maestro.agents import shell
from maestro.agents.gates import judge
from maestro.agents.shell_folders import Place

CANARY = "CANARY-7f3a"
_ODD_BLANKS = ("\u00a0", "\u2003", "\u3000", "\x0b", "\x0c", "\r", "\u2028", "\u200b", "\u202e", "\ufeff", "\x85")
_PIECES = (
    "a", "b1", "-x", "--y=z", "é", "à", "=", "==", "x=~/q", "~", "~/q", "~root", "''~/q", "~'/q'", "'", '"', "'s p'", '"d q"', "\\",
    "\\\n", "`id`", "$x", "$?", "$(nproc)", "${x}", "$'\\n'", '$"q"', "{a,b}", "{1..3}", "#", "x#y", "!", "!!", "^a^b", "*", "?", "[ab]",
    "f*", ".*", "**", "(", ")", "<", ">", "<<E", "<<<w", "<>", ">&2", "&>f", "2>&1", "2>/dev/null", "> /dev/null", ">\u00a0/dev/null", "&", "|&",
    "if", "then", "fi", "{", "}", "[[", "]]", "time", "coproc", "function", "\t", "\0", '"\\n"', '"\\$"', '"a\\b"', '"$?"', "'\n'", "@{1}", "a:~/q", "%1",
)  # fmt: skip
_JOINS = (
    " ",
    " ",
    " ",
    " ",
    "",
    "\t",
    "  ",
    "\n",
    ";",
    " ; ",
    "&&",
    " && ",
    "||",
    " || ",
    "|",
    " | ",
    *_ODD_BLANKS[:4],
)

#: Reads NUL-separated lines; for each prints the words of every command that it would run, and a mark. Bash writes at each
#: new line, and commands of a pipe write at the same time: new lines go as another character.
_READER = r"""
tell() { printf '%s\0' "${@//$'\n'/$'\3'}" $'\1' >&9; }
prog0() { tell prog0 "$@"; }; prog1() { tell prog1 "$@"; }; echo() { tell echo "$@"; }
while IFS= read -r -d '' line; do
  ( eval "$line" ) 9>&1 >/dev/null 2>/dev/null </dev/null
  printf '\2\0'
done 9>/dev/null
"""

_TREE_PATHS = (
    "src/a.py", "src", ".", "link", "src/link", "link/secret", "src/up", "l*", "lin?", "s*", "*", "?rc", "[s]rc/a.py", ".*", "*/*", "**", "**/a.py",
    "..", "../outside/secret", "../outside", "~", "~/.ssh/id_rsa", "''~/.ssh/id_rsa", "~/.ss*/*", "'src'/a.py", '"src/a.py"', "dash/*", "dash", "list0", "./list0",
    "src/../../outside/secret", "new", "new/b", "chain", "chain/deep", ".git", ".git/config", "\u00a0/dev/null", "a\\ b", "src/{a,b}.py", "$HOME/.ssh/id_rsa", "/etc/hostname",
    "<home>/.ssh/id_rsa", "<wt>/src", "<wt>/../outside/secret", "x", "-", "--", "file", "exe",
)  # fmt: skip
_PROGRAMS: dict[str, tuple[str, ...]] = {
    "cat": ("-n", "-A", "--number"),
    "head": ("-n", "-n1", "-c5", "-5"),
    "tail": ("-n1", "-n", "+1"),
    "ls": ("-la", "-R", "-RL", "-L", "-d", "-1", "--dereference", "-H"),
    "wc": ("-l", "--files0-from=<p>", "--files0=<p>", "-c"),
    "sort": ("-u", "-o<p>", "--output=<p>", "-k1", "--files0-from=<p>", "-T<p>", "-m", "--random-source=<p>", "-uo", "-R"),
    "uniq": ("-c", "-d"),
    "grep": ("-R", "-r", "-rn", "-e", "''", "x", "-f<p>", "-nf<p>", "--file=<p>", "-l", "--include=*", "-d", "recurse", "-RIn", "-A", "1",
             "--exclude-from=<p>", "--exclude-from", "--exclude", "-m1", "-m", "-D", "read", "--regexp", "--color=always", "-lR"),
    "find": ("-L", "-name", "'*'", "-type", "f", "-newer", "-follow", "-maxdepth", "2", "-H", "-ls", "-delete"),
    "diff": ("-r", "-u", "-q", "--from-file=<p>", "-N"),
    "cmp": ("-l",),
    "du": ("-L", "-a", "-D", "--files0-from=<p>", "-X<p>"),
    "stat": ("-L", "-c", "%n"),
    "md5sum": ("-c", "--check", "-b"),
    "sha256sum": ("-c", "--che"),
    "comm": ("-1", "--output-delimiter=<p>"),
    "paste": ("-d", "-s"),
    "tac": ("-s<p>", "-r"),
    "od": ("-c", "-j1", "--strings=3"),
    "file": ("-b", "-f<p>", "-m<p>", "-C", "--files-from=<p>", "-L"),
    "column": ("-t", "-s:"),
    "join": ("-t", "-a1"),
    "fold": ("-w", "5"),
    "jq": ("-r", ".", "'.a'", "-f<p>", "--rawfile", "'$ENV'", "env", "--slurpfile", "-L<p>", "inputs"),
    "cut": ("-c1", "-f1"),
    "nl": ("-ba",),
    "tr": ("a", "b"),
    "readlink": ("-f",),
    "realpath": ("-s",),
    "sed": ("-n", "1p", "'1,3p'", "-i", "'1w x'", "'1p;2p'", "'/x/,/y/p'", "'/x/w x'", "'/x/p;w x'"),
    "echo": ("-e", "a", "-n"),
    "printf": ("'%s'", "-v", "x", "'%n'", "PATH"),
    "test": ("-f", "-v", "-e", "'a[$(id)]'"),
    "tree": ("-l", "-o<p>", "-a"),
    "git": ("status", "log", "diff", "show", "--no-pager", "grep", "x", "ls-files", "--no-index", "--output=<p>", "-f<p>", "-C", "-O<p>", "blame", "--contents=<p>", "-p",
            "--git-dir=<p>", "-c", "core.pager=id", "cat-file", "-e", "HEAD:src/a.py", "rev-parse", "--show-toplevel", "ls-tree", "HEAD",
            "shortlog", "-X<p>", "--exclude-from=<p>", "--contents", "--output", "-S", "--stdin", "branch", "remote", "--all", "describe",
            "--path-format=absolute", "merge-base", "rev-list", "--ignore-revs-file=<p>", "-L1,2:<p>", "--ext", "--textc", "--outp=<p>", "tag", "stash", "list", "reflog",
            "worktree", "show-ref", "for-each-ref", "--format=<p>", "check-ignore", "name-rev", "diff-tree", "config", "--get", "user.name"),
    "cp": ("-r", "-rL", "-a", "-P", "-t<p>", "-L", "-R"),
    "mv": ("-f", "-n", "-t<p>"),
    "mkdir": ("-p",),
    "touch": ("-a", "-r<p>"),
    "cd": ("-P",),
    "pwd": (),
    "date": ("-u", "+%s", "-f<p>", "-r", "--file=<p>", "--reference=<p>"),
    "tee": ("-a", "--append", "--output-error=warn"),
    "basename": ("-a", "-s"),
    "egrep": ("-r", "x", "-R"),
    "sha1sum": ("-c", "-b", "--tag"),
    "uname": ("-a",),
    "source": (),
    "df": ("-h", "--output=<p>"),
    "rg": ("-n", "x", "-L", "--follow", "-f<p>", "--ignore-file", "--ignore-file=<p>", "-g", "'*'", "--files", "-z", "--pre=<p>", "-uuu", "-e"),
    "which": ("-a", "ls"),
}  # fmt: skip
_BETWEEN = (
    " && ",
    "; ",
    " | ",
    " || ",
    "\n",
    " & ",
    " > ",
    " >> ",
    " >",
    " 2> ",
    " 1>> ",
    " < ",
    " 2>/dev/null; ",
    " 2>&1 | ",
    " |& ",
)
_BLANKS = (" ",) * 30 + ("\t", "  ", *_ODD_BLANKS)
#: Programs that these start themselves: git and its own parts; ``egrep`` is a script around ``grep``.
_HELPERS = frozenset({"bash", "git", "grep"})


def random_line(rng: random.Random) -> str:
    """Pieces of shell syntax in any order behind a program."""
    line = rng.choice(("prog0", "prog0", "echo"))
    for _ in range(rng.randrange(1, 7)):
        line += rng.choice(_JOINS) + rng.choice(_PIECES)
        if rng.random() < 0.2:
            line += rng.choice((" && ", "; ", " | ", "\n")) + rng.choice(("prog1", "echo"))
    return line


def differences_in_words(lines: list[str], folder: Path, home: Path) -> list[str]:
    """The lines that we understand and bash reads otherwise, each with what was read. ``folder``: where it runs."""
    known = [(line, parsed) for line in lines if (parsed := shell.parse(line.strip(shell.BLANKS)))]
    # What a coprocess says comes when it likes, perhaps with the next line's.
    known = [(line, parsed) for line, parsed in known if not any(c.program == "coproc" for c in parsed)]
    fed = "".join(f"{line}\0" for line, _ in known).encode("utf-8", "surrogateescape")
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    command = ["bash", "--norc", "--noprofile", "-c", _READER]
    ran = subprocess.run(command, input=fed, cwd=folder, env=environment, capture_output=True, timeout=300, check=True)
    answers = ran.stdout.decode("utf-8", "surrogateescape").replace("\3", "\n").split("\2\0")[:-1]
    assert len(answers) == len(known), "bash ended early"
    return [
        f"{line!r}: we {[c.words for c in parsed]}, bash {told!r}"
        for (line, parsed), answer in zip(known, answers, strict=True)
        if not _same(parsed, told := [a.split("\0")[:-1] for a in answer.split("\1\0")[:-1]], folder)
    ]


def _same(parsed: list[shell.Command], told: list[list[str]], folder: Path) -> bool:
    """Whether bash ran commands of ours only, in their order, each with our words."""
    place = Place(folder, (folder,))
    parts = [c for c in parsed if c.program in ("prog0", "prog1", "echo")]
    # In a pipe the order is open, behind || nothing may run: every command told has to be one of ours.
    return all(any(_fits(c, words, place) for c in parts) for words in told) and (len(told) <= len(parts))


def _fits(command: shell.Command, words: list[str], place: Place) -> bool:
    left = list(words)
    for index, word in enumerate(command.words):
        if index in command.globbed:
            names = {
                str(p.relative_to(place.worktree))
                for p in place.expanded(word) or ()
                if p.is_relative_to(place.worktree)
            }
            while left and left[0] in names | {word}:
                left.pop(0)
            continue
        pattern = re.escape(word).replace(re.escape("$?"), r"\d+")
        if not left or not (
            re.fullmatch(pattern, left[0]) or (word == "1" and left[0].isdecimal()) or _cores(word, left[0])
        ):
            return False
        left.pop(0)
    return not left


def _cores(word: str, seen: str) -> bool:
    """Whether words are the same but for the number of cores, which we do not know."""
    return re.sub(r"\d+", "1", word.replace("$?", "1")) == re.sub(r"\d+", "1", seen)


#: ``git diff`` and ``git status`` note in the index that a file has only been touched; what is staged stays.
_REFRESHED = {(".git", "index"), (".git", "index.lock")}


@dataclass(slots=True)
class Ground:
    """A throwaway folder: a worktree, and beside it a home and files that nobody may touch."""

    base: Path

    @property
    def worktree(self) -> Path:
        return self.base / "wt"

    @property
    def home(self) -> Path:
        return self.base / "home"

    def lay(self) -> None:
        """Everything anew."""
        shutil.rmtree(self.base, ignore_errors=True)
        for folder in ("wt/src", "wt/dash", "wt/.claude", "wt/\u00a0/dev", "home/.ssh", "outside/deep", "wt/inner"):
            (self.base / folder).mkdir(parents=True)
        for file in ("wt/src/a.py", "wt/src/b.py", "wt/file", "wt/dash/-R", "wt/dash/-L", "wt/dash/x", "wt/a b"):
            (self.base / file).write_text("x = 1\n")
        for secret in ("home/.ssh/id_rsa", "outside/secret", "outside/deep/secret", "home/.bashrc"):
            (self.base / secret).write_text(CANARY + "\n")
        names = f"{self.home}/.ssh/id_rsa\0../outside/secret\0"
        (self.worktree / "list0").write_text(names)
        (self.worktree / "dash/--files0-from=list0").write_text("")
        for link, target in (
            ("link", "../outside"), ("src/link", "../../outside/secret"), ("src/up", "../.."), ("chain", "inner"),
            ("inner/deep", "../../outside"), ("\u00a0/dev/null", "../../../home/.bashrc"), ("sshkey", str(self.home / ".ssh/id_rsa")),
        ):  # fmt: skip
            (self.worktree / link).symlink_to(target)
        (self.worktree / "exe").symlink_to(shutil.which("true") or "/bin/true")
        self._git("init", "-q")
        self._git("add", "src", "file")
        self._git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one")

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.worktree, env=self.environment(), check=True, capture_output=True)

    def environment(self) -> dict[str, str]:
        """What a command runs with."""
        return {
            "HOME": str(self.home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat", "GIT_OPTIONAL_LOCKS": "0",
        }  # fmt: skip

    def random_command(self, rng: random.Random) -> str:
        """A line of ordinary programs with options and paths that may lead anywhere."""
        line = self._simple(rng)
        while rng.random() < 0.25:
            line += rng.choice(_BETWEEN) + self._simple(rng)
        return line.replace("<home>", str(self.home)).replace("<wt>", str(self.worktree))

    def _simple(self, rng: random.Random) -> str:
        program = rng.choice(list(_PROGRAMS))
        words = [program]
        for _ in range(rng.randrange(0, 4)):
            option = rng.random() < 0.5 and bool(_PROGRAMS[program])
            words.append(rng.choice(_PROGRAMS[program]) if option else rng.choice(_TREE_PATHS))
        line = words[0]
        for word in words[1:]:
            line += rng.choice(_BLANKS) + word.replace("<p>", rng.choice(_TREE_PATHS))
        return line

    def is_free(self, line: str) -> bool:
        """Whether the gate lets this run unasked."""
        return judge("edits", "Bash", {"command": line}, self.worktree).action == "allow"

    def harm(self, line: str) -> str:
        """What a command does that a free one must not do; empty where it does nothing of the kind."""
        before = self._state()
        log = self.base / "trace"
        traced = "open,openat,openat2,creat,execve,connect,socket"
        command = ["strace", "-f", "-qq", "-y", "-s", "4096", "-o", str(log), "-e", f"trace={traced}"]
        command += ["bash", "--norc", "--noprofile", "-c", 'eval "$1"', "bash", line]
        done = subprocess.run(
            command,
            cwd=self.worktree,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        found = self._traced(log.read_text("utf-8", "backslashreplace"), line)
        log.unlink()
        if CANARY.encode() in done.stdout + done.stderr:
            found = f"a secret was printed; {found}"
        if self._state() != before:
            found = f"something outside was changed; {found}"
        return found

    def _traced(self, trace: str, line: str) -> str:
        read = shell.parse_writing(line.strip(shell.BLANKS)) or ([], [])
        programs = {c.program.rpartition("/")[2] for c in read[0]} | _HELPERS
        for row in trace.splitlines():
            call = row.partition(" ")[2].lstrip()
            if re.search(r"AF_INET|AF_NETLINK", call):
                return f"talked to the network: {call}"
            if ran := re.match(r'execve\("([^"]*)".* = 0$', call):
                if ran[1].rpartition("/")[2] not in programs:
                    return f"ran a program: {call}"
            elif opened := re.search(r" = \d+<(.*)>$", call):
                reason = self._opened(Path(opened[1]), call)
                if reason:
                    return f"{reason}: {call}"
        return ""

    def _opened(self, path: Path, call: str) -> str:
        inside = path.is_relative_to(self.worktree)
        if not inside and path.is_relative_to(self.base):
            return "opened what lies beside the worktree"
        if not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", call):
            return ""
        parts = path.relative_to(self.worktree).parts if inside else ()
        if not inside and not str(path).startswith(("/dev/", "pipe:", "socket:")):
            return "wrote outside the worktree"
        if parts in _REFRESHED:
            return ""
        return "wrote git's files or settings" if {".git", ".claude"} & {*parts} else ""

    def _state(self) -> dict[str, tuple[int, int, bytes]]:
        guarded = [self.home, self.base / "outside", self.worktree / ".git", self.worktree / ".claude"]
        refreshed = {self.worktree.joinpath(*parts) for parts in _REFRESHED}
        paths = [p for top in guarded for p in (top, *top.rglob("*")) if not p.is_dir() and p not in refreshed]
        return {str(p): (p.lstat().st_mode, p.lstat().st_size, p.read_bytes()) for p in paths}
