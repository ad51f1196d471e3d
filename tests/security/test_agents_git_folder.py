"""What an agent in the sandbox writes into its git folder: its commits come over, and nothing that acts outside."""

from __future__ import annotations

import mmap
import os
import subprocess
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from maestro.confinement.profile import Profile
from maestro.confinement.wrapping import command
from maestro.core.kernel.agent_config import in_force
from maestro.core.workspaces import agents_place, confining
from maestro.errors import GitError, MaestroError
from maestro.worktrees import (
    copying,
    fingerprint,
    integration,
    links,
    manager,
    overwrite_check,
    private_git,
    scratch,
    stray_work,
    submodules,
)
from maestro.worktrees.git import GitResult, own_git_dir
from maestro.worktrees.snapshot import save_work
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git

_BRANCH = "maestro/s/t1"
_BESIDE = "refs/maestro/s/recovered/beside"


@dataclass
class Agent:
    """An agent's place: a home of the user's, the user's repository, a worktree, and the agent's git folder."""

    home: Path
    repo: Path
    worktree: Path
    at: Path

    def runs(self, script: str) -> str:
        """A command of the agent's, in its sandbox; what it printed."""
        if not private_git.is_made(self.at):
            private_git.make(self.worktree, self.at)
        done = self._confined(["bash", "-ec", textwrap.dedent(script)], b"")
        assert done.code == 0, done.stderr.decode()
        return done.text

    def _confined(self, argv: list[str], given: bytes) -> GitResult:
        mounts = private_git.mounts(self.worktree, self.at)
        profile = Profile(
            worktree=self.worktree, home=self.home, hidden=(self.repo,), overlaid=mounts.read, caches=mounts.written
        )
        names = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), **names}
        done = subprocess.run(command(profile, argv), input=given, env=env, capture_output=True, check=False)
        return GitResult(done.returncode, done.stdout, done.stderr)

    def ends(self) -> private_git.Taken:
        """The agent has ended: what it did comes over, and what is left is committed."""
        taken = private_git.take_in(
            self.worktree, self.at, _BRANCH, lambda words, given: self._confined(["git", *words], given), _BESIDE
        )
        with links.away(self.worktree):
            pass
        integration.commit_all(self.worktree, "The rest", {}, branch=_BRANCH)
        return taken

    def of_branch(self, path: str) -> str:
        return run_git(self.repo, "show", f"{_BRANCH}:{path}")


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    repo = make_repo(tmp_path / "repo", {"shop.py": "x = 1\n", "other.py": "y = 1\n"})
    return _agent(tmp_path, repo, monkeypatch)


def _agent(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".bashrc").write_text("# mine\n")
    (home / ".gitconfig").write_text("[user]\n\tname = u\n\temail = u@x\n")
    monkeypatch.setenv("HOME", str(home))
    worktree = tmp_path / "worktrees" / "t1"
    manager.add_worktree(repo, worktree, _BRANCH, "HEAD")
    return Agent(home, repo, worktree, tmp_path / "agents" / "t1")


_FORGE = r"""
import hashlib, os, struct, subprocess, sys
index = subprocess.check_output(["git", "rev-parse", "--git-path", "index"], text=True).strip()
data = bytearray(open(index, "rb").read())
at = 12
for _ in range(struct.unpack(">I", data[8:12])[0]):
    end = data.index(b"\0", at + 62)
    if data[at + 62:end] == b"shop.py":
        s = os.lstat("shop.py")
        times = int(s.st_ctime), s.st_ctime_ns % 10**9, int(s.st_mtime), s.st_mtime_ns % 10**9
        data[at:at + 40] = struct.pack(">10I", *times, s.st_dev & 0xffffffff, s.st_ino & 0xffffffff, 0o100644, s.st_uid, s.st_gid, s.st_size)
    at += (end - at + 8) & ~7
data[-20:] = hashlib.sha1(data[:-20]).digest()
open(index, "wb").write(data)
os.utime(index, (s.st_mtime + 10, s.st_mtime + 10))
"""  # noqa: E501

