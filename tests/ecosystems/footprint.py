"""Every byte of a repository that is the user's: files, index, HEAD, branches, configuration, hooks, attributes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.repos import run_git

_OWN = ("HEAD", "index", "config", "config.worktree", "packed-refs", "hooks", "info")


def footprint(repo: Path) -> dict[str, str]:
    """Digests by name; refs of Maestro's own (``maestro/…`` branches, ``refs/maestro``) are none of the user's."""
    git_dir = repo / ".git"
    files = [p for p in repo.rglob("*") if p.is_file() and git_dir not in p.parents]
    for name in _OWN:
        place = git_dir / name
        files += [p for p in place.rglob("*") if p.is_file()] if place.is_dir() else [place] if place.exists() else []
    digests = {str(p.relative_to(repo)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    refs = run_git(repo, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    own = [ref for ref in refs if not ref.startswith(("refs/heads/maestro/", "refs/maestro/"))]
    staged = run_git(repo, "ls-files", "--stage")
    return digests | {"refs": "\n".join(own), "stash": run_git(repo, "stash", "list"), "staged": staged}


def without_times(digests: dict[str, str]) -> dict[str, str]:
    """The same, but for the index's bytes: they hold times of files, which a merge and its way back renew."""
    return {name: digest for name, digest in digests.items() if name != ".git/index"}
