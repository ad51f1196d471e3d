"""What is Maestro's and the user's lies wherever they put it: each of these places is hidden by a line of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from maestro.confinement import home as homes
from maestro.confinement import linux
from maestro.confinement.profile import Profile
from maestro.confinement.wrapping import command
from maestro.core.commands.sessions import NewSession, create_session
from maestro.core.kernel.runtime import open_runtime
from maestro.core.workspaces import confining
from maestro.db import models
from maestro.settings import LoadedSettings
from tests.repos import make_repo, run_git, write_files

#: Below the folder of the test, and who names the place: nothing of it lies in home or in another one of them.
_KEYS = (
    "keys/aws", "keys/kube/one", "keys/kube/two", "keys/gnupg/private.key", "keys/netrc", "keys/npmrc", "keys/age.txt",
    "cargo/credentials.toml", "models/token", "gradle/gradle.properties",
)  # fmt: skip
_VARIABLES = {
    "AWS_SHARED_CREDENTIALS_FILE": "{0}/keys/aws",
    "KUBECONFIG": "{0}/keys/kube/one:{0}/keys/kube/two",
    "GNUPGHOME": "{0}/keys/gnupg",
    "NETRC": "{0}/keys/netrc",
    "npm_config_userconfig": "{0}/keys/npmrc",
    "SOPS_AGE_KEY_FILE": "{0}/keys/age.txt",
    "CARGO_HOME": "{0}/cargo",
    "HF_HOME": "{0}/models",
    "GRADLE_USER_HOME": "{0}/gradle",
}


@dataclass
class Place:
    """Where everything lies, and what a check of a session there sees."""

    root: Path
    profile: Profile

    def seen(self, *names: str, profile: Profile | None = None) -> set[str]:
        """Which of these files has anything in it, as a confined command sees it."""
        script = "".join(f"[ -s '{name}' ] && head -c 1 '{name}' >/dev/null && echo '{name}'\n" for name in names)
        return set(run(profile or self.profile, f'cd "{self.root}"\n{script}').splitlines())


def run(what: Profile, script: str) -> str:
    """What a confined shell prints, which comes to the script's end."""
    done = subprocess.run(
        command(what, ["/bin/sh", "-c", f"{script}\necho end"]),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.endswith("end\n"), done.stderr
    return done.stdout.removesuffix("end\n")


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The folders of tests lie in ``/tmp``, which is covered as a whole: without that each line has to hold by itself."""
    monkeypatch.setattr(linux, "_COVERED", ())
    monkeypatch.setattr(linux, "_UNIX_SOCKETS", Path("/dev/null"))  # of whatever else runs on this machine
    write_files(
        tmp_path,
        dict.fromkeys((*_KEYS, "cargo/bin/tool", "data/token", "worktrees/other/t1/shop.py", "home/x"), "s3cr3t\n"),
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    repo = make_repo(tmp_path / "repo", {"shop.py": "x = 1\n"})
    run_git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "second"))
    for checkout in (repo, tmp_path / "second"):
        (checkout / ".env").write_text("s3cr3t\n")
    (tmp_path / "database").mkdir()
    named = tmp_path / getattr(request, "param", "database/shop.db")
    if ".." not in named.parts and not named.is_relative_to(tmp_path / "database"):
        named.symlink_to(tmp_path / "database/shop.db")
    flags = {
        "data_dir": tmp_path / "data",
        "worktrees_dir": tmp_path / "worktrees",
        "database_url": f"sqlite:///{named}",
        "assistant": "demo",
    }
    rt = open_runtime(LoadedSettings(flags=flags, environment={}, dotenv=None))
    try:
        new = NewSession(title="T", description="D", repo_path=str(repo), agent_config={"permission_mode": "sandboxed"})
        made = create_session(rt, new).id
        with rt.db.read() as db:
            session = db.get(models.Session, made)
        assert session is not None
        worktree = tmp_path / "worktrees" / made / "t1"
        run_git(repo, "worktree", "add", "-q", "--detach", str(worktree))
        for name, value in _VARIABLES.items():
            monkeypatch.setenv(name, value.format(tmp_path))
        env = {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}
        yield Place(tmp_path, confining.profile_of(rt, session, worktree, env))
    finally:
        rt.jobs.stop()
        rt.db.close()


_DATABASE = ("database/shop.db", "database/shop.db-wal", "database/shop.db-shm")


@pytest.mark.parametrize(
    "names",
    [
        ("repo/.env", "repo/shop.py"),
        ("second/.env",),
        ("worktrees/other/t1/shop.py",),
        ("data/token",),
        _DATABASE,
        _KEYS,
    ],
    ids=["checkout", "another checkout", "worktrees", "data", "database", "keys"],
)
def test_each_place_is_hidden_wherever_it_lies(place: Place, names: tuple[str, ...]) -> None:
    assert place.seen("cargo/bin/tool", *names) == {"cargo/bin/tool"}
    here = {place.root / name for name in names}
    others = tuple(hidden for hidden in place.profile.hidden if not any(n.is_relative_to(hidden) for n in here))
    assert place.seen(*names, profile=replace(place.profile, hidden=others)) == set(names), "what the line is for"


@pytest.mark.parametrize("place", ["data/maestro.db", "linked.db", "data/../database/shop.db"], indirect=True)
def test_a_database_that_is_named_through_a_link_is_hidden_where_it_is(place: Place) -> None:
    assert place.seen(*_DATABASE) == set()
    assert all((place.root / name).stat().st_size for name in _DATABASE)


def test_a_variable_that_names_no_file_takes_no_device_away(tmp_path: Path) -> None:
    """``GIT_CONFIG_GLOBAL=/dev/null`` is a habit: hidden like a file of keys, it could not be opened by anybody."""
    (tmp_path / "none").symlink_to("/dev/null")
    hidden = homes.elsewhere({"GIT_CONFIG_GLOBAL": "/dev/null", "KUBECONFIG": f"{tmp_path}/none:{tmp_path}/kube"})
    assert hidden == (tmp_path / "kube",)
    make_repo(tmp_path / "repo", {"a.txt": "1\n"})
    what = Profile(worktree=tmp_path / "repo", home=tmp_path / "home", readable=(), hidden=hidden)
    assert run(what, "echo x > /dev/null && cat /dev/null && GIT_CONFIG_GLOBAL=/dev/null git ls-files") == "a.txt\n"
