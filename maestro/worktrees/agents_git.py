"""What the git that an agent starts is told, so that a plain ``git status`` or ``git diff`` runs nothing of the repository.

By variables, as these hold for a git that another program starts as well. The user's own settings stay as they are; of
the repository's own, those that name programs are replaced by what does nothing.
"""

from __future__ import annotations

import re
from pathlib import Path

from maestro.worktrees.git import git

ALWAYS = {"core.fsmonitor": "false", "core.hooksPath": "/dev/null", "log.showSignature": "false"}

#: A program that git's diff calls with old and new file: git's own diff, without any program.
_PLAIN_DIFF = 'f() { git --no-pager diff --no-ext-diff --no-textconv --no-index -- "$2" "$5" || :; }; f'
_INSTEAD = (
    (re.compile(r"diff\..*\.textconv"), "cat"),
    (re.compile(r"diff\..*\.command|diff\.external"), _PLAIN_DIFF),
    (re.compile(r"merge\..*\.driver"), "git merge-file -q --marker-size=%L %A %O %B"),
    (re.compile(r"core\.pager|pager\..*|interactive\.difffilter"), "cat"),
    (re.compile(r"core\.sshcommand"), "ssh"),
    (re.compile(r"core\.(askpass|alternaterefscommand)|trailer\..*\.(cmd|command)"), "true"),
    (re.compile(r"gpg\.program|gpg\..*\.program"), "false"),
)


def settings(repo: Path) -> dict[str, str]:
    """Names and values for ``GIT_CONFIG_KEY_n``, read from what the repository's settings say now."""
    told = dict(ALWAYS)
    fields = git(repo, "config", "-z", "--show-scope", "--name-only", "--list", check=False).fields
    for scope, key in zip(fields[::2], fields[1::2], strict=False):
        if scope in ("local", "worktree"):
            told.update((key, value) for pattern, value in _INSTEAD if pattern.fullmatch(key))
    return told
