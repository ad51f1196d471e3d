"""The machine that tests run on: one where nothing has ever been set up, or one as users have it.

``isolate`` leaves only what a process needs of the developer's environment. With ``MAESTRO_TEST_MACHINE=used`` (a quick
round of CI, ``scripts/check.sh``) git, npm, pip and pytest are configured as people do it, legal and against us.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests import users_python

USED = "used"

#: Of the developer's environment; all else (keys, logins, git, proxies, options of tools) is gone.
_KEPT = frozenset(
    {
        "PATH", "TMPDIR", "USER", "LOGNAME", "SHELL", "TERM", "CI", "LD_LIBRARY_PATH", "DISPLAY", "XAUTHORITY",
        "SYSTEMROOT", "CHROME_PATH", "PLAYWRIGHT_BROWSERS_PATH", "MAESTRO_TEST_MACHINE", "SHIFTED_CLOCK",
    }
)  # fmt: skip
_KEPT_PREFIXES = ("PYTEST_XDIST_", "PYTEST_CURRENT_TEST", "COV_", "COVERAGE_")
#: A network that looks into what passes: without its certificates nothing can be fetched.
_CERTIFICATES = (
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT",
)  # fmt: skip
_REGISTRIES = ("PIP_", "UV_", "NPM_CONFIG_", "CARGO_", "RUSTUP_", "GOPROXY", "GOPATH", "GOROOT", "HTTP", "NO_PROXY")

#: What the developer has to reach registries with, for the few tests that install something: see ``with_registries``.
_way_out: dict[str, str] = {}


def isolate() -> Path:
    """Make this process one on a fresh machine, or on a used one; returns its HOME, which is to be removed at the end."""
    _remember_the_way_out()
    for name in list(os.environ):
        if name not in _KEPT and name not in _CERTIFICATES and not name.startswith(_KEPT_PREFIXES):
            del os.environ[name]
    os.umask(0o022)
    home = Path(tempfile.mkdtemp(prefix="maestro-test-home-"))
    os.environ.update(
        HOME=str(home),
        LANG="C.UTF-8",
        PATH=os.pathsep.join(
            [str(users_python.programs()), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        ),
        GIT_TERMINAL_PROMPT="0",
        DISABLE_AUTOUPDATER="1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
    )
    if os.environ.pop("MAESTRO_TEST_MACHINE", "") == USED:
        os.environ.update(as_users_have_it(home))
    else:
        os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
    return home


def with_registries() -> dict[str, str]:
    """The environment of a command that fetches from a package registry as the developer would."""
    return os.environ | _way_out


def _remember_the_way_out() -> None:
    _way_out.update({name: value for name, value in os.environ.items() if name.upper().startswith(_REGISTRIES)})
    home = Path(os.environ.get("HOME", "/nonexistent"))
    for name, file in {
        "PIP_CONFIG_FILE": home / ".config/pip/pip.conf",
        "NPM_CONFIG_USERCONFIG": home / ".npmrc",
        "CARGO_HOME": home / ".cargo",
        "RUSTUP_HOME": home / ".rustup",
    }.items():
        if file.exists():
            _way_out.setdefault(name, str(file))


def as_users_have_it(home: Path) -> dict[str, str]:
    """Configure git, npm, pip and the shell below ``home`` as people have them; returns the variables that go with it.

    Git's part is the system's configuration: tests give their own HOME a global one where they need it.
    """
    hooks, template = home / "hooks", home / "template/hooks"
    for folder in (hooks, template):
        folder.mkdir(parents=True)
        for name in ("pre-commit", "commit-msg", "post-checkout", "pre-rebase", "reference-transaction"):
            (folder / name).write_text(f"#!/bin/sh\necho hook {name} ran >> {home}/hooks-ran\n")
            (folder / name).chmod(0o755)
    (home / "ignored").write_text("*.log\n.DS_Store\n*.orig\n")
    (home / "attributes").write_text("*.txt diff=shout\n")
    shout = home / "shout"
    shout.write_text("#!/bin/sh\necho SHOUTED\n")
    shout.chmod(0o755)
    config = home / "etc-gitconfig"
    config.write_text(GIT_CONFIG.format(home=home))
    (home / ".npmrc").write_text("fund=false\naudit=false\nloglevel=silent\ncolor=always\nsave-exact=true\n")
    (home / ".pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (home / ".config/pip").mkdir(parents=True)
    (home / ".config/pip/pip.conf").write_text("[global]\nquiet = 1\n[install]\nuser = false\n")
    return {
        "GIT_CONFIG_SYSTEM": str(config),
        "PYTEST_ADDOPTS": "--color=yes -p no:cacheprovider --tb=line",
        "PYTHONWARNINGS": "ignore",
        "NODE_OPTIONS": "--no-deprecation",
        "FORCE_COLOR": "1",
        "CLICOLOR_FORCE": "1",
        "EDITOR": "/bin/false",
        "LESS": "-R",
        "GREP_OPTIONS": "--color=always",
        "COLUMNS": "40",
        "npm_config_color": "always",
        "PIP_DISABLE_PIP_VERSION_CHECK": "0",
    }


#: All legal, all in use somewhere; ``{home}`` is filled in.
GIT_CONFIG = """
[init]
    defaultBranch = trunk
    templateDir = {home}/template
