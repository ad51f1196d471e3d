"""Repositories as people have them: each function makes one kind below a folder and says what should come of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.repos import commit, make_repo, run_git, write_files

FILES: dict[str, str | bytes] = {"README.md": "Hello\n", "src/app.py": "print(1)\n", ".gitignore": "*.log\n"}


def nothing() -> None:
    """Nothing happens."""


@dataclass
class Kind:
    """What the person gives, and what should come of it."""

    path: Path
    root: Path | None = None  # the checkout it means, where that is not ``path`` itself
    base: str | None = None
    target: str | None = None
    refused: str = ""  # words of the refusal at the door; empty: it works to the end
    since: Callable[[], object] = nothing  # what happens between the creation and the merge
    blocked: str = ""  # words of the refusal of the merge
    free: Callable[[], object] = nothing  # what the person does then
    work: str = ""  # more of the agent's work, as shell
    wanted: dict[str, bytes] = field(default_factory=dict)  # files of the target after the merge

    @property
    def checkout(self) -> Path:
        return self.root or self.path


KINDS: dict[str, Callable[[Path], Kind]] = {}


def kind(make: Callable[[Path], Kind]) -> Callable[[Path], Kind]:
    """Put a kind into the table."""
    KINDS[make.__name__] = make
    return make


def _git(repo: Path, *args: str, **more: Any) -> str:
    return run_git(repo, *args, **more)


def _trap(tmp: Path) -> str:
    """A program that leaves a trace when it runs, and passes on what it gets."""
    program = tmp / "trap.sh"
    if not program.exists():
        program.write_text(f'#!/bin/sh\necho "$0 $*" >> "{tmp}/TRAPPED"\nexec cat\n')
        program.chmod(0o755)
    return str(program)


def _global(tmp: Path, *args: str) -> None:
    """Set something in the person's own configuration (HOME is ``tmp/home`` in these tests)."""
    home = tmp / "home"
    home.mkdir(exist_ok=True)
    _git(tmp, "config", "--global", *args, env={"HOME": str(home)})


# ---- where HEAD stands -------------------------------------------------------------------------------------


