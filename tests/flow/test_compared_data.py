# ruff: noqa: E501 - programs on one line
"""Data that tests compare with, wherever it lies: changed so that broken work passes, it is asked about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.landing import bench, plan_of
from tests.repos import make_repo

CHECK = "python -m pytest -q -p no:cacheprovider"
ADD = "def add(a, b):\n    return a + b\n"
BAD = "def add(a, b):\n    return a - b\n"
GOLDEN = """import os
import calc


def test_golden():
    got, path = str(calc.add(1, 2)), "data/out.txt"
    if not os.path.exists(path):
        os.makedirs("data", exist_ok=True)
        open(path, "w").write(got)
    assert open(path).read() == got
"""
CASES = """import csv
import calc


def test_cases():
    for a, b, added in csv.reader(open("cases.csv")):
        assert calc.add(int(a), int(b)) == int(added)
"""
FILES: dict[str, str | bytes] = {
    "calc.py": ADD, "test_golden.py": GOLDEN, "data/out.txt": "3", "test_cases.py": CASES, "cases.csv": "1,2,3\n",
    "notes.txt": "a\n",
}  # fmt: skip


@pytest.mark.parametrize(
    "lie",
    [
        {"calc.py": BAD, "data/out.txt": None, "cases.csv": "1,2,-1\n"},
        {"calc.py": BAD, "data/out.txt": "-1", "cases.csv": "1,2,-1\n"},
        {
            "calc.py": BAD,
            "data/out.txt": "-1",
            "cases.csv": None,
            "test_cases.py": CASES.replace("cases.csv", "data/out.txt"),
        },
    ],
)
def test_data_that_is_made_to_fit_is_asked_about(tmp_path: Path, lie: dict[str, str | None]) -> None:
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), plan_of({"id": "t1"}, checks=[CHECK])) as b:
        b.measure_baseline()
        assert b.work(lie).status != "completed"


def test_it_is_said_what_was_changed_and_a_yes_lets_it_land(tmp_path: Path) -> None:
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), plan_of({"id": "t1"}, checks=[CHECK])) as b:
        b.measure_baseline()
        assert b.work({"calc.py": BAD, "data/out.txt": "-1", "cases.csv": "1,2,-1\n"}).status == "waiting"
        (question,) = b.asked("check_changed")
        assert "changed data that its tests compare with: cases.csv, data/out.txt" in question.title
        b.answer("allow")
        assert b.land().status == "completed"


@pytest.mark.parametrize(
    "work",
    [
        {"cases.csv": "1,2,3\n2,2,4\n"},
        {"notes.txt": "b\n", "calc.py": ADD + "\n\ndef sub(a, b):\n    return a - b\n"},
        {"new.csv": "1\n"},
    ],
)
def test_honest_work_with_data_is_not_asked_about(tmp_path: Path, work: dict[str, str | None]) -> None:
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), plan_of({"id": "t1"}, checks=[CHECK])) as b:
        b.measure_baseline()
        assert b.work(work).status == "completed"
        assert b.asked() == []


@pytest.mark.parametrize("changed", ["-1", None])
@pytest.mark.parametrize(
    "read",
    [
        "open(glob.glob('gold/*')[0]).read()",
        "(pathlib.Path('.') / 'gold' / 'one').read_text()",
        "''.join(p.read_text() for p in sorted(pathlib.Path('gold').iterdir()))",
    ],
)
def test_files_that_a_test_names_by_their_folder_only_count_as_well(
    tmp_path: Path, read: str, changed: str | None
) -> None:
    test = (
        "import glob, os, pathlib\nimport calc\n\n\ndef test_it():\n    if not os.path.exists('gold/one'):\n"
        f"        os.makedirs('gold', exist_ok=True)\n        open('gold/one', 'w').write(str(calc.add(1, 2)))\n    assert {read} == str(calc.add(1, 2))\n"
    )
    files: dict[str, str | bytes] = {"calc.py": ADD, "test_it.py": test, "gold/one": "3", "b.txt": "b\n"}
    with bench(tmp_path, make_repo(tmp_path / "repo", files), plan_of({"id": "t1"}, checks=[CHECK])) as b:
        b.measure_baseline()
        assert b.work({"calc.py": BAD, "gold/one": changed}).status == "waiting"
        assert "gold/one" in b.asked("check_changed")[0].title