[core]
    hooksPath = {home}/hooks
    excludesFile = {home}/ignored
    attributesFile = {home}/attributes
    quotePath = true
    abbrev = 5
    pager = false
    editor = false
    commentChar = %
    logAllRefUpdates = false
    preloadIndex = false
    untrackedCache = true
    safecrlf = true
    whitespace = trailing-space,tab-in-indent
    checkStat = minimal
    sshCommand = false
[status]
    showUntrackedFiles = no
    short = true
    branch = true
    showStash = true
    aheadBehind = false
    renames = copies
    relativePaths = false
    submoduleSummary = true
    displayCommentPrefix = true
[diff]
    noprefix = true
    mnemonicPrefix = true
    external = {home}/shout
    renames = copies
    context = 0
    interHunkContext = 7
    relative = true
    ignoreSubmodules = all
    suppressBlankEmpty = true
    colorMoved = zebra
    wsErrorHighlight = all
    submodule = log
    algorithm = histogram
    indentHeuristic = false
    orderFile = {home}/ignored
    wordRegex = .
    dirstat = files
    statGraphWidth = 7
    statNameWidth = 9
    autoRefreshIndex = false
[diff "shout"]
    textconv = {home}/shout
    xfuncname = "^nothing"
[color]
    ui = always
    status = always
    diff = always
    branch = always
    grep = always
    decorate = always
    interactive = always
    showBranch = always
    push = always
    remote = always
    transport = always
    advice = always
[column]
    ui = always,dense
[log]
    date = relative
    decorate = full
    abbrevCommit = true
    follow = true
    showRoot = false
    showSignature = true
    mailmap = true
    diffMerges = first-parent
    excludeDecoration = refs/*
[format]
    pretty = oneline
    noprefix = true
    numbered = true
    signOff = true
[commit]
    gpgSign = true
    verbose = 2
    cleanup = scissors
    status = false
    template = {home}/no-such-template
[tag]
    gpgSign = true
    sort = -v:refname
[branch]
    sort = -committerdate
    autoSetupMerge = always
    autoSetupRebase = always
[gpg]
    program = false
[merge]
    ff = only
    conflictStyle = diff3
    renames = false
    directoryRenames = conflict
    verifySignatures = true
    log = true
    stat = false
    branchdesc = true
    autoStash = true
[pull]
    rebase = true
[rebase]
    autoStash = true
    autoSquash = true
    updateRefs = true
    rebaseMerges = true
    abbreviateCommands = true
    missingCommitsCheck = error
    instructionFormat = "%an %s"
[rerere]
    enabled = true
    autoUpdate = true
[submodule]
    recurse = true
[fetch]
    prune = true
    recurseSubmodules = true
    writeCommitGraph = true
[checkout]
    guess = false
    defaultRemote = nowhere
[worktree]
    guessRemote = true
[grep]
    lineNumber = true
    column = true
    patternType = perl
    fullName = true
    fallbackToNoIndex = true
[apply]
    whitespace = error
    ignoreWhitespace = change
[i18n]
    commitEncoding = ISO-8859-1
    logOutputEncoding = ISO-8859-1
[index]
    version = 4
[feature]
    manyFiles = true
[advice]
    detachedHead = true
    statusHints = true
    addIgnoredFile = true
[help]
    autoCorrect = immediate
[interactive]
    singleKey = true
[notes]
    displayRef = refs/notes/*
    rewriteRef = refs/notes/*
[push]
    default = nothing
[stash]
    showPatch = true
    showIncludeUntracked = true
[transfer]
    fsckObjects = true
[user]
    useConfigOnly = true
[alias]
    st = status -sb
    status = log
    commit = !false
[pager]
    status = true
    diff = true
    log = true
[credential]
    helper = "!exit 1"
[filter "lfs"]
    clean = git-lfs clean -- %f
    smudge = git-lfs smudge -- %f
    process = git-lfs filter-process
    required = true
"""


if __name__ == "__main__":
    as_users_have_it(Path(sys.argv[1]))