#: Each leaves something in the git folder with which Maestro's own git, or Maestro, would act outside.
_PLANTED = {
    "log": 'rm -f "$own/logs/HEAD"; ln -s "$HOME/.bashrc" "$own/logs/HEAD"',
    "log folder": 'rm -rf "$own/logs"; ln -s "$HOME" "$own/logs"',
    "message": 'for f in COMMIT_EDITMSG MERGE_MSG ORIG_HEAD FETCH_HEAD SQUASH_MSG; do ln -sf "$HOME/$f" "$own/$f"; done',
    "message of a merge": 'git rev-parse HEAD > "$own/MERGE_HEAD"; ln -sf "$HOME/.bashrc" "$own/MERGE_MSG"',
    "index": 'cp "$own/index" /tmp/i; rm "$own/index"; ln -s "$HOME/index" "$own/index"',
    "settings": 'printf "[core]\\n\\thooksPath = /tmp\\n" > "$own/config.worktree"',
    "hooks": 'mkdir "$own/hooks"; echo evil > "$own/hooks/post-commit"',
    "a note of links": 'printf \'{"%s/.bash_profile": "/tmp/evil"}\' "$HOME" > "$own/maestro-links-away"',
    "a note of copies": 'printf "more.py" > "$own/maestro-copied"',
    "a rebase of the user's branch": 'mkdir "$own/rebase-merge"; echo refs/heads/main > "$own/rebase-merge/head-name"; '
    'git commit-tree -m evil "HEAD^{tree}" | tee "$own/rebase-merge/orig-head" > "$own/rebase-merge/onto"',
    "a bisect of the user's branch": 'echo > "$own/BISECT_LOG"; echo main > "$own/BISECT_START"',
    "pipes": 'for f in MERGE_HEAD BISECT_LOG AUTO_MERGE; do mkfifo "$own/$f"; done',
    "folders": 'mkdir "$own/MERGE_MSG" "$own/REVERT_HEAD"; ln -s "$HOME" "$own/sequencer"; ln -s "$HOME" "$own/modules"',
    "sparse": 'mkdir -p "$own/info"; echo nothing > "$own/info/sparse-checkout"; touch "$own/maestro-sparse"',
}  # fmt: skip


@pytest.mark.parametrize(
    "how",
    [
        ("log folder", "message", "a note of links", "a note of copies", "settings", "hooks", "sparse"),
        ("log", "message of a merge"),
        ("pipes", "folders"),
        ("index",),
        ("a rebase of the user's branch",),
        ("a bisect of the user's branch",),
    ],
    ids=", ".join,
)
def test_what_is_planted_there_acts_nowhere(agent: Agent, how: tuple[str, ...]) -> None:
    before = _outside(agent)
    agent.runs(
        "\n".join(["own=$(git rev-parse --git-dir)", *(_PLANTED[name] for name in how), 'echo "more = 1" > more.py'])
    )
    agent.ends()
    assert _outside(agent) == before
    assert agent.of_branch("more.py") == "more = 1"
    own = own_git_dir(agent.worktree)
    assert not {"config.worktree", "hooks", "maestro-links-away", "maestro-copied"} & {p.name for p in own.iterdir()}
    assert not [path for path in own.rglob("*") if path.is_symlink()]


