"""Building commits without a checkout: messages with trailers, commit objects, the picks of a rebase.

Commits are built as objects and become visible in one move of a ref at the end, so that a kill in
between changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.errors import GitError
from maestro.worktrees.git import git, identity_environment, merge_environment

_TRAILER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*: |[ \t]+\S")
_SIGNATURES = (b"gpgsig ", b"gpgsig-sha256 ", b"mergetag ")


def with_trailers(message: str, trailers: Mapping[str, str]) -> str:
    """``message`` ending in exactly these trailers; other trailers it has stay.

    Built here, not by git: ``trailer.*.command`` of a repository's configuration would run.
    """
    paragraphs = re.split(r"\n[ \t]*\n", message.replace("\0", "").strip()) or [""]
    last = paragraphs[-1].splitlines()
    block: list[str] = []
    # A lone first line such as "fix: words" is a subject, not a trailer.
    if len(paragraphs) > 1 and last and all(_TRAILER.match(line) for line in last):
        ours = {key.lower() for key in trailers}
        block = [line for line in last if line.partition(":")[0].lower() not in ours]
        paragraphs.pop()
    block += [f"{key}: {' '.join(value.split())}" for key, value in trailers.items()]
    if block:
        paragraphs.append("\n".join(block))
    return "\n\n".join(part for part in paragraphs if part.strip()) + "\n"


def commit_tree(repo: Path, tree: str, parents: Sequence[str], message: str) -> str:
    """A new commit object; the user's identity, or Maestro's when none is configured."""
    named = [part for parent in parents for part in ("-p", parent)]
    data = message.encode("utf-8", "replace")
    return git(repo, "commit-tree", tree, *named, "-F", "-", input=data, env=identity_environment(repo)).text


def tree_of(repo: Path, commit: str) -> str:
    """The tree of a commit."""
    return git(repo, "rev-parse", "--verify", f"{commit}^{{tree}}").text


@dataclass(frozen=True)
class RawCommit:
    """A commit object as stored, so that author, dates and encoding survive a rewrite."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    headers: tuple[bytes, ...]  # author, committer, encoding…, signatures left out
    message: bytes

    @property
    def words(self) -> str:
        """The message as text."""
        return self.message.decode("utf-8", "surrogateescape")


def read_commit(repo: Path, oid: str) -> RawCommit:
    """Read one commit object."""
    head, _, message = git(repo, "cat-file", "commit", oid).stdout.partition(b"\n\n")
    tree, parents, headers, skipping = "", [], [], False
    for line in head.split(b"\n"):
        if line.startswith(b" "):
            if not skipping:
                headers.append(line)
            continue
        # A signature would not fit the rewritten commit.
        skipping = line.startswith(_SIGNATURES)
        key, _, value = line.partition(b" ")
        if key == b"tree":
            tree = value.decode()
        elif key == b"parent":
            parents.append(value.decode())
        elif not skipping:
            headers.append(line)
    return RawCommit(oid, tree, tuple(parents), tuple(headers), message)


def rewrite(repo: Path, commit: RawCommit, tree: str, parent: str, message: bytes) -> str:
    """The same commit with another tree, parent and message; the same input gives the same commit."""
    if (tree, (parent,), message) == (commit.tree, commit.parents, commit.message):
        return commit.oid
    lines = [b"tree " + tree.encode(), b"parent " + parent.encode(), *commit.headers]
    data = b"\n".join(lines) + b"\n\n" + message
    return git(repo, "hash-object", "-t", "commit", "-w", "--stdin", input=data).text


def linear_range(repo: Path, base: str, tip: str) -> list[RawCommit]:
    """The commits after ``base`` up to ``tip``, oldest first, as one line.

    Where they are no line (a merge among them, or ``tip`` does not come from ``base``) one commit with
    all of the work stands for them.
    """
    if base == tip:
        return []
    chain: list[RawCommit] = []
    oids = git(repo, "rev-list", "--reverse", "--topo-order", f"{base}..{tip}").text.split()
    below = base
    for oid in oids:
        commit = read_commit(repo, oid)
        if commit.parents != (below,):
            return [_squashed(repo, base, tip, oids)]
        chain.append(commit)
        below = oid
    return chain if below == tip else [_squashed(repo, base, tip, oids)]


def _squashed(repo: Path, base: str, tip: str, oids: list[str]) -> RawCommit:
    own = [commit for commit in (read_commit(repo, oid) for oid in oids) if len(commit.parents) < 2]
    first = own[0] if own else read_commit(repo, tip)
    others = [f"* {commit.words.strip().splitlines()[0]}" for commit in own[1:] if commit.words.strip()]
    message = "\n\n".join([first.words.strip(), *(["\n".join(others)] if others else [])]) + "\n"
    data = message.encode("utf-8", "surrogateescape")
    return read_commit(repo, rewrite(repo, first, tree_of(repo, tip), base, data))


@dataclass(frozen=True)
class Merged:
    """The outcome of a three-way merge in the object store."""

    tree: str
    conflicts: list[str]
    detail: str


def merge_trees(repo: Path, ours: str, theirs: str) -> Merged:
    """Merge two commits without touching any checkout or ref. Raises GitError when they share no history."""
    result = git(
        repo, "merge-tree", "--write-tree", "-z", "--name-only", ours, theirs,
        check=False, env=merge_environment(repo),
    )  # fmt: skip
    if result.code not in (0, 1):
        said = result.stderr.decode("utf-8", "replace").strip()
        raise GitError(f"git could not merge: {said}", exit_code=result.code)
    head, _, rest = result.stdout.partition(b"\0\0")
    tree, *names = head.decode("utf-8", "surrogateescape").rstrip("\0").split("\0")
    if result.code == 0:
        return Merged(tree, [], "")
    return Merged(tree, list(dict.fromkeys(names)), _messages(rest))


def _messages(data: bytes) -> str:
    """git's own words about the conflicts: records of (number of paths, paths…, kind, words)."""
    parts = data.decode("utf-8", "replace").split("\0")
    said, at = [], 0
    while at < len(parts) and parts[at].isdigit():
        at += int(parts[at]) + 1
        if at + 1 < len(parts) and "CONFLICT" in parts[at + 1]:
            said.append(parts[at + 1].strip())
        at += 2
    return "\n".join(said)


def pick(repo: Path, commit: RawCommit, onto: str) -> Merged:
    """The tree that ``commit`` gives when applied on ``onto``."""
    parent = commit.parents[0]
    if parent == onto:
        return Merged(commit.tree, [], "")
    # merge-tree takes its base from history (before git 2.40): a stand-in with onto's files, made a
    # child of the commit's parent, makes that parent the base, which is what a pick is.
    stand_in = commit_tree(repo, tree_of(repo, onto), [parent], "maestro: stand-in")
    return merge_trees(repo, stand_in, commit.oid)
