"""Whether a command line that is free otherwise may write what tools or git obey: a look at its text only.

In the sandbox commands are free; the sandbox does not know these files from others. A script that composes their names is
not found out here.
"""

from __future__ import annotations

import re

from maestro.agents.shell_folders import is_obeyed, may_be_obeyed

# fmt: off
#: What reads the files that it names; ``find`` is no more than that without these actions.
_READERS = frozenset({
    "cat", "ls", "grep", "egrep", "fgrep", "rg", "tree", "du", "head", "tail", "wc", "diff", "cmp", "file", "stat", "echo",
    "printf", "test", "[", "[[", "find", "fd", "nl", "sort", "uniq", "less", "more", "md5sum", "sha1sum", "sha256sum",
    "readlink", "realpath", "basename", "dirname", "cd",
})
_FIND_ACTS = re.compile(r"\s-(?:exec|ok|delete|fprint|fls)")
#: What of git keeps files as they are, or is about what is there already.
_GIT_READS = frozenset({
    "add", "commit", "status", "diff", "log", "show", "ls-files", "ls-tree", "grep", "blame", "check-ignore", "rev-parse",
    "cat-file", "stash",
})
_KEYWORDS = frozenset({"if", "then", "else", "elif", "fi", "do", "done", "while", "until", "for", "in", "!", "time", "export"})
# fmt: on
_RUNS_TEXT = re.compile(r"\b(?:python[\d.]*|node|deno|bun|perl|ruby|php|lua|awk|(?:ba|z|da|k)?sh|eval|xargs|tee)\b")
_KEPT_TEXT = re.compile(r"(\bcat\b[^\n]*<<-?[ ]*(\w+)[^\n]*)\n.*?\n\s*\2[ ]*(?=\n|\Z)", re.DOTALL)
_TARGET = re.compile(r">[>|&]*[ \t]*([^\s;&|<>()]+)")
_INPUT = re.compile(r"(?<=\s)<[ \t]*(?![<(&>])[\w./-]+(?=[\s;|&)]|$)")
_LEFT_OUT = re.compile(r"--?(?:exclude|ignore|prune|not-path|skip)[\w-]*(?:[ =]\S+)?")
_TAKES_AWAY = frozenset({"rm", "mv", "ln", "rmdir", "unlink", "chmod", "chown", "shred"})


def may_write(line: str) -> bool:
    """Whether a command line names a file that tools or git obey, other than to read it or to leave it out."""
    text = re.sub(r"[\"'\\\\]", "", _without_inputs(line))
    text = text if _RUNS_TEXT.search(text) else _KEPT_TEXT.sub(r"\1", text)
    if any(_named(target) for target in _TARGET.findall(text)):
        return True
    reads = not _RUNS_TEXT.search(text)
    parts = re.split(r"[;&|\n()`]+|(?<=\s)[{}]|[{}](?=\s|$)", text)
    return any(_segment_may_write(part, reads=reads) for part in parts) or (
        _enters(parts) and not all(map(_only_looks, parts))
    )


def _without_inputs(line: str) -> str:
    """The line without files that the shell itself reads for a program: such a program is not told their names."""
    return _INPUT.sub(lambda found: found[0] if _is_quoted(line, found.start()) else " ", line)


def _is_quoted(line: str, at: int) -> bool:
    """Whether a place of a line stands in quotes, or after something that makes it hard to say."""
    quote, escaped = "", False
    for char in line[:at]:
        if escaped:
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
    return bool(quote) or "`" in line[:at] or "<<" in line[:at] or "$'" in line[:at]


def _enters(parts: list[str]) -> bool:
    """Whether a command goes into a folder that is obeyed as a whole: what it names from there is obeyed."""
    return any(words[:1] == ["cd"] and any(map(_named, words[1:])) for words in map(str.split, parts))


def _only_looks(part: str) -> bool:
    words = part.split()
    return not words or (words[0] in _READERS and not _FIND_ACTS.search(part) and not _TARGET.search(part))


def _segment_may_write(segment: str, *, reads: bool) -> bool:
    words = _LEFT_OUT.sub(" ", segment).split()
    while words and (words[0] in _KEYWORDS or re.fullmatch(r"\w+=\S*", words[0])) and not _named(words[0]):
        words = words[1:]
    if not words:
        return False
    program = words[0].rpartition("/")[2]
    only_reads = program in _READERS and not (program == "find" and _FIND_ACTS.search(segment))
    if reads and (only_reads or (program == "git" and len(words) > 1 and words[1] in _GIT_READS)):
        return False
    if program in _TAKES_AWAY and any(re.fullmatch(r"(?:.*/)?\.git/?", word) for word in words[1:]):
        return True
    return any(_named(word) for word in words)


def _named(word: str) -> bool:
    return any(is_obeyed(part) or may_be_obeyed(part) for part in [*re.split(r"[=<>,:]+", word), word])