@kind
def dirty(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    (repo / "README.md").write_text("mine\n")
    write_files(repo, {"staged.txt": "staged\n", "loose.txt": "loose\n", "x.log": "ignored\n"})
    _git(repo, "add", "staged.txt")
    (repo / "src/app.py").unlink()
    return Kind(repo)


@kind
def detached(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    _git(repo, "checkout", "-q", "--detach")
    return Kind(repo, blocked="Name the branch", target="main")


@kind
def unborn(tmp: Path) -> Kind:
    _git(tmp, "init", "-q", "r")
    write_files(tmp / "r", FILES)
    return Kind(tmp / "r", refused="no commit yet")


@kind
def no_repository(tmp: Path) -> Kind:
    write_files(tmp / "r", FILES)
    return Kind(tmp / "r", refused="not a git repository")


@kind
def one_empty_commit(tmp: Path) -> Kind:
    _git(tmp, "init", "-q", "-b", "main", "r")
    _git(tmp / "r", "commit", "-q", "--allow-empty", "-m", "Nothing yet")
    return Kind(tmp / "r")


@kind
def bare(tmp: Path) -> Kind:
    make_repo(tmp / "r", FILES)
    _git(tmp, "clone", "-q", "--bare", "r", "bare.git")
    return Kind(tmp / "bare.git", refused="bare repository")


@kind
def shallow(tmp: Path) -> Kind:
    commit(make_repo(tmp / "r", FILES), {"b": "2"})
    _git(tmp, "clone", "-q", "--depth=1", f"file://{tmp}/r", "shallow")
    return Kind(tmp / "shallow")


@kind
def no_identity_allowed(tmp: Path) -> Kind:
    _global(tmp, "user.useConfigOnly", "true")
    return Kind(make_repo(tmp / "r", FILES))


# ---- where the folder lies ---------------------------------------------------------------------------------


@kind
def odd_path(tmp: Path) -> Kind:
    return Kind(make_repo(tmp / "a b 🎼 $(touch TRAPPED) 'q\"\nnewline", FILES))


@kind
def subfolder(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    return Kind(repo / "src", root=repo)


@kind
def symlinked(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    (tmp / "link").symlink_to("r")
    return Kind(tmp / "link", root=repo)


@kind
def linked_worktree(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    _git(repo, "worktree", "add", "-q", "-b", "side", str(tmp / "side"))
    return Kind(tmp / "side", target="side")


@kind
def worktree_whose_repository_is_gone(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    _git(repo, "worktree", "add", "-q", "-b", "side", str(tmp / "side"))
    repo.rename(tmp / "moved")
    return Kind(tmp / "side", refused="points to")


@kind
def separate_git_dir(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    _git(repo, "init", "-q", "--separate-git-dir", str(tmp / "elsewhere.git"))
    return Kind(repo)


@kind
def work_tree_elsewhere(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    (tmp / "victim").mkdir()
    _git(repo, "config", "core.worktree", str(tmp / "victim"))
    return Kind(repo, refused="core.worktree")


@kind
def nested_inside_another(tmp: Path) -> Kind:
    outer = make_repo(tmp / "outer", FILES)
    return Kind(make_repo(outer / "inner", FILES))


@kind
def another_nested_inside(tmp: Path) -> Kind:
    outer = make_repo(tmp / "outer", FILES)
    make_repo(outer / "inner", FILES)
    return Kind(outer)


@kind
def with_submodules(tmp: Path) -> Kind:
    library = make_repo(tmp / "library", {"lib.txt": "lib\n"})
    repo = make_repo(tmp / "r", FILES)
    _git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    commit(repo, {}, "With a submodule")
    return Kind(repo)


@kind
def with_submodules_that_may_be_fetched(tmp: Path) -> Kind:
    """By the person's own configuration; a submodule's own is not asked."""
    repo = with_submodules(tmp).path
    _global(tmp, "protocol.file.allow", "always")
    return Kind(repo, work="test -s lib/lib.txt || exit 1")


@kind
def submodule_as_the_path(tmp: Path) -> Kind:
    outer = with_submodules(tmp).path
    return Kind(outer / "lib")


@kind
def read_only(tmp: Path) -> Kind:
    """For root, whom no mode stops, by a flag of the file system."""
    repo = make_repo(tmp / "r", FILES)
    objects = str(repo / ".git/objects")
    close, open_ = (["chattr", "+i"], ["chattr", "-i"]) if os.geteuid() == 0 else (["chmod", "a-w"], ["chmod", "u+w"])
    subprocess.run([*close, objects], check=True)
    return Kind(repo, refused="cannot write to", free=lambda: subprocess.run([*open_, objects], check=True))


@kind
def other_owner(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    for path in (repo, *repo.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    return Kind(repo, refused="safe.directory")


@kind
def other_owner_trusted(tmp: Path) -> Kind:
    repo = other_owner(tmp).path
    _global(tmp, "--add", "safe.directory", str(repo))
    return Kind(repo)


# ---- what is broken ----------------------------------------------------------------------------------------


@kind
def broken_configuration(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    (repo / ".git/config").write_text("[core\n")
    return Kind(repo, refused="bad config line 1")


@kind
def broken_index(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    (repo / ".git/index").write_bytes(b"DIRC" + b"x" * 100)
    return Kind(repo, refused="git cannot read the checkout")


@kind
def head_lost(tmp: Path) -> Kind:
    """No repository to git, and yet nothing to run ``git init`` in."""
    repo = make_repo(tmp / "r", FILES)
    (repo / ".git/HEAD").unlink()
    return Kind(repo / "src", root=repo, refused=f"{repo / '.git'} is there")


# ---- what git itself is set to -----------------------------------------------------------------------------


@kind
def autocrlf(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES | {"dos.txt": b"one\r\ntwo\r\n", ".gitattributes": "*.txt text\n"})
    _git(repo, "config", "core.autocrlf", "true")
    _git(repo, "rm", "-q", "--cached", "-r", ".")
    _git(repo, "reset", "-q", "--hard")
    return Kind(repo)


@kind
def sha256(tmp: Path) -> Kind:
    _git(tmp, "init", "-q", "-b", "main", "--object-format=sha256", "r")
    commit(tmp / "r", FILES)
    return Kind(tmp / "r")


@kind
def reftable(tmp: Path) -> Kind:
    """Where this git can; else the usual refs once more."""
    if subprocess.run(
        ["git", "init", "-q", "-b", "main", "--ref-format=reftable", str(tmp / "r")], check=False, stderr=-3
    ).returncode:
        return Kind(make_repo(tmp / "r", FILES))
    commit(tmp / "r", FILES)
    return Kind(tmp / "r")


@kind
def packed_refs(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    for number in range(30):
        _git(repo, "branch", f"old-{number}")
    _git(repo, "pack-refs", "--all")
    _git(repo, "gc", "-q")
    return Kind(repo)


@kind
def alternates(tmp: Path) -> Kind:
    make_repo(tmp / "r", FILES)
    _git(tmp, "clone", "-q", "--shared", "r", "borrows")
    return Kind(tmp / "borrows")


@kind
def alternates_gone(tmp: Path) -> Kind:
    repo = alternates(tmp).path
    shutil.rmtree(tmp / "r")
    return Kind(repo, refused="missing")


def _partial(tmp: Path) -> Path:
    remote = make_repo(tmp / "remote", FILES | {"big.txt": "big\n"})
    commit(remote, {"big.txt": "bigger\n"})
    _git(remote, "config", "uploadpack.allowFilter", "true")
    _git(tmp, "clone", "-q", "--filter=blob:none", f"file://{remote}", "partial")
    return tmp / "partial"


@kind
def partial_clone_with_the_remote_gone(tmp: Path) -> Kind:
    repo = _partial(tmp)
    shutil.rmtree(tmp / "remote")
    return Kind(repo)


@kind
def partial_clone_without_the_files(tmp: Path) -> Kind:
    remote = _partial(tmp).parent / "remote"
    _git(tmp, "clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{remote}", "r")
    _git(tmp / "r", "config", "remote.origin.uploadpack", f"{_trap(tmp)}; git-upload-pack")
    return Kind(tmp / "r", refused="fetch --refetch")


@kind
def partial_and_sparse_with_the_remote_gone(tmp: Path) -> Kind:
    remote = _partial(tmp).parent / "remote"
    commit(remote, {"docs/a.md": "never fetched\n"})
    _git(tmp, "clone", "-q", "--filter=blob:none", "--sparse", f"file://{remote}", "r")
    shutil.rmtree(remote)
    return Kind(tmp / "r")


@kind
def sparse_checkout(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES | {"docs/a.md": "a\n"})
    _git(repo, "sparse-checkout", "set", "src")
    return Kind(repo)


@kind
def lfs_without_its_filter(tmp: Path) -> Kind:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 5\n"
    repo = make_repo(tmp / "r", FILES | {".gitattributes": "*.bin filter=lfs\n", "a.bin": pointer})
    return Kind(repo, wanted={"a.bin": pointer.encode()})


@kind
def lfs_required_and_not_installed(tmp: Path) -> Kind:
    repo = lfs_without_its_filter(tmp).path
    for name, value in (("process", "no-such-git-lfs filter-process"), ("required", "true")):
        _global(tmp, f"filter.lfs.{name}", value)
    return Kind(repo, refused="no-such-git-lfs")


@kind
def own_filter_of_the_person(tmp: Path) -> Kind:
    """Set in the person's own configuration, so it runs: each file is stored upside down."""
    _global(tmp, "filter.turn.clean", "rev")
    _global(tmp, "filter.turn.smudge", "rev")
    return Kind(make_repo(tmp / "r", FILES | {".gitattributes": "*.turned filter=turn\n", "a.turned": "cba\n"}))


# ---- what the tree holds -----------------------------------------------------------------------------------


@kind
def odd_file_names(tmp: Path) -> Kind:
    names = ["new\nline.txt", "quo\"te's.txt", "-dash", "tab\there", "$(id)", ":colon", "*"]
    repo = make_repo(tmp / "r", FILES | dict.fromkeys(names, "x\n"))
    with (repo / os.fsdecode(b"not-utf8-\xff\xfe.txt")).open("w") as file:
        file.write("x\n")
    commit(repo, {})
    work = 'printf "y\\n" > "$(printf "more-\\377.txt")"; for f in *; do test -d "$f" || echo y >> "./$f"; done'
    return Kind(repo, work=work, wanted={"new\nline.txt": b"x\ny\n", os.fsdecode(b"not-utf8-\xff\xfe.txt"): b"x\ny\n"})


@kind
def links_and_modes(tmp: Path) -> Kind:
    (tmp / "outside").write_text("outside\n")
    repo = make_repo(tmp / "r", FILES)
    (repo / "out").symlink_to(tmp / "outside")
    (repo / "in").symlink_to("src/app.py")
    (repo / "dangling").symlink_to("nowhere")
    (repo / "folder").symlink_to("src")
    (repo / "run.sh").write_text("#!/bin/sh\n")
    (repo / "run.sh").chmod(0o755)
    commit(repo, {})
    return Kind(repo, work="chmod +x README.md; rm in; ln -s README.md in; chmod -x run.sh")


@kind
def names_that_differ_in_case(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES | {"Name.txt": "1\n"})
    return Kind(repo, work="git mv Name.txt name.txt", wanted={"name.txt": b"1\n"})


@kind
def large_file(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES | {"large.bin": os.urandom(1000) * 12_000})
    return Kind(repo)


# ---- what the branches are called --------------------------------------------------------------------------


@kind
def branch_a_shell_would_run(tmp: Path) -> Kind:
    name = "main;touch${IFS}TRAPPED;`touch${IFS}TRAPPED`$(id)"
    return Kind(make_repo(tmp / "r", FILES, branch=name), target=name)


@kind
def branch_named_like_a_tag(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    _git(repo, "tag", "main")
    commit(repo, {"b": "2\n"})
    return Kind(repo, base="main", wanted={"b": b"2\n"})


@kind
def branch_named_head(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    _git(repo, "update-ref", "refs/heads/HEAD", "main")
    commit(repo, {"b": "2\n"})
    return Kind(repo, wanted={"b": b"2\n"})


@kind
def branch_called_maestro(tmp: Path) -> Kind:
    """It takes the place of the folder that all of Maestro's branches lie in."""
    return Kind(make_repo(tmp / "r", FILES, branch="maestro"), refused="maestro")


@kind
def base_elsewhere_checked_out(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    _git(repo, "checkout", "-q", "-b", "other")
    _git(repo, "worktree", "add", "-q", str(tmp / "wt"), "main")
    return Kind(repo, base="main", wanted={"README.md": b"Hello\n"})


# ---- what happens meanwhile --------------------------------------------------------------------------------


@kind
def target_moved_since(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    return Kind(repo, since=lambda: commit(repo, {"later.txt": "later\n"}), wanted={"later.txt": b"later\n"})


@kind
def target_moved_on_the_same_lines(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    return Kind(
        repo,
        since=lambda: commit(repo, {"t1.txt": "mine\n"}),
        blocked="changed the same lines in: t1.txt",
        free=lambda: _git(repo, "reset", "-q", "--hard", "HEAD~1"),
    )


@kind
def base_branch_deleted_since(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES, branch="gone")
    return Kind(
        repo,
        since=lambda: (_git(repo, "checkout", "-q", "-b", "stays"), _git(repo, "branch", "-D", "gone")),
        blocked="no branch “gone”",
        target="stays",
    )


@kind
def target_checked_out_twice_since(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    return Kind(repo, since=lambda: _git(repo, "worktree", "add", "-q", "-f", str(tmp / "wt"), "main"))


@kind
def untracked_file_in_the_way(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    write_files(repo, {"t1.txt": "mine, not committed\n"})
    return Kind(repo, blocked="would be overwritten: t1.txt", free=(repo / "t1.txt").unlink)


def _operation(tmp: Path, *steps: tuple[str, ...], doing: str, end: tuple[str, ...]) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    _git(repo, "checkout", "-q", "-b", "theirs")
    commit(repo, {"README.md": "theirs\n"})
    _git(repo, "checkout", "-q", "main")
    commit(repo, {"README.md": "ours\n"})
    for step in steps:
        _git(repo, *step, check=False)
    return Kind(repo, blocked=f"A {doing} ", free=lambda: _git(repo, *end), base="main", target="main")


@kind
def in_a_merge(tmp: Path) -> Kind:
    return _operation(tmp, ("merge", "theirs"), doing="merge", end=("merge", "--abort"))


@kind
def in_a_rebase(tmp: Path) -> Kind:
    return _operation(tmp, ("rebase", "theirs"), doing="rebase", end=("rebase", "--abort"))


@kind
def in_a_cherry_pick(tmp: Path) -> Kind:
    return _operation(tmp, ("cherry-pick", "theirs"), doing="cherry-pick", end=("cherry-pick", "--abort"))


@kind
def in_a_bisect(tmp: Path) -> Kind:
    return _operation(
        tmp, ("bisect", "start"), ("bisect", "bad"), ("bisect", "good", "HEAD~1"), doing="bisect",
        end=("bisect", "reset"),
    )  # fmt: skip


@kind
def index_lock_left_behind(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    lock = repo / ".git/index.lock"
    lock.touch()
    return Kind(repo, blocked="index.lock", free=lock.unlink)


# ---- hostile ones ------------------------------------------------------------------------------------------


@kind
def programs_in_the_configuration(tmp: Path) -> Kind:
    attributes = "* diff=evil merge=evil\n"
    repo = make_repo(tmp / "r", FILES | {".gitattributes": attributes})
    trap = _trap(tmp)
    for name in (
        "core.fsmonitor", "core.editor", "core.pager", "core.askPass", "core.sshCommand", "core.gitProxy",
        "core.alternateRefsCommand", "sequence.editor", "gpg.program", "gpg.ssh.program", "diff.external",
        "diff.evil.command", "diff.evil.textconv", "merge.evil.driver", "credential.helper", "pager.log",
        "trailer.sign.command", "interactive.diffFilter", "uploadpack.packObjectsHook", "gc.recentObjectsHook",
    ):  # fmt: skip
        _git(repo, "config", name, trap)
    for name in ("status", "diff", "log", "add", "worktree", "merge-tree", "commit-tree", "update-ref", "ls-files"):
        _git(repo, "config", f"alias.{name}", f"!{trap}")
    for name in ("commit.gpgSign", "tag.gpgSign", "log.showSignature", "rebase.gpgSign", "core.untrackedCache"):
        _git(repo, "config", name, "true")
    hooks = tmp / "hooks"
    for name in (
        "pre-commit", "post-commit", "post-checkout", "post-merge", "pre-rebase", "post-rewrite", "post-index-change",
        "reference-transaction", "applypatch-msg", "pre-auto-gc", "commit-msg", "prepare-commit-msg", "pre-merge-commit",
    ):  # fmt: skip
        for place in (hooks, repo / ".git/hooks"):
            place.mkdir(exist_ok=True)
            (place / name).write_text(f"#!/bin/sh\n{trap} {name} </dev/null\nexit 1\n")
            (place / name).chmod(0o755)
    _git(repo, "config", "core.hooksPath", str(hooks))
    (repo / "README.md").write_text("mine\n")
    return Kind(repo)


def _filtered(tmp: Path, value: str) -> Path:
    repo = make_repo(tmp / "r", FILES | {".gitattributes": "*.md filter=evil\n"})
    _git(repo, "config", "filter.evil.clean", value)
    (repo / "README.md").write_text("mine\n")
    return repo


@kind
def filter_program_of_the_repository(tmp: Path) -> Kind:
    return Kind(_filtered(tmp, _trap(tmp)), refused="git config --global filter.evil.clean")


@kind
def filter_program_by_an_include(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES | {".gitattributes": "*.md filter=evil\n"})
    (repo / ".git/more").write_text(f'[filter "evil"]\n\tprocess = {_trap(tmp)}\n')
    _git(repo, "config", "include.path", "more")
    (repo / "README.md").write_text("mine\n")
    return Kind(repo, refused="git config --global filter.evil.process")


@kind
def filter_program_for_our_worktrees_alone(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES | {".gitattributes": "*.md filter=evil\n"})
    (repo / ".git/more").write_text(f'[filter "evil"]\n\tsmudge = {_trap(tmp)}\n')
    _git(repo, "config", "includeIf.onbranch:maestro/**.path", "more")
    return Kind(repo, refused="includes a file under a condition")


@kind
def filter_program_the_person_trusts(tmp: Path) -> Kind:
    _global(tmp, "filter.evil.clean", "cat -u")
    return Kind(_filtered(tmp, "cat -u"))


@kind
def filter_program_in_a_submodule(tmp: Path) -> Kind:
    repo = with_submodules(tmp).path
    _git(repo / "lib", "config", "filter.evil.clean", _trap(tmp))
    (repo / ".git/modules/lib/info/attributes").write_text("* filter=evil\n")
    (repo / "lib/lib.txt").write_text("lim\n")
    _git(repo, "config", "submodule.lib.ignore", "none")
    return Kind(repo)


@kind
def submodule_update_program(tmp: Path) -> Kind:
    repo = with_submodules(tmp).path
    _git(repo, "config", "submodule.lib.update", f"!{_trap(tmp)}")
    _git(repo, "config", "submodule.lib.url", f"ext::{_trap(tmp)}")
    return Kind(repo)
