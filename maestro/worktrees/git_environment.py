"""What each of our git calls is told, so that neither a repository nor people's settings change what it does.

Off are hooks, fsmonitor, signing programs, external diffs, editors, pagers and all transports, git-lfs's too. What
another filter fetches with is the user's own, never the repository's.
"""

from __future__ import annotations

_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "safe.bareRepository": "explicit",
    "protocol.ext.allow": "never",
    "core.quotePath": "false",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    # What follows keeps users' own settings from changing what our calls mean, see, print or leave in a repository.
    # Not stated is what makes files what they are for the user: line ends, ignore rules, filters, identity.
    "core.safecrlf": "false",
    "core.filesRefLockTimeout": "2000",
    "core.abbrev": "auto",
    "core.logAllRefUpdates": "true",  # what an agent left behind is found by it
    "core.checkStat": "default",
    "core.trustctime": "true",
    "core.splitIndex": "false",
    "i18n.commitEncoding": "UTF-8",
    "i18n.logOutputEncoding": "UTF-8",
    "status.showUntrackedFiles": "normal",
    "status.renames": "true",
    "status.branch": "false",
    "status.showStash": "false",
    "diff.ignoreSubmodules": "none",
    "diff.renames": "true",
    "diff.renameLimit": "1000",
    "diff.noprefix": "false",
    "diff.mnemonicPrefix": "false",
    "diff.srcPrefix": "a/",
    "diff.dstPrefix": "b/",
    "diff.relative": "false",
    "diff.suppressBlankEmpty": "false",
    "diff.context": "3",
    "diff.interHunkContext": "0",
    "diff.submodule": "short",
    "diff.colorMoved": "no",
    "diff.wsErrorHighlight": "none",
    "diff.autoRefreshIndex": "true",
    "grep.column": "false",
    "grep.patternType": "default",
    "grep.extendedRegexp": "false",
    "grep.fallbackToNoIndex": "false",
    "log.showSignature": "false",  # it would run gpg.program
    "log.showRoot": "true",
    "log.follow": "false",
    "log.mailmap": "false",
    "log.diffMerges": "separate",
    "merge.renames": "true",
    "merge.directoryRenames": "conflict",
    "merge.conflictStyle": "merge",
    "branch.autoSetupMerge": "false",
    "branch.autoSetupRebase": "never",
    "worktree.guessRemote": "false",
    "worktree.useRelativePaths": "false",  # it would put an extension into the repository that older gits refuse
    "submodule.recurse": "false",
    "fetch.prune": "false",
    "fetch.pruneTags": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.writeCommitGraph": "false",
    "rerere.enabled": "false",
    "column.ui": "never",
    "color.ui": "false",
    # For one command each, these come before color.ui.
    **{
        f"color.{command}": "false"
        for command in ("branch", "diff", "grep", "interactive", "push", "remote", "showBranch", "status", "transport")
    },
    # No address: git-lfs fetches nothing. GIT_LFS_SKIP_SMUDGE would leave out what is on this machine, too.
    "lfs.url": "nothing-is-fetched",
}

#: Both are shell that looks up the user's own setting when it is needed, which is next to never.
_OWN_CREDENTIALS = (
    "!f() { case $1 in get) set fill ;; store) set approve ;; *) set reject ;; esac; cd / && "
    'unset GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT GIT_WORK_TREE && GIT_DIR=/dev/null git credential "$1"; }; f'
)
_OWN_SSH = (
    'sh -c \'eval "$(git config --global --includes core.sshCommand || echo ssh) -o BatchMode=yes \\"\\$@\\""\' ssh'
)

#: An empty helper takes away those that configuration names, for single addresses as well.
_HELPERS = ["-c", "credential.helper=", "-c", f"credential.helper={_OWN_CREDENTIALS}"]
OPTIONS = [part for key, value in _CONFIG.items() for part in ("-c", f"{key}={value}")] + _HELPERS

#: What git gets of our environment; of GIT_* only where settings and certificates are, so that no GIT_DIR leaks in.
PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "GIT_CONFIG_GLOBAL",  # where the user's own settings are, if not in the usual places
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
)
FIXED = {
    "LC_ALL": "C.UTF-8",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",  # a look at the user's checkout must not write its index
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_PAGER": "cat",
    "GIT_ASKPASS": "true",
    "GIT_SSH_COMMAND": _OWN_SSH,
    # Nothing is fetched unasked: a partial clone's configuration says which program to fetch with.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    # With ``lfs.url``: content that is on this machine, else the pointer, as the user's own checkout has it then.
    "GIT_LFS_SKIP_DOWNLOAD_ERRORS": "1",
}
