"""Ruby and PHP: code of another checkout that ran in a check is noticed (the rest: ``tests/flow/test_loaded_code.py``)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.landing import bench, plan_of
from tests.repos import make_repo

_FILES: dict[str, str | bytes] = {
    "src/calc.rb": "def add(a, b) = a + b\n",
    "src/calc.php": "<?php function add($a, $b) { return $a + $b; }\n",
    "check.rb": "require 'calc'\nadd(1, 1) == 2 or exit 1\n",
    "check.php": "<?php require 'calc.php'; exit(add(1, 1) === 2 ? 0 : 1);\n",
    # Not run by its name, so that nothing can be read from the check.
    "go": '#!/bin/sh\nexec "$@"\n',
}
_CHECKS = [("ruby -I {} check.rb", "calc.rb"), ("php -d include_path={} check.php", "calc.php")]


@pytest.mark.parametrize(("check", "named"), [c for c in _CHECKS if shutil.which(c[0].split()[0])])
def test_code_of_the_checkout_is_asked_about(tmp_path: Path, check: str, named: str) -> None:
    repo = make_repo(tmp_path / "repo", _FILES)
    (tmp_path / "mine").symlink_to(repo / "src")
    elsewhere, own = (f"sh go {check.format(place)}" for place in (tmp_path / "mine", "src"))
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[own, elsewhere])) as b:
        b.measure_baseline()
        (question,) = b.asked("infrastructure")
        words = f"`{elsewhere}` finds `calc` in {repo}/src/{named}, your own checkout"
        assert words in question.detail["reason"]
        assert [(run.command, run.passed) for run in b.evidence("baseline")] == [(own, True)]