def _outside(agent: Agent) -> object:
    files = {path.name: path.read_bytes() for path in agent.home.iterdir() if path.is_file()}
    theirs = run_git(agent.repo, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/main", "refs/stash")
    return (
        files,
        sorted(path.name for path in agent.home.iterdir()),
        theirs,
        run_git(agent.repo, "status", "--porcelain"),
    )


@pytest.mark.parametrize(
    "how",
    [
        f"cat > /tmp/forge.py <<'E'\n{_FORGE}\nE\npython3 /tmp/forge.py; test -z \"$(git status --porcelain)\"",
        "git update-index --assume-unchanged shop.py",
        "git update-index --skip-worktree shop.py",
        "git config core.checkStat minimal || git update-index --assume-unchanged shop.py",
    ],
    ids=["times", "assumed", "skipped", "settings"],
)
def test_an_index_that_calls_a_changed_file_unchanged_hides_nothing(agent: Agent, how: str) -> None:
    """Else a check proves what no commit holds."""
    agent.runs(f"echo 'y = 2' > other.py; git commit -qam Other\necho 'x = 2  # fixed' > shop.py\n{how}")
    agent.ends()
    assert "fixed" in agent.of_branch("shop.py")
    assert agent.of_branch("other.py") == "y = 2"


def test_what_is_staged_moved_and_half_merged_comes_over(agent: Agent) -> None:
    agent.runs("""
        git switch -qc side; echo 'x = 3' > shop.py; git commit -qam Side; git switch -q -
        echo 'x = 2' > shop.py; git commit -qam Ours; git merge -q side || true
        test -n "$(git ls-files -u)"
        echo 'x = 5' > shop.py; git mv other.py moved.py; echo 'z = 1' > 'new
name.py'; git add -A
    """)
    agent.ends()
    assert agent.of_branch("shop.py") == "x = 5"
    assert run_git(agent.repo, "ls-tree", "-z", "--name-only", _BRANCH).split("\0")[:-1] == [
        "moved.py",
        "new\nname.py",
        "shop.py",
    ]
    assert len(run_git(agent.repo, "log", "-1", "--format=%P", _BRANCH).split()) == 2
    assert run_git(agent.worktree, "status", "--porcelain") == ""


def test_work_left_in_a_stash_or_on_another_branch_is_kept_and_told(agent: Agent) -> None:
    agent.runs("""
        echo 'x = 7' > shop.py; git stash -q; echo 'y = 7' > other.py; git stash -q
        git switch -qc side; echo 'z = 1' > more.py; git add -A; git commit -qm Side; git switch -q -
        git switch -qc merged; echo 'a = 1' > a.py; git add -A; git commit -qm A; git switch -q maestro/s/t1
        git merge -q --squash merged; git commit -qm Squashed
    """)
    agent.ends()
    found = stray_work.kept_beside(agent.worktree, integration.head(agent.worktree))
    assert {name: files for name, (_ref, files) in found.items()} == {
        "refs/stash@{0}": ["other.py"],
        "refs/stash@{1}": ["shop.py"],
        "side": ["more.py"],
    }
    commits = {name: run_git(agent.repo, "rev-parse", ref).strip() for name, (ref, _files) in found.items()}
    agent.runs(f"git stash apply -q {commits['refs/stash@{1}']}; git cherry-pick {commits['side']}")
    agent.ends()
    assert stray_work.kept_beside(agent.worktree, integration.head(agent.worktree)) == {}
    assert agent.of_branch("shop.py") == "x = 7"
    assert run_git(agent.repo, "show", f"{commits['refs/stash@{0}']}:other.py") == "y = 7", "kept all the same"


def test_a_merge_that_began_outside_is_ended_by_the_agent(agent: Agent) -> None:
    subprocess.run(["git", "switch", "-qc", "side"], cwd=agent.repo, check=True)
    (agent.repo / "shop.py").write_text("x = 3\n")
    run_git(agent.repo, "commit", "-qam", "Side")
    (agent.worktree / "shop.py").write_text("x = 2\n")
    run_git(agent.worktree, "commit", "-qam", "Ours")
    subprocess.run(["git", "merge", "-q", "side"], cwd=agent.worktree, check=False, capture_output=True)
    agent.runs("test -n \"$(git ls-files -u)\"; echo 'x = 5' > shop.py; git commit -qam Merged")
    agent.ends()
    assert run_git(agent.repo, "log", "--format=%s", "-1", _BRANCH).strip() == "Merged"
    assert run_git(agent.worktree, "status", "--porcelain") == ""
    assert not (own_git_dir(agent.worktree) / "MERGE_HEAD").exists()


def test_a_pack_that_cannot_be_and_an_index_that_is_none_cost_nothing_but_commits(agent: Agent) -> None:
    agent.runs("echo 'x = 2' > shop.py; git add -A; echo garbage > $(git rev-parse --git-path index)")
    with pytest.raises(GitError):
        agent.ends()
    private_git.set_aside(agent.worktree, agent.at, _BRANCH)
    integration.commit_all(agent.worktree, "The rest", {}, branch=_BRANCH)
    assert agent.of_branch("shop.py") == "x = 2"


_LARGE = "*.bin filter=lfs diff=lfs merge=lfs -text\n"


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """A repository with git-lfs, and a file in it."""
    repo = make_repo(tmp_path / "repo", {"shop.py": "x = 1\n"})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    run_git(repo, "lfs", "install", "--local")
    (repo / ".gitattributes").write_text(_LARGE)
    (repo / "a.bin").write_bytes(b"theirs" * 100)
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-qm", "Large")
    (tmp_path / "home").rmdir()
    return _agent(tmp_path, repo, monkeypatch)


def test_files_of_git_lfs_are_committed_and_read(large: Agent) -> None:
    said = large.runs(
        "head -c 6 a.bin; printf ours > b.bin; rm a.bin; git checkout -q -- a.bin; head -c 6 a.bin; git add -A;"
        " git commit -qm Large"
    )
    assert said == "theirstheirs"
    large.ends()
    assert "oid sha256" in large.of_branch("b.bin")
    run_git(large.repo, "merge", "-q", "--ff-only", _BRANCH)
    assert (large.repo / "b.bin").read_text() == "ours"


def test_files_of_git_lfs_that_the_user_has_stay_as_they_are(large: Agent) -> None:
    before = {path: path.read_bytes() for path in (large.repo / ".git/lfs/objects").rglob("*") if path.is_file()}
    assert before
    large.runs("""
        lfs=$(git rev-parse --git-common-dir)/lfs; rm -rf $lfs/objects; mkdir -p $lfs/objects/aa/bb
        false_name=aabb$(printf '0%.0s' $(seq 60)); echo evil > $lfs/objects/aa/bb/$false_name
        ln -s /etc/passwd $lfs/objects/aa/bb/aabb$(printf '1%.0s' $(seq 60))
        find $(git rev-parse --git-common-dir)/maestro/lfs -type f | while read f; do echo evil > $f || rm -f $f || :; done
    """)
    large.ends()
    now = {path: path.read_bytes() for path in (large.repo / ".git/lfs/objects").rglob("*") if path.is_file()}
    assert now == before


@pytest.fixture
def with_submodule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    inner = make_repo(tmp_path / "inner", {"lib.py": "1\n"})
    repo = make_repo(tmp_path / "repo", {"shop.py": "x = 1\n"})
    run_git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "lib")
    run_git(repo, "commit", "-qm", "Sub")
    agent = _agent(tmp_path, repo, monkeypatch)
    assert submodules.fill(agent.worktree) == []
    return agent


