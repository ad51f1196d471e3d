"""Where worktrees go: outside of every project, the same kind of place for all."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from maestro.cli.doctor import examine
from maestro.core.kernel import places, projects, worktree_place
from maestro.errors import InvalidInput
from maestro.settings import LoadedSettings, Settings


@pytest.fixture(autouse=True)
def _away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies above the temporary folder of this machine is nothing to these tests."""
    seen = projects.above
    monkeypatch.setattr(
        projects, "above", lambda folder: [a for a in seen(folder) if a.path.is_relative_to(tmp_path.resolve())]
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def decide(data: Path, **more: object) -> worktree_place.Place:
    return worktree_place.decide(Settings(data_dir=data, **more))  # type: ignore[arg-type]


def test_worktrees_stay_in_a_data_folder_that_lies_below_no_project(tmp_path: Path) -> None:
    assert decide(tmp_path / "data").folder == tmp_path / "data" / "worktrees"


@pytest.mark.parametrize(
    "marker",
    [
        ".git", "pyproject.toml", "package.json", "Cargo.toml", "tox.ini", "setup.cfg", "pytest.ini", "go.mod", "go.work",
        "tsconfig.json", "tsconfig.base.json", ".eslintrc", ".eslintrc.cjs", "eslint.config.mjs", "ruff.toml", ".ruff.toml",
        "node_modules", "conftest.py", "Makefile", "Gemfile", "composer.json", "pom.xml", "build.gradle.kts", "CMakeLists.txt",
        "jest.config.ts", "vitest.config.ts", ".babelrc", "babel.config.js", "Directory.Build.props", "app.sln", ".hg",
        ".editorconfig", ".prettierrc.json", ".cargo", "mise.toml", ".tool-versions", ".envrc", "CLAUDE.md",
        "NuGet.config", "lombok.config", "psalm.xml", "analysis_options.yaml", ".yamllint", ".browserslistrc", ".shellcheckrc",
        ".swiftlint.yml", ".sqlfluff", ".ocamlformat", "mise.local.toml", ".java-version",
    ],
)  # fmt: skip
def test_below_a_project_worktrees_go_to_a_folder_at_home_that_is_not_hidden(tmp_path: Path, marker: str) -> None:
    project = tmp_path / "code" / "project"
    project.mkdir(parents=True)
    (project / marker).touch()

    place = decide(project / "deep" / "data")

    assert place.folder.parent == tmp_path / "home" / "maestro-worktrees"
    assert str(project / marker) in place.why
    assert place.warning is None
    assert not place.folder.exists()


def test_two_installations_below_projects_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "theirs"))
    (tmp_path / "code" / ".git").mkdir(parents=True)

    one, two = decide(tmp_path / "code" / "a").folder, decide(tmp_path / "code" / "b").folder

    assert one != two
    assert one.parent == two.parent == tmp_path / "theirs" / "maestro"


def test_a_link_is_followed_as_tools_see_it(tmp_path: Path) -> None:
    (tmp_path / "project" / "data").mkdir(parents=True)
    (tmp_path / "project" / "package.json").touch()
    (tmp_path / "data").symlink_to(tmp_path / "project" / "data")

    assert not decide(tmp_path / "data").folder.is_relative_to(tmp_path / "data")


def test_a_users_data_folder_below_a_project_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code" / ".git").mkdir(parents=True)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "code" / "share"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    assert decide(tmp_path / "code" / "data").folder.parent == tmp_path / "state" / "maestro"


def test_where_no_place_is_without_a_project_the_last_one_is_outside_of_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "package.json").touch()

    assert decide(home / "data").folder.parent == Path(f"/var/tmp/maestro-{os.getuid()}")


@pytest.mark.parametrize("data", [".local/share/maestro", ".maestro", "code/.cache/data"])
def test_a_hidden_data_folder_does_not_hide_worktrees(
    tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"

    place = decide(home / data)

    assert place.folder.parent == home / "maestro-worktrees"
    hidden = next(part for part in data.split("/") if part.startswith("."))
    assert f"because many tools skip everything below a hidden folder such as {hidden}" in place.why
    monkeypatch.setenv("XDG_DATA_HOME", str(home / ".local" / "share"))
    assert decide(home / data) == place
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "share"))
    assert decide(home / data).folder.parent == home / "share" / "maestro"


def test_a_link_to_a_hidden_folder_is_hidden(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / ".hidden")

    assert decide(tmp_path / "data").folder.parent == tmp_path / "home" / "maestro-worktrees"


def test_where_no_place_is_better_a_hidden_data_folder_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worktree_place, "_elsewhere", lambda: iter(()))

    place = decide(tmp_path / ".data")

    assert place.folder == tmp_path / ".data" / "worktrees"
    assert "no better place was found" in place.why
    assert place.warning is None


