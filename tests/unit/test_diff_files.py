"""Cutting a real git diff into files, and its lines into HTML, whatever the paths and contents are."""

from __future__ import annotations

from pathlib import Path

from maestro.core.views import DiffView, FileChange
from maestro.worktrees import delivery, diffs, integration
from pages.changes.diff_files import FileDiff, files_of
from pages.changes.diff_html import render
from tests.repos import commit, make_repo, run_git

BEFORE: dict[str, str | bytes] = {
    "a b.txt": "one\ntwo\n",
    "old/name.py": "x = 1\n" * 20,
    "gone.py": "1\n",
    'weird\t"q".txt': "1\n",
    "no-end.txt": "a",
}
AFTER: dict[str, str | bytes] = {
    "a b.txt": "one\n--- x\n+++ y\ndiff --git a/x b/x\n@@ -1 +1 @@\n",
    "new ä.py": "x = 1\n" * 20 + "y = '''\n<b>\n'''\n",
    'weird\t"q".txt': "2\n",
    "no-end.txt": "b",
    "empty.txt": "",
    "logo.bin": b"\0\1",
    "machine.js": "x" * 5000 + "\n",
    "uv.lock": "line\n" * 30,
}


def diff(folder: Path, limit: int = 1_000_000) -> dict[str, FileDiff]:
    repo = make_repo(folder / "repo", BEFORE)
    base = run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "mv", "old/name.py", "new ä.py")
    run_git(repo, "rm", "-q", "gone.py")
    head = commit(repo, AFTER)
    text, cut = integration.diff_text(repo, base, head, limit)
    changes = [FileChange(path=p, insertions=i, deletions=d) for p, i, d in diffs.changed_lines(repo, base, head)]
    view = DiffView(base=base, head=head, files=changes, insertions=0, deletions=0, text=text, text_cut=cut)
    return {f.path: f for f in files_of(view)}


def test_every_file_is_found_with_its_path_and_what_happened_to_it(tmp_path: Path) -> None:
    files = diff(tmp_path)
    assert set(files) == {*AFTER, "gone.py"}
    assert files["new ä.py"].status == "renamed"
    assert files["new ä.py"].old_path == "old/name.py"
    assert files["gone.py"].status == "deleted"
    assert files["empty.txt"].status == "added"
    assert files["logo.bin"].binary
    assert (files["a b.txt"].insertions, files["a b.txt"].deletions) == (4, 1)
    assert files["uv.lock"].folded
    assert not files["a b.txt"].folded


def test_lines_that_look_like_a_diff_or_like_markup_stay_lines(tmp_path: Path) -> None:
    files = diff(tmp_path)
    shown = render(files["a b.txt"])
    assert shown.count('class="dl dl--add"') == 4
    assert ">diff --git a/x b/x</div>" in shown
    assert "<b>" not in render(files["new ä.py"])
    assert "&lt;b&gt;" in render(files["new ä.py"])
    assert render(files["no-end.txt"]).count("No newline at end of file") == 2
    assert len(render(files["machine.js"])) < 3000, "a machine's line is cut"


def test_files_beyond_a_cut_are_named_without_lines(tmp_path: Path) -> None:
    files = diff(tmp_path, limit=700)
    assert set(AFTER) <= set(files)
    assert files["uv.lock"].text == ""
    assert files["uv.lock"].insertions == 30


def test_a_diff_of_nothing_has_no_files() -> None:
    nothing = DiffView(base="a", head="a", files=[], insertions=0, deletions=0, text="", text_cut=False)
    assert files_of(nothing) == []


def test_a_renamed_file_counts_as_one_wherever_files_are_counted(tmp_path: Path) -> None:
    shown = diff(tmp_path)
    repo = tmp_path / "repo"
    base, head = run_git(repo, "rev-parse", "HEAD~1"), run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "branch", "work", head)
    run_git(repo, "reset", "-q", "--hard", base)
    assert diffs.diff_summary(repo, base, head).files == len(shown)
    assert delivery.preview(repo, "work", "main", "merge").files == len(shown)
    # Cut before the renamed file: it is named once, by the name that it has now.
    names = [f.path for f in diff(tmp_path / "again", limit=300).values()]
    assert sorted(names) == sorted(shown)
