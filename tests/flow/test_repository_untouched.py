"""What set-up commands and checks write into the user's repository is put back; a whole session leaves it as it was."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from maestro.core.guards import integrity
from maestro.core.workspaces import sheltered
from maestro.db import models
from maestro.worktrees import shelter
from tests.landing import Bench, bench, plan_of
from tests.repos import commit, make_repo, run_git, write_files

_PLAN = plan_of({"id": "t1"}, checks=["test -e README.md"])


def whole(repo: Path) -> dict[str, bytes]:
    """The repository byte for byte, files and git's folder; left out is what Maestro's own branches and refs consist of."""
    found = {}
    for path in sorted(repo.rglob("*")):
        name, mode = str(path.relative_to(repo)), path.lstat().st_mode
        ours = (
            "objects",
            "refs/maestro",
            "refs/heads/maestro",
            "logs/refs/maestro",
            "logs/refs/heads/maestro",
            "worktrees",
        )
        if any(f"{name}/".startswith(f".git/{part}/") for part in ours):
            continue
        if name == ".git/packed-refs" or (path.is_dir() and name.startswith((".git/refs/", ".git/logs/"))):
            continue  # how git stores refs, which are compared below
        data = path.read_bytes() if stat.S_ISREG(mode) else str(path.readlink()).encode() if path.is_symlink() else b""
        found[name] = f"{mode:o} ".encode() + data
    refs = run_git(repo, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    found["refs"] = "\n".join(r for r in refs if not r.startswith(("refs/maestro/", "refs/heads/maestro/"))).encode()
    return found


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = make_repo(tmp_path / "repo", {"README.md": "# A\n", ".gitignore": "node_modules/\n"})
    run_git(make_repo(tmp_path / "other", {"a": "a\n"}), "tag", "theirs")
    run_git(made, "tag", "v1")
    commit(made, {"more.txt": "more\n"})
    run_git(made, "-c", "core.logAllRefUpdates=false", "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    run_git(made, "config", "user.name", "Ada")
    run_git(made, "config", "alias.st", "status -s")
    write_files(made, {"README.md": "mine\n", "loose.txt": "loose\n", "staged.txt": "staged\n"})
    run_git(made, "add", "staged.txt")
    write_files(made / ".git", {"hooks/pre-push": "#!/bin/sh\nexit 0\n", "info/attributes": "*.bin binary\n"})
    (made / ".git/hooks/pre-push").chmod(0o755)
    return made


_OTHER = '"$(dirname "$(git rev-parse --path-format=absolute --git-common-dir)")/../other"'
_GIT_DIR = '"$(git rev-parse --git-common-dir)"'

#: What installers do, each as its tool does it.
INSTALLERS = {
    "husky": "git config core.hooksPath .husky/_",
    "husky_4": f"for h in pre-commit pre-push; do printf '#!/bin/sh\\n# husky\\n' > {_GIT_DIR}/hooks/$h; done",
    "lefthook": f"printf '#!/bin/sh\\ncall_lefthook run\\n' > {_GIT_DIR}/hooks/pre-commit && chmod +x {_GIT_DIR}/hooks/pre-commit"
    f" && echo 1 > {_GIT_DIR}/info/lefthook.checksum",
    "pre_commit": "python3 -c \"import pathlib, subprocess as s; d = s.run(['git', 'rev-parse', '--git-common-dir'],"
    " capture_output=True, text=True).stdout.strip(); pathlib.Path(d, 'hooks/pre-commit').write_text('pre-commit')\"",
    "without_a_shell": "python3 -c \"import configparser, pathlib; d = pathlib.Path('.git').read_text()[8:].strip();"
    " open(pathlib.Path(d, '../../config'), 'a').write('[core]\\n\\tfsmonitor = x\\n')\"",
    "a_deleted_hook": f"rm {_GIT_DIR}/hooks/pre-push",
    "hooks_as_a_link": f"rm -r {_GIT_DIR}/hooks/pre-push && ln -s /nowhere {_GIT_DIR}/hooks/pre-push",
    "attributes": f"echo '*.x filter=y' >> {_GIT_DIR}/info/attributes && git config filter.y.clean cat",
    "exclude": f"echo made >> {_GIT_DIR}/info/exclude",
    "identity": "git config user.email ci@example.org && git config user.name CI",
    "remote": "git remote add upstream https://example.org/x.git",
    "unset": "git config --unset alias.st",
    "modules": "git config submodule.lib.url https://example.org/lib && git config submodule.lib.active true",
    "tag": "git tag v9",
    "moved_tag": "git tag -f v1 HEAD",
    "deleted_tag": "git tag -d v1",
    "branch": "git branch build",
    "branch_by_checkout": "git checkout -q -b build && git checkout -q --detach",
    "fetch": "git -c protocol.file.allow=always fetch -q --tags " + _OTHER + " '+refs/heads/*:refs/remotes/other/*'",
    "stash": "echo x > README.md && git -c user.name=A -c user.email=a@b stash -q",
    "note": "git -c user.name=A -c user.email=a@b notes add -m x",
    "replacement": "git replace HEAD HEAD~1",
    "symbolic": "git symbolic-ref refs/heads/latest refs/heads/main",
    "moved_symbolic": "git -c core.logAllRefUpdates=false symbolic-ref refs/heads/alias refs/tags/v1",
    "deleted_symbolic": "git symbolic-ref -d refs/heads/alias",
    "mode": f"chmod -x {_GIT_DIR}/hooks/pre-push",
}


@pytest.mark.parametrize("name", INSTALLERS)
def test_what_a_set_up_installs_is_put_back_and_told(tmp_path: Path, repo: Path, name: str) -> None:
    before = whole(repo)
    with bench(tmp_path, repo, _PLAN, setup=[INSTALLERS[name]]) as b:
        b.begin()
        assert whole(repo) == before
        assert "It was restored" in b.logs()
        assert not list(sheltered.notes_folder(b.rt).iterdir())


#: What puts the user's checkout on another branch without a change of its files.
HEADS = {
    "written": f"echo 'ref: refs/heads/other' > {_GIT_DIR}/HEAD",
    "detached": f"git rev-parse HEAD > {_GIT_DIR}/HEAD",
    "garbage": f"echo x > {_GIT_DIR}/HEAD",
    "deleted": f"rm {_GIT_DIR}/HEAD",
    "a_link": f"d={_GIT_DIR}; mv $d/HEAD $d/saved && ln -s saved $d/HEAD && echo 'ref: refs/heads/other' > $d/saved; rm $d/saved",
    "by_git": f"git --git-dir={_GIT_DIR} symbolic-ref HEAD refs/heads/other",
    "without_its_log": f"d={_GIT_DIR}; echo 'ref: refs/heads/other' > $d/HEAD; touch $d/logs/HEAD",
}


@pytest.mark.parametrize("name", HEADS)
def test_the_branch_that_the_users_checkout_is_on_is_put_back(tmp_path: Path, repo: Path, name: str) -> None:
    before = whole(repo)
    with bench(tmp_path, repo, _PLAN, setup=[HEADS[name]]) as b:
        b.begin()
        assert whole(repo) == before
        assert f"{repo / '.git/HEAD'} was {'deleted' if name == 'deleted' else 'changed'}" in b.logs()


def test_a_branch_made_in_the_users_checkout_goes_and_the_checkout_is_back_on_its_own(
    tmp_path: Path, repo: Path
) -> None:
    files = run_git(repo, "status", "--porcelain")
    with bench(tmp_path, repo, _PLAN, setup=[f"git -C {repo} checkout -q -b build"]) as b:
        b.begin()
        assert run_git(repo, "symbolic-ref", "HEAD") == "refs/heads/main"
        assert run_git(repo, "branch", "--list", "build") == ""
        assert run_git(repo, "status", "--porcelain") == files


@pytest.mark.parametrize(
    "how", [["switch", "-q", "-c", "mine"], ["branch", "-m", "mine"], ["checkout", "-q", "--detach"]]
)
def test_a_branch_that_the_user_takes_while_a_set_up_runs_stays(tmp_path: Path, repo: Path, how: list[str]) -> None:
    go, there = tmp_path / "go", tmp_path / "there"
    command = f"git -C {repo} status >/dev/null; touch {there}; until test -e {go}; do sleep 0.02; done"
    with bench(tmp_path, repo, _PLAN, setup=[command]) as b:
        running = threading.Thread(target=b.begin)
        running.start()
        while not there.exists():
            assert running.is_alive()
        run_git(repo, *how)
        head = (repo / ".git/HEAD").read_text()
        go.touch()
        running.join(60)
        assert (repo / ".git/HEAD").read_text() == head
        assert "main" not in head


def test_a_whole_session_with_set_up_and_checks_leaves_the_repository_byte_for_byte_until_the_merge(
    tmp_path: Path, repo: Path
) -> None:
    before = whole(repo)
    plan = plan_of(
        {"id": "t1"}, {"id": "t2"}, checks=["git config core.hooksPath .hooks; test -e one.txt || test -e README.md"]
    )
    every = "\n".join(f"({words})" for name, words in INSTALLERS.items() if name != "branch_by_checkout")
    with bench(tmp_path, repo, plan, setup=[f"{every}\n:"]) as b:
        b.measure_baseline()
        assert whole(repo) == before
        assert b.work({"one.txt": "1\n"}).status == "completed", b.logs()
        assert b.work({"two.txt": "2\n"}, "t2").status == "completed", b.logs()
        assert b.complete() == "completed", b.logs()
        assert whole(repo) == before
        assert not b.asked()
        assert "core.hookspath" in b.logs()


def test_what_was_written_is_kept_with_the_way_to_have_it(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, _PLAN, setup=[INSTALLERS["husky"]]) as b:
        b.begin()
        (kept,) = sheltered.put_back_folder(b.rt).glob("*/*/config")
        assert "hooksPath" in kept.read_text()
        assert f"cp {kept} " in b.logs()
        assert kept.stat().st_mode & 0o077 == 0


def test_what_the_user_sets_while_a_set_up_runs_stays(tmp_path: Path, repo: Path) -> None:
    go, there = tmp_path / "go", tmp_path / "there"
    command = f"git status >/dev/null; touch {there}; until test -e {go}; do sleep 0.02; done"
    with bench(tmp_path, repo, _PLAN, setup=[command]) as b:
        running = threading.Thread(target=b.begin)
        running.start()
        while not there.exists():
            assert running.is_alive()
        run_git(repo, "config", "user.name", "Grace")
        run_git(repo, "remote", "add", "origin", "https://example.org/r.git")
        go.touch()
        running.join(60)
        assert run_git(repo, "config", "user.name") == "Grace"
        assert run_git(repo, "remote") == "origin"


def test_commands_that_overlap_have_one_measure(tmp_path: Path, repo: Path) -> None:
    before = whole(repo)
    go, there = tmp_path / "go", tmp_path / "there"
    first = f"git config core.hooksPath .x; touch {there}; until test -e {go}; do sleep 0.02; done"
    with bench(tmp_path, repo, _PLAN) as b:
        one = b.begin()

        def run(command: str) -> None:
            sheltered.run(b.rt, b.session, command, one, {"PATH": "/usr/bin:/bin"}, 60, lambda: False)

        running = threading.Thread(target=run, args=(first,))
        running.start()
        while not there.exists():
            assert running.is_alive()
        run("true")  # begun when the other had written already
        go.touch()
        running.join(60)
        run("true")
        assert whole(repo) == before


def test_a_set_up_beside_a_worker_raises_no_alarm_about_it(tmp_path: Path, repo: Path) -> None:
    plan = plan_of({"id": "t1"}, {"id": "t2"}, checks=["true"])
    go, there = tmp_path / "go", tmp_path / "there"
    once = tmp_path / "once"
    wait = f"if test -e {once}; then touch {there}; until test -e {go}; do sleep 0.02; done; fi; touch {once}"
    with bench(tmp_path, repo, plan, setup=[f"git config core.hooksPath .x; {wait}"]) as b:
        b.begin()
        worker = _worker(b)
        integrity.snapshot(b.rt, b.session, worker)
        running = threading.Thread(target=b.begin, args=("t2",))
        running.start()
        while not there.exists():
            assert running.is_alive()
        late = _worker(b)
        integrity.snapshot(b.rt, b.session, late)  # the measure of a worker is not what a set-up has just written
        assert not integrity.verify_running(b.rt, b.id)
        go.touch()
        running.join(60)
        assert not integrity.verify(b.rt, worker.id)
        assert not integrity.verify(b.rt, late.id)
        assert not b.asked("escape")


def test_what_a_worker_plants_while_a_check_runs_still_raises_the_alarm(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, _PLAN) as b:
        worktree = b.begin()
        worker = _worker(b)
        integrity.snapshot(b.rt, b.session, worker)
        run_git(repo, "config", "core.fsmonitor", "/tmp/evil")
        sheltered.run(b.rt, b.session, "true", worktree, {"PATH": "/usr/bin:/bin"}, 60, lambda: False)
        assert integrity.verify(b.rt, worker.id)
        assert b.asked("escape")


def test_what_a_kill_leaves_is_put_back_at_the_next_start(tmp_path: Path, repo: Path) -> None:
    before = whole(repo)
    with bench(tmp_path, repo, _PLAN) as b:
        worktree = b.begin()
        around = shelter.command(worktree, "x", sheltered.notes_folder(b.rt), tmp_path / "aside")
        run_git(worktree, "config", "core.hooksPath", ".x", env=around.__enter__().env)
        shelter._windows.clear()  # the process that knew of it is gone
        sheltered.take_up(b.rt)
        assert whole(repo) == before
        assert not list(sheltered.notes_folder(b.rt).iterdir())


def _worker(b: Bench) -> models.Worker:
    with b.rt.db.write() as tx:
        worker = models.Worker(
            session_id=b.id,
            task_id=b.task().id,
            name="W-1",
            status="running",
            spool_path=str(b.rt.data_dir / "workers/x"),
        )
        tx.db.add(worker)
    with b.rt.db.read() as db:
        return db.get(models.Worker, worker.id) or worker