def test_commits_in_a_submodule_come_over(with_submodule: Agent) -> None:
    agent = with_submodule
    agent.runs("cd lib; echo 2 > lib.py; git commit -qam Inner; cd ..; git commit -qam Outer")
    agent.ends()
    moved = submodules.moved(agent.repo, "main", _BRANCH)
    assert set(moved) == {"lib"}
    assert submodules.uncommitted(agent.worktree) == []
    kept = submodules.keep(agent.repo, agent.worktree, moved, "refs/maestro/submodules/x")
    assert [one.path for one in kept] == ["lib"]
    assert run_git(agent.repo / "lib", "show", f"{moved['lib']}:lib.py") == "2"


def test_what_is_planted_in_a_submodules_git_folder_is_gone(with_submodule: Agent) -> None:
    agent = with_submodule
    before = _outside(agent)
    agent.runs("""
        cd lib; git config core.worktree "$HOME"; git config filter.x.clean "touch $HOME/ran; cat"
        git config core.fsmonitor "touch $HOME/ran"; m=$(git rev-parse --git-dir); echo evil > $m/hooks/x || true
        rm -f $m/logs/HEAD; ln -s $HOME/.bashrc $m/logs/HEAD; echo ../../../../../.. > $m/commondir
        mkdir -p $m/objects/info; echo "$HOME" >> $m/objects/info/alternates
    """)
    agent.ends()
    module = own_git_dir(agent.worktree) / "modules/lib"
    assert not (module / "commondir").exists()
    assert not (module / "logs/HEAD").is_symlink()
    assert "filter" not in (module / "config").read_text()
    assert str(agent.home) not in (module / "objects/info/alternates").read_text()
    submodules.discard(agent.worktree)
    assert _outside(agent) == before


