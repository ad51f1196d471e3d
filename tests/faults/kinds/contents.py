"""What the tree holds, and what the branches are called."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.kinds.base import FILES, Kind, kind
from tests.repos import commit, make_repo, run_git


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


@kind
def branch_a_shell_would_run(tmp: Path) -> Kind:
    name = "main;touch${IFS}TRAPPED;`touch${IFS}TRAPPED`$(id)"
    return Kind(make_repo(tmp / "r", FILES, branch=name), target=name)


@kind
def branch_named_like_a_tag(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "tag", "main")
    commit(repo, {"b": "2\n"})
    return Kind(repo, base="main", wanted={"b": b"2\n"})


@kind
def branch_named_head(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "update-ref", "refs/heads/HEAD", "main")
    commit(repo, {"b": "2\n"})
    return Kind(repo, wanted={"b": b"2\n"})


@kind
def branch_called_maestro(tmp: Path) -> Kind:
    """It takes the place of the folder that all of Maestro's branches lie in."""
    return Kind(make_repo(tmp / "r", FILES, branch="maestro"), refused="maestro")


@kind
def base_elsewhere_checked_out(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "checkout", "-q", "-b", "other")
    run_git(repo, "worktree", "add", "-q", str(tmp / "wt"), "main")
    return Kind(repo, base="main", wanted={"README.md": b"Hello\n"})
