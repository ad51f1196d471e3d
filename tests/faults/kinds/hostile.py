"""Repositories that try to have a program of theirs run by our own git calls."""

from __future__ import annotations

from pathlib import Path

from tests.faults.kinds.base import FILES, Kind, kind, set_globally, trap
from tests.faults.kinds.places import with_submodules
from tests.repos import make_repo, run_git


@kind
def programs_in_the_configuration(tmp: Path) -> Kind:
    attributes = "* diff=evil merge=evil\n"
    repo = make_repo(tmp / "r", FILES | {".gitattributes": attributes})
    program = trap(tmp)
    for name in (
        "core.fsmonitor", "core.editor", "core.pager", "core.askPass", "core.sshCommand", "core.gitProxy",
        "core.alternateRefsCommand", "sequence.editor", "gpg.program", "gpg.ssh.program", "diff.external",
        "diff.evil.command", "diff.evil.textconv", "merge.evil.driver", "credential.helper", "pager.log",
        "trailer.sign.command", "interactive.diffFilter", "uploadpack.packObjectsHook", "gc.recentObjectsHook",
    ):  # fmt: skip
        run_git(repo, "config", name, program)
    for name in ("status", "diff", "log", "add", "worktree", "merge-tree", "commit-tree", "update-ref", "ls-files"):
        run_git(repo, "config", f"alias.{name}", f"!{program}")
    for name in ("commit.gpgSign", "tag.gpgSign", "log.showSignature", "rebase.gpgSign", "core.untrackedCache"):
        run_git(repo, "config", name, "true")
    hooks = tmp / "hooks"
    for name in (
        "pre-commit", "post-commit", "post-checkout", "post-merge", "pre-rebase", "post-rewrite", "post-index-change",
        "reference-transaction", "applypatch-msg", "pre-auto-gc", "commit-msg", "prepare-commit-msg", "pre-merge-commit",
    ):  # fmt: skip
        for place in (hooks, repo / ".git/hooks"):
            place.mkdir(exist_ok=True)
            (place / name).write_text(f"#!/bin/sh\n{program} {name} </dev/null\nexit 1\n")
            (place / name).chmod(0o755)
    run_git(repo, "config", "core.hooksPath", str(hooks))
    (repo / "README.md").write_text("mine\n")
    return Kind(repo)


def _filtered(tmp: Path, value: str) -> Path:
    repo = make_repo(tmp / "r", FILES | {".gitattributes": "*.md filter=evil\n"})
    run_git(repo, "config", "filter.evil.clean", value)
    (repo / "README.md").write_text("mine\n")
    return repo


@kind
def filter_program_of_the_repository(tmp: Path) -> Kind:
    return Kind(_filtered(tmp, trap(tmp)), refused="git config --global filter.evil.clean")


@kind
def filter_program_by_an_include(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES | {".gitattributes": "*.md filter=evil\n"})
    (repo / ".git/more").write_text(f'[filter "evil"]\n\tprocess = {trap(tmp)}\n')
    run_git(repo, "config", "include.path", "more")
    (repo / "README.md").write_text("mine\n")
    return Kind(repo, refused="git config --global filter.evil.process")


@kind
def filter_program_for_our_worktrees_alone(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES | {".gitattributes": "*.md filter=evil\n"})
    (repo / ".git/more").write_text(f'[filter "evil"]\n\tsmudge = {trap(tmp)}\n')
    run_git(repo, "config", "includeIf.onbranch:maestro/**.path", "more")
    return Kind(repo, refused="includes a file under a condition")


@kind
def lfs_extension(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "config", "lfs.extension.evil.priority", "0")
    run_git(repo, "config", "lfs.extension.evil.clean", trap(tmp))
    return Kind(repo, refused="git config --global lfs.extension.evil.clean")


@kind
def lfs_transfer_program_under_a_name_that_git_lfs_takes_too(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "config", "lfs.standalonetransferagent", "evil")
    run_git(repo, "config", "xlfs.customtransfer.evil.path", trap(tmp))
    return Kind(repo, refused="git config --global xlfs.customtransfer.evil.path")


@kind
def filter_that_fetches(tmp: Path) -> Kind:
    """As git-lfs does: over ssh, and with a password. What for is the user's own, not the repository's."""
    fetch, used = tmp / "fetch", tmp / "used"
    password = r"printf 'protocol=https\nhost=h.invalid\n\n' | git credential fill"
    ssh = "GIT_ALLOW_PROTOCOL=ssh git ls-remote ssh://h.invalid/r </dev/null"
    fetch.write_text(f"#!/bin/sh\n({password}; {ssh}) >/dev/null 2>&1\nexec cat\n")
    fetch.chmod(0o755)
    set_globally(tmp, "core.sshCommand", f"sh -c 'echo ssh \"$@\" >> {used}; exit 1' ''")
    set_globally(tmp, "credential.helper", f"!echo helper >> {used}; echo")
    for name in ("clean", "smudge"):
        set_globally(tmp, f"filter.fetch.{name}", str(fetch))
    repo = make_repo(tmp / "r", FILES | {".gitattributes": "*.md filter=fetch\n"})
    for name in ("core.sshCommand", "core.askPass", "credential.helper", "credential.https://h.invalid.helper"):
        run_git(repo, "config", name, trap(tmp))

    def both_were_used() -> None:
        assert "helper" in used.read_text()
        assert "ssh -o BatchMode=yes h.invalid" in used.read_text()

    return Kind(repo, since=both_were_used)


@kind
def programs_the_user_trusts(tmp: Path) -> Kind:
    set_globally(tmp, "filter.evil.clean", "cat -u")
    set_globally(tmp, "lfs.customtransfer.folder.path", "lfs-folder")
    repo = _filtered(tmp, "cat -u")
    run_git(repo, "config", "lfs.standalonetransferagent", "folder")
    for name, value in (("path", "lfs-folder"), ("concurrent", "false"), ("direction", "both")):
        run_git(repo, "config", f"lfs.customtransfer.folder.{name}", value)
    return Kind(repo)


@kind
def filter_program_in_a_submodule(tmp: Path) -> Kind:
    repo = with_submodules(tmp).path
    run_git(repo / "lib", "config", "filter.evil.clean", trap(tmp))
    (repo / ".git/modules/lib/info/attributes").write_text("* filter=evil\n")
    (repo / "lib/lib.txt").write_text("lim\n")
    run_git(repo, "config", "submodule.lib.ignore", "none")
    return Kind(repo)


@kind
def submodule_update_program(tmp: Path) -> Kind:
    repo = with_submodules(tmp).path
    run_git(repo, "config", "submodule.lib.update", f"!{trap(tmp)}")
    run_git(repo, "config", "submodule.lib.url", f"ext::{trap(tmp)}")
    return Kind(repo)