#: How a repository inside of a worktree leads git elsewhere, or to a program; ``$victim`` is another repository of the user's.
_LEADS = {
    "files in home": "git -C lib config core.worktree $HOME",
    "another repository": 'echo "gitdir: $victim/.git" > lib/.git',
    "a link to it": "rm lib/.git; ln -s $victim/.git lib/.git",
    "its branches": 'm=$(git -C lib rev-parse --absolute-git-dir); echo "$victim/.git" > $m/commondir',
    "a log": "m=$(git -C lib rev-parse --absolute-git-dir); rm -rf $m/logs; ln -s $HOME $m/logs",
    "a filter": "git -C lib config filter.x.clean 'touch $HOME/ran; cat'; echo '* filter=x' > lib/.gitattributes",
    "a process": "git -C lib config filter.x.process 'touch $HOME/ran; false'; echo '* filter=x' > lib/.gitattributes",
    "attributes of its own": "git -C lib config filter.X.clean 'touch $HOME/ran; cat';"
    "m=$(git -C lib rev-parse --absolute-git-dir); mkdir -p $m/info; echo '* filter=X' > $m/info/attributes",
    "an included file": "git -C lib config include.path $PWD/more; git config -f more filter.y.clean 'touch $HOME/ran; cat';"
    "echo '* filter=y' > lib/.gitattributes",
    "asked for by .gitmodules": "git -C lib config filter.x.clean 'touch $HOME/ran; cat'; echo '* filter=x' > lib/.gitattributes;"
    "git config -f .gitmodules submodule.lib.ignore none",
    "a new repository": "rm -rf lib; git init -q lib; git -C lib commit -q --allow-empty -m x;"
    "git -C lib config filter.x.clean 'touch $HOME/ran; cat'; echo '* filter=x' > lib/.gitattributes; git add lib .gitmodules",
    "one that is no submodule": "git init -q own; echo 1 > own/f; git -C own add f; git -C own commit -qm x; git add own;"
    "git -C own config filter.x.clean 'touch $HOME/ran; cat'; echo '* filter=x' > own/.gitattributes; echo 22 > own/f",
    "a program for changes": "git -C lib config core.fsmonitor 'touch $HOME/ran'",
    "a missing object": "git -C lib config extensions.partialClone p; git -C lib config remote.p.promisor true;"
    "git -C lib config remote.p.url $PWD; git -C lib config remote.p.uploadpack 'touch $HOME/ran; false';"
    "rm -f $(git -C lib rev-parse --absolute-git-dir)/objects/info/alternates",
}  # fmt: skip


@pytest.mark.parametrize(
    "how",
    [
        ("files in home", "a program for changes", "one that is no submodule"),
        ("another repository",),
        ("a link to it",),
        ("its branches",),
        ("a log",),
        ("a filter", "asked for by .gitmodules", "attributes of its own"),
        ("a process", "a missing object"),
        ("an included file",),
        ("a new repository",),
    ],
    ids=", ".join,
)
def test_a_repository_inside_of_a_worktree_leads_git_nowhere(
    with_submodule: Agent, tmp_path: Path, how: tuple[str, ...]
) -> None:
    """Whoever wrote it: a check may, after the agent has ended. Each of Maestro's calls is tried on it."""
    agent = with_submodule
    victim = make_repo(tmp_path / "victim", {"v.py": "1\n"})
    before = _outside(agent), _refs(victim), run_git(victim, "status", "--porcelain")
    env = {
        **os.environ,
        "victim": str(victim),
        **{f"GIT_{w}_{n}": "a@b" for w in ("AUTHOR", "COMMITTER") for n in ("NAME", "EMAIL")},
    }
    subprocess.run(["bash", "-ec", "\n".join(_LEADS[name] for name in how)], cwd=agent.worktree, env=env, check=True)
    (agent.worktree / "lib/lib.py").write_text("2\n")  # of the same size: git has to read it, through a filter
    os.utime(agent.worktree / "lib/lib.py", (1, 1))
    (agent.home / "ran").unlink(missing_ok=True)
    for call in _calls(agent, run_git(victim, "rev-parse", "HEAD").strip()):
        with suppress(MaestroError):
            call()
    assert (_outside(agent), _refs(victim), run_git(victim, "status", "--porcelain")) == before


