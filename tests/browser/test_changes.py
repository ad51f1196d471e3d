"""Changes: the diff is shown as text, the bar says what the merge does, and merge and its undoing are one click each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.db.types import new_id
from tests.app_process import AppProcess, wait_for
from tests.browser.axe import everywhere
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, ago, finished_repo, seed_session, seeding, task, tasks_of
from tests.repos import commit, run_git

EVIL = "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
COLORED = (
    f"{EVIL}\n\x1b[1m\x1b[32m14 passed\x1b[0m in \x1b]8;;javascript:alert(1)\x1b\\0.8s\x1b]8;;\x1b\\\n"
    f" 50%\r\x1b[31m100%{EVIL}\x1b[0m"
)
FILES: dict[str, str | bytes] = {
    "src/app.py": f'def main():\n    """Says hello."""\n    return "{EVIL}"\n',
    "docs/ä ö.md": "# Änderung\n",
    "uv.lock": "".join(f'name = "package-{n}"\n' for n in range(900)),
    "logo.png": bytes(range(256)),
}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("changes")
    found = {"data": str(folder / "data")}
    with seeding(folder / "data") as rt:
        for name in ("clean", "conflict"):
            session_id = new_id()
            branch = f"maestro/{name}-{session_id[:8]}/main"
            repo, head = finished_repo(folder / name, branch, FILES)
            session = seed_session(
                rt, repo, title=f"A {name} one", id=session_id, status="completed", session_branch=branch,
                session_commit=head, checkpoint_commit=head, tasks=[task("t1", "Say hello", status="completed")],
                result_json={"commit": head, "proven": True, "checks": 1, "tasks": 1, "skipped": 0},
            )  # fmt: skip
            if name == "conflict":
                commit(repo, {"src/app.py": "def main():\n    return 'mine'\n"}, "Mine")
            t1 = tasks_of(rt, session)["t1"]
            good, bad = {"exit_code": 0, "passed": True}, {"exit_code": 1, "output": "2 failed, 12 passed in 1s"}
            runs = [
                {"task_id": t1.id, "phase": "task", **bad, "created_at": ago(9)},
                {"task_id": t1.id, "phase": "task", "attempt": 2, **good, "created_at": ago(5)},
                {"phase": "validation", **good, "output": COLORED, "created_at": ago(2)},
            ]
            add(rt, *(models.CheckRun(session_id=session_id, command="python -m pytest -q", **r) for r in runs))
            found |= {name: session_id, f"{name}_repo": str(repo)}
        found |= _many(rt, folder)
        repo = finished_repo(folder / "nothing", "maestro/nothing/main", {"x.py": "x = 1\n"})[0]
        base = run_git(repo, "rev-parse", "main")
        working = [task("t1", "Say hello", status="running", attempt=1)]
        found["nothing"] = seed_session(rt, repo, status="paused", session_commit=base, tasks=working).id
    return found


def _many(rt: Runtime, folder: Path) -> dict[str, str]:
    """A session with 46 files in other heights than their number of lines tells, and one of them renamed."""
    branch = "maestro/many/main"
    long = f"    return {' + '.join(f'value_{n}' for n in range(60))}\n"
    files: dict[str, str | bytes] = {f"src/part_{n:02}.py": f"def part_{n}():\n{long * (5 + n)}" for n in range(43)}
    files |= {"src/part_25_table.py": "".join(f"row({n})\n" for n in range(3000)), "zz/last.py": "z = 1\n"}
    repo, _ = finished_repo(folder / "many", branch, files)
    run_git(repo, "checkout", "-q", branch)
    run_git(repo, "mv", "src/app.py", "src/main.py")
    run_git(repo, "commit", "-q", "-m", "A better name")
    head = run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "checkout", "-q", "main")
    done = {"status": "completed", "session_branch": branch, "session_commit": head, "checkpoint_commit": head}
    tasks = [task("t1", "Write many", status="completed")]
    return {"many": seed_session(rt, repo, title="Many files", tasks=tasks, **done).id}


@pytest.fixture(scope="module")
def app(seeded: dict[str, str]) -> Iterator[AppProcess]:
    with AppProcess(Path(seeded["data"]), MAESTRO_ASSISTANT="demo") as process:
        yield process


def test_the_diff_is_coloured_text_and_never_markup(window: OpenWindow, seeded: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(f"/session/{seeded['clean']}/changes")
    python = page.locator("[data-path='src/app.py']")
    expect(python.locator(".dl--add", has_text="<script>window.pwned")).to_have_count(1)
    expect(python.locator(".y-k").first).to_have_text("def")
    assert page.locator(".dv script, .dv img").count() == 0
    assert page.evaluate("window.pwned") is None
    expect(page.locator("[data-path='docs/ä ö.md'] .dl--add")).to_have_text("# Änderung")
    expect(page.locator("[data-path='logo.png']")).to_contain_text("Binary file")
    lock = page.locator("[data-path='uv.lock']")
    expect(lock.locator(".dl")).to_have_count(0)
    lock.get_by_role("button", name="900 changed lines").click()
    expect(lock.locator(".dl--add")).to_have_count(900)
    opened.screenshot("changes")


def test_before_anything_has_landed_the_page_says_so(window: OpenWindow, seeded: dict[str, str]) -> None:
    page = window().visit(f"/session/{seeded['nothing']}/changes")
    expect(page.get_by_text("No changes yet")).to_be_visible()
    expect(page.get_by_role("region", name="Merge")).to_contain_text("Not ready to merge")


#: How far below the line at which it belongs a file's name is, in pixels, and whether its first lines are in sight.
_PLACE = """(path) => {
  const file = document.querySelector(`[data-path="${path}"]`), head = file.querySelector('.dv__head');
  const line = file.querySelector('.dl, .dv__show, .dv__note'), bar = document.querySelector('.chg__top');
  if (!line) return null;
  const under = bar.getBoundingClientRect().bottom, at = line.getBoundingClientRect();
  const there = document.elementFromPoint(at.left + 60, at.top + 8);
  return [Math.round(head.getBoundingClientRect().top - under), line.contains(there)];
}"""


#: Whether the lines of the file above are there, which is near enough to the window to be asked for.
_ALL_CAME = """(path) => {
  const all = [...document.querySelectorAll('.dv__file')], at = all.findIndex((f) => f.dataset.path === path);
  return all[at - 1].querySelector('.dl, .dv__show, .dv__note') !== null;
}"""


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_click_on_a_file_shows_that_file_from_its_first_line(
    window: OpenWindow, seeded: dict[str, str], size: str
) -> None:
    opened = window(size)
    page = opened.visit(f"/session/{seeded['many']}/changes")
    expect(page.locator(".chg__top")).to_contain_text("46 files")
    expect(page.get_by_role("region", name="Merge")).to_contain_text("2 commits, 46 files")  # the renamed one is one
    expect(page.locator("[data-path='src/main.py'] .dv__head")).to_contain_text("src/app.py → src/main.py")
    # Far down, past files whose lines are not there yet; then up, to files that come in above one another.
    for name in ("part_30.py", "part_25_table.py", "part_05.py", "part_22.py", "part_41.py"):
        path = f"src/{name}"
        page.locator(".dv__item", has_text=name).click()
        page.wait_for_function(
            f"(path) => {{ const at = ({_PLACE})(path); return at && Math.abs(at[0]) <= 2 && at[1]; }}", arg=path
        )
        expect(page.locator(".dv__item--here")).to_contain_text(name)
        # Whatever still comes in around it does not move it.
        page.wait_for_function(_ALL_CAME, arg=path)
        below, seen = page.evaluate(_PLACE, path)
        assert abs(below) <= 2
        assert seen
    opened.screenshot(f"changes-many-{size}")


def test_evidence_says_how_the_checks_went_and_unfolds_their_output(window: OpenWindow, seeded: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(f"/session/{seeded['clean']}/changes")
    column = page.get_by_role("complementary", name="Evidence")
    expect(column).to_contain_text("1 final check passed")
    expect(column.locator(".ev__run")).to_have_count(2)
    column.locator(".ev__run").first.locator("summary").click()
    output = column.locator(".ev__text").first
    expect(output).to_have_text(f"{EVIL}\n14 passed in 0.8s\n100%{EVIL}")
    expect(output.locator(".t-b.t-f2")).to_have_text("14 passed")
    expect(output.locator(".t-f1")).to_have_text(f"100%{EVIL}")
    assert output.locator("script, img, a").count() == 0
    opened.screenshot("evidence-colors")
    opened.scheme("dark")
    opened.screenshot("evidence-colors-dark")
    column.get_by_role("button", name="1 earlier run").click()
    expect(column.locator(".ev__run.s-failed")).to_contain_text("2 of 14 failed")
    assert page.evaluate("window.pwned") is None


def test_merge_and_unmerge_by_click_in_two_windows(window: OpenWindow, seeded: dict[str, str]) -> None:
    repo = Path(seeded["clean_repo"])
    before = run_git(repo, "rev-parse", "main")
    first, second, dashboard = window(), window(), window().page
    expect(dashboard).to_have_title("(3) Maestro")  # three sessions can be merged
    page = first.visit(f"/session/{seeded['clean']}/changes")
    other = second.visit(f"/session/{seeded['clean']}")
    bar = page.get_by_role("region", name="Merge")
    expect(bar).to_contain_text(f"Moves main from {before[:7]} to a new merge commit: 1 commit, 4 files")
    bar.get_by_role("button", name="Fast-forward").click()
    expect(bar).to_contain_text(f"to {run_git(repo, 'rev-parse', 'maestro/' + _branch(repo))[:7]}")
    bar.get_by_role("button", name="Merge commit").click()
    expect(bar).to_contain_text("new merge commit")
    bar.get_by_role("button", name="Merge", exact=True).click()
    expect(bar).to_contain_text("Merged into main")
    expect(other.get_by_role("heading", name="Merged into main")).to_be_visible()
    assert run_git(repo, "rev-parse", "main^1") == before
    expect(dashboard).to_have_title("(2) Maestro")
    first.screenshot("changes-merged")

    bar.get_by_role("button", name="Undo merge").click()
    expect(page.get_by_role("alertdialog")).to_be_visible()
    assert not everywhere(page, ".q-dialog")
    page.get_by_role("alertdialog").get_by_role("button", name="Undo merge").click()
    expect(bar).to_contain_text("Moves main")
    expect(other.get_by_role("heading", name="Ready to merge")).to_be_visible()
    wait_for(lambda: run_git(repo, "rev-parse", "main") == before, 120, "main to be back")
    expect(dashboard).to_have_title("(3) Maestro")


def test_what_stands_in_the_way_is_said_before_anybody_clicks(window: OpenWindow, seeded: dict[str, str]) -> None:
    repo = Path(seeded["conflict_repo"])
    page = window().visit(f"/session/{seeded['conflict']}/changes")
    bar = page.get_by_role("region", name="Merge")
    expect(bar.get_by_role("alert")).to_contain_text("main and the session changed the same lines in: src/app.py")
    expect(bar.get_by_role("button", name="Merge", exact=True)).to_be_disabled()
    run_git(repo, "reset", "-q", "--hard", "HEAD~1")
    bar.get_by_role("button", name="Check again").click()
    expect(bar.get_by_role("alert")).to_be_hidden()
    expect(bar.get_by_role("button", name="Merge", exact=True)).to_be_enabled()


def _branch(repo: Path) -> str:
    return run_git(repo, "for-each-ref", "--format=%(refname:lstrip=3)", "refs/heads/maestro")