def test_a_folder_in_a_place_for_everybody_is_taken_only_when_nobody_else_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "package.json").touch()
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr(worktree_place, "_SHARED", shared)
    theirs = shared / f"maestro-{os.getuid()}"
    assert decide(home / "data").folder.parent == theirs
    (shared / "a trap").mkdir()
    theirs.symlink_to(shared / "a trap")
    assert not decide(home / "data").folder.is_relative_to(shared)
    theirs.unlink()
    theirs.mkdir()
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    (shared / f"maestro-{os.getuid()}").mkdir()  # by another user, so to say
    assert not decide(home / "data").folder.is_relative_to(shared)


def test_settings_that_people_keep_in_their_home_are_no_project(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in (".editorconfig", ".cargo", ".npmrc", ".tool-versions", ".envrc", "CLAUDE.md"):
        (home / name).touch()

    assert decide(home / "data").folder == home / "data" / "worktrees"


def test_a_home_folder_under_version_control_is_rather_lived_with_than_left(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".git").mkdir(parents=True)
    (home / "code").mkdir()
    (home / "code" / "Cargo.toml").touch()

    place = decide(home / "code" / "data")

    assert place.folder.parent == home / "maestro-worktrees"


def test_the_folder_that_the_user_names_is_taken(tmp_path: Path) -> None:
    assert decide(tmp_path / "data", worktrees_dir=tmp_path / "there").folder == tmp_path / "there"


def test_a_named_folder_below_a_project_is_refused_unless_insisted_on(tmp_path: Path) -> None:
    (tmp_path / "code" / ".git").mkdir(parents=True)
    folder = tmp_path / "code" / "worktrees"

    with pytest.raises(InvalidInput, match=r"MAESTRO_WORKTREES_DIR: .* is below a project: .*\.git.*"):
        decide(tmp_path / "data", worktrees_dir=folder)

    place = decide(tmp_path / "data", worktrees_dir=folder, worktrees_inside_project=True)
    assert place.folder == folder
    assert place.warning
    assert str(tmp_path / "code" / ".git") in place.warning


@pytest.mark.parametrize("kind", ["a file", "below a file", "read only"])
def test_a_named_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(mode=0o500)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).stat().st_mode & 0o200)  # root may write anywhere
    named = {"a file": "file", "below a file": "file/deep", "read only": "closed/deep"}[kind]

    with pytest.raises(InvalidInput, match="MAESTRO_WORKTREES_DIR"):
        decide(tmp_path / "data", worktrees_dir=tmp_path / named)


def test_the_variable_must_be_a_whole_path(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="MAESTRO_WORKTREES_DIR: must be an absolute path"):
        LoadedSettings({"data_dir": tmp_path}, environment={"MAESTRO_WORKTREES_DIR": "somewhere"}, dotenv=None)


def test_all_names_are_of_one_kind() -> None:
    names = [places.name_of_task(key) for key in ("t1", "test-parser", "build", "x" * 40)]
    names += [places.name_of_scratch(purpose) for purpose in ("baseline", "validation", "proof-t1", "clean-t1")]

    assert len(set(names)) == len(names)
    assert {len(name) for name in names} == {len(names[0])}
    assert all(name[0].isalpha() and name[1:].isdecimal() for name in names)
    assert [places.is_scratch(name) for name in names] == [False] * 4 + [True] * 4


def test_doctor_tells_where_worktrees_go_and_what_lies_above(tmp_path: Path) -> None:
    (tmp_path / "code" / ".git").mkdir(parents=True)
    (tmp_path / "code" / "pyproject.toml").touch()

    def told(**more: object) -> tuple[bool, str]:
        found = examine(Settings(data_dir=tmp_path / "code" / "data", **more))  # type: ignore[arg-type]
        return next(
            (f.ok, f.line) for f in found if "orktrees" in f.what and not re.search("GB free|permission mode", f.what)
        )

    ok, line = told()
    assert ok
    assert "because" in line
    assert str(tmp_path / "code" / "pyproject.toml") in line
    ok, line = told(worktrees_dir=tmp_path / "code" / "w", worktrees_inside_project=True)
    assert not ok
    assert str(tmp_path / "code" / "pyproject.toml") in line
    ok, line = told(worktrees_dir=tmp_path / "code" / "w")
    assert not ok
    assert "MAESTRO_WORKTREES_DIR" in line


def test_doctor_says_why_worktrees_are_not_in_a_hidden_data_folder(tmp_path: Path) -> None:
    data = tmp_path / "home" / ".local" / "share" / "maestro"

    ok, line = next((f.ok, f.line) for f in examine(Settings(data_dir=data)) if "worktrees go to" in f.what)

    assert ok
    assert str(tmp_path / "home" / "maestro-worktrees") in line
    assert "a hidden folder such as .local" in line


def test_a_hidden_folder_above_worktrees_is_named_only_where_the_repository_is_not_as_hidden(tmp_path: Path) -> None:
    folder = tmp_path / ".local" / "share" / "maestro" / "worktrees" / "id" / "t1"

    words = places.about_hidden(folder, tmp_path / "code")
    assert words is not None
    assert ".local" in words
    assert "MAESTRO_WORKTREES_DIR" in words
    assert places.about_hidden(folder, tmp_path / ".local" / "code") is None
    assert places.about_hidden(tmp_path / "data" / "t1", tmp_path / "code") is None