def _refs(repo: Path) -> str:
    return run_git(repo, "for-each-ref")


def _calls(agent: Agent, commit: str) -> list[Callable[[], object]]:
    worktree, repo = agent.worktree, agent.repo
    return [
        lambda: submodules.changed_files(worktree),
        lambda: submodules.uncommitted(worktree),
        lambda: integration.is_clean(worktree),
        lambda: copying.left_behind(worktree),
        lambda: fingerprint.fingerprint(worktree),
        lambda: overwrite_check.survey(worktree, "HEAD", "HEAD~1"),
        lambda: save_work(repo, worktree, "refs/maestro/s/recovered/x", "x"),
        lambda: submodules.keep(repo, worktree, {"lib": commit}, "refs/maestro/submodules/x"),
        lambda: submodules.fill(worktree),
        lambda: integration.commit_all(worktree, "The rest", {}, branch=_BRANCH),
        lambda: scratch.discard_changes(worktree),
        lambda: submodules.discard(worktree),
        lambda: manager.remove_worktree(repo, worktree, recover_as="refs/maestro/s/recovered/y", below=worktree.parent),
    ]


def test_an_agent_sees_gits_settings_without_passwords(tmp_path: Path) -> None:
    """Also those of submodules, which lie in the folder that is seen as it is."""
    repo = make_repo(tmp_path / "repo", {"a.txt": "1\n"})
    run_git(repo, "remote", "add", "origin", "https://ada:hunter2@git.example/shop.git")
    for folder in (".git/modules/lib", ".git/modules/libs/deep/modules/inner"):
        (repo / folder).mkdir(parents=True)
        (repo / folder / "config").write_text('[remote "origin"]\n\turl = https://ada:hunter2@git.example/lib.git\n')
    with bench(tmp_path, repo, plan_of({"id": "t1"}), permission_mode="sandboxed") as b:
        worktree = b.begin()
        config = in_force(b.session.agent_config, b.rt.settings)
        of_agent = agents_place.of_agent(b.rt, b.session, b.task().id, worktree, config)
        of_check = confining.profile_of(b.rt, b.session, worktree, {"HOME": str(tmp_path / "home")})
        script = "git config --list; shared=$(git rev-parse --git-common-dir); find $shared -name config | xargs cat"
        for profile in (Profile.from_json(of_agent["profile"]), of_check):
            argv = command(profile, ["bash", "-c", script])
            done = subprocess.run(argv, cwd=worktree, capture_output=True, text=True, check=False)
            assert done.stdout.count("git.example/shop.git") == 2, done.stdout + done.stderr
            assert done.stdout.count("git.example/lib.git") == 2
            assert "hunter2" not in done.stdout


def test_of_what_git_says_of_an_agents_folder_a_pack_stays_on_the_disk_and_lists_have_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = make_repo(tmp_path / "repo", {"a.txt": "1\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}), permission_mode="sandboxed") as b:
        worktree, task = b.begin(), b.task()
        agents_place.of_agent(b.rt, b.session, task.id, worktree, in_force(b.session.agent_config, b.rt.settings))
        at = b.rt.data_dir / "agents" / task.id
        run = agents_place._confined(b.rt, b.session, worktree, at)
        pack = run(["pack-objects", "--quiet", "--all", "--stdout"], b"")
        assert isinstance(pack.stdout, mmap.mmap), pack.stderr
        assert pack.stdout[:4] == b"PACK"
        monkeypatch.setattr(agents_place, "_LIMITED", ("/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "maestro-limit"))
        assert run(["pack-objects", "--quiet", "--all", "--stdout"], b"").code != 0
        monkeypatch.undo()
        monkeypatch.setattr(agents_place, "_LISTED_BYTES", 10)
        with pytest.raises(GitError, match="lists more than"):
            run(["for-each-ref"], b"")
