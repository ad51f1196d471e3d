"""Before anything is measured: whether the checks run the worktree's code, or that of the user's checkout.

An editable install, a ``.pth``, ``PYTHONPATH``, ``npm link``, or a program of the checkout: the same checks would pass
whatever an agent does. That is asked about, with the set-up as the way out. Where a check hides its interpreter behind
a launcher or a script, it is seen in its first run (``loaded``), which then counts for nothing.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from maestro import untrusted
from maestro.core.approvals import questions
from maestro.core.approvals.question import OTHER_CODE, Question
from maestro.core.guards.checkout_changes import leads_to
from maestro.core.kernel.runtime import Runtime
from maestro.core.proving import loaded, python_origin
from maestro.core.proving.check_scripts import reached
from maestro.core.workspaces import confining
from maestro.core.workspaces.environ import command_environment
from maestro.db import models
from maestro.errors import MaestroError
from maestro.worktrees import copying, setup_detection
from maestro.worktrees.git import git
from maestro.worktrees.listing import list_worktrees

_LINKED = ("node_modules", "vendor", "bower_components")
_MANIFESTS = (
    "package.json", "pyproject.toml", "setup.cfg", "setup.py", "requirements*.txt", "tox.ini", "pytest.ini", "conftest.py",
    "go.mod", "go.work", "Cargo.toml", ".cargo/config.toml", "composer.json", "Gemfile", "Makefile", "noxfile.py", ".npmrc",
    "tsconfig*.json", "jest.config.*", "vitest.config.*", "vite.config.*", ".env", ".env.*",
)  # fmt: skip
#: Where a repository says how its commands are run.
_STEERING = (
    "Makefile",
    "makefile",
    "justfile",
    "package.json",
    "Taskfile.yml",
    "*.sh",
    "*.toml",
    "*.ini",
    "*.cfg",
    "*.mk",
)
_KEY = "other code"
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MOST = 2_000


def review(
    rt: Runtime, session: models.Session, folder: Path, checks: Sequence[str], stop: Callable[[], bool]
) -> Question | None:
    """What to ask before the baseline: ``folder`` holds the base commit, and its set-up has run."""
    return _question(rt, session, folder, list(dict.fromkeys(_found(rt, session, folder, checks, stop))))


def review_run(
    rt: Runtime, session: models.Session, folder: Path, check: str, elsewhere: loaded.Elsewhere
) -> Question | None:
    """What to ask after a run of a check in which code of another checkout ran, or an older copy of the worktree's."""
    found = []
    if elsewhere.checkouts:
        others = sorted(checkouts(session, folder), key=lambda place: len(place.parts), reverse=True)
        for path in elsewhere.checkouts:
            checkout = next((place for place in others if path.is_relative_to(place)), path.parent)
            name, place = loaded.name_of(path, checkout)
            found.append(_in_checkout(check, name, place, folder))
    for path in elsewhere.copies:
        name = path.parent.name if path.name == "__init__.py" else path.name.partition(".")[0]
        if path.is_relative_to(folder.resolve()) or _project_names(folder).intersection(_installed_beside(path)):
            found.append(_as_copy(check, name, path, folder))
    return _question(rt, session, folder, list(dict.fromkeys(found)))


def names(folder: Path) -> list[str]:
    """What can be imported from a worktree, by the first name."""
    return python_origin.names(git(folder, "ls-files", "-z").fields)


def _installed_beside(path: Path) -> set[str]:
    """The distributions that are installed where a file is, by their plain names."""
    site = next((parent for parent in path.parents if parent.name in _INSTALLED), path.parent)
    with suppress(OSError):
        return {_plain(entry.name.partition("-")[0]) for entry in site.glob("*.dist-info")}
    return set()


def checkouts(session: models.Session, folder: Path) -> set[Path]:
    """Where the repository is checked out, but for ``folder``."""
    repo = Path(session.repo_path).resolve()
    others = {repo, *(entry.path.resolve() for entry in list_worktrees(repo) if not entry.bare)}
    return others - {folder.resolve()}


def _question(rt: Runtime, session: models.Session, folder: Path, found: Sequence[str]) -> Question | None:
    meant = {
        line
        for key in questions.confirmed_failures(rt, session.id)
        if key.startswith(_KEY)
        for line in key.splitlines()
    }
    if meant.issuperset(found):
        return None
    key = "\n".join([_KEY, *sorted(found)])
    shown = "; ".join(found[:4]) + (f"; and {len(found) - 4} more" if len(found) > 4 else "")
    words = f"The checks would not test the work: {shown}. {_way_out(session, folder)}"
    asked = questions.infrastructure_question(words, key, "\n".join(found))
    detail = {
        "what": OTHER_CODE,
        "allow": "check again: I changed the setup",
        "deny": "continue as is: this is intended",
    }
    return Question(asked.kind, asked.title, asked.items, "", asked.detail | detail, risk="high")


def _found(
    rt: Runtime, session: models.Session, folder: Path, checks: Sequence[str], stop: Callable[[], bool]
) -> Iterator[str]:
    here, others = folder.resolve(), checkouts(session, folder)
    env = command_environment(rt.settings, session.agent_config)
    files = git(folder, "ls-files", "-z").fields

    def foreign(place: Path) -> bool:
        real = Path(os.path.realpath(place))
        return not real.is_relative_to(here) and any(real.is_relative_to(other) for other in others)

    def read(path: str) -> str | None:
        try:
            return untrusted.text(folder / path, follow=folder)
        except OSError:
            return None

    for check in checks:
        commands = [check, *reached([check], read).commands]
        if any(leads_to(command, other, folder, here) for command in commands for other in others):
            yield f"`{check}` names a path of your own checkout"
        # What a Makefile or a script sets before a command is not read there.
        followed = [] if python_origin.starts_python(check) or _sets_the_path(folder) else commands[1:]
        for command in dict.fromkeys([check, *followed]):
            with confining.confined(rt, session, folder, env, "check") as confined:
                origins = python_origin.origins(command, folder, files, env, stop, confined.wrap)
            for origin in origins:
                yield from _judged(check, origin, folder, foreign)
    yield from _links(folder, files, foreign)
    yield from _manifests(folder, others)


def _sets_the_path(folder: Path) -> bool:
    specs = [f":(glob)**/{name}" for name in _STEERING]
    return git(folder, "grep", "-q", "-I", "-w", "PYTHONPATH", "--", *specs, check=False).code == 0


def _judged(check: str, origin: python_origin.Origin, folder: Path, foreign: Callable[[Path], bool]) -> Iterator[str]:
    real = Path(os.path.realpath(origin.place))
    installed = bool(_INSTALLED.intersection(real.parts))
    if foreign(origin.place):
        yield _in_checkout(check, origin.name, real, folder)
    elif installed and (real.is_relative_to(folder.resolve()) or _is_project(origin, folder)):
        yield _as_copy(check, origin.name, real, folder)


def _in_checkout(check: str, name: str, place: Path, folder: Path) -> str:
    return f"`{check}` finds `{name}` in {_short(place, folder)}, your own checkout"


def _as_copy(check: str, name: str, place: Path, folder: Path) -> str:
    return f"`{check}` finds `{name}` installed as a copy in {_short(place, folder)}"


def _short(place: Path, folder: Path) -> str:
    named = place.parent if place.name == "__init__.py" else place
    return str(named.relative_to(folder.resolve()) if named.is_relative_to(folder.resolve()) else named)


def _is_project(origin: python_origin.Origin, folder: Path) -> bool:
    """Whether what is installed under a name of the repository is the repository's own project."""
    return bool(_project_names(folder).intersection(_plain(dist) for dist in origin.distributions))


def _project_names(folder: Path) -> set[str]:
    names = set()
    with suppress(OSError, ValueError):
        data = tomllib.loads(untrusted.text(folder / "pyproject.toml", follow=folder))
        tool = data.get("tool", {})
        names |= {data.get("project", {}).get("name"), tool.get("poetry", {}).get("name")}
    for name in ("setup.cfg", "setup.py"):
        with suppress(OSError):
            told = re.search(r"\bname\s*=\s*[\"']?([\w.-]+)", untrusted.text(folder / name, follow=folder))
            names |= {told[1]} if told else set()
    return {_plain(str(name)) for name in names if name}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _links(folder: Path, files: Sequence[str], foreign: Callable[[Path], bool]) -> Iterator[str]:
    """Packages that are linked to sources in the checkout (npm link, workspaces, composer's path repositories)."""
    tops = {
        PurePosixPath(name).parent for name in files if PurePosixPath(name).name in ("package.json", "composer.json")
    }
    left = _MOST
    for top in sorted(tops):
        for kind in _LINKED:
            place = folder / top / kind
            for entry in _entries(place):
                left -= 1
                if left < 0:
                    return
                real = Path(os.path.realpath(entry))
                linked = entry.is_symlink() and not {*_LINKED}.intersection(real.parts)
                if linked and foreign(entry):
                    yield f"{entry.relative_to(folder)} is a link to {real}, your own checkout"


def _entries(place: Path) -> Iterator[Path]:
    with suppress(OSError):
        for entry in sorted(place.iterdir()):
            if entry.is_dir() and not entry.is_symlink() and (entry.name.startswith("@") or place.name == "vendor"):
                yield from sorted(entry.iterdir())
            elif not entry.name.startswith("."):
                yield entry


def _manifests(folder: Path, others: set[Path]) -> Iterator[str]:
    """Manifests, and files copied from the checkout, that name the checkout by its whole path."""
    specs = [f":(glob)**/{name}" for name in _MANIFESTS]
    copied = sorted(path for path in copying.copied_into(folder) if PurePosixPath(path).name.startswith(".env"))
    for other in sorted(others):
        tracked = git(folder, "grep", "-l", "-z", "-I", "-F", "-e", f"{other}/", "--", *specs, check=False).fields
        for name in dict.fromkeys([*tracked, *copied]):
            if _names_it(folder / name, other, folder.resolve()):
                yield f"{name} names your own checkout, {other}"


def _names_it(manifest: Path, other: Path, here: Path) -> bool:
    with suppress(OSError):
        text = untrusted.text(manifest)
        if manifest.name.startswith(".env"):
            text = "\n".join(
                ln for ln in text.splitlines() if re.match(r"\s*(export\s+)?(PYTHON|NODE_|CLASS|GO|RUBY)\w*", ln)
            )
        found = re.findall(re.escape(str(other)) + r"/[^\s'\",;:]*", text)
        return any(not Path(path).is_relative_to(here) for path in found)
    return False


def _way_out(session: models.Session, folder: Path) -> str:
    """What to give the worktrees, in words: the set-up that the repository is known to have."""
    offered: list[str] = []
    with suppress(MaestroError):
        offered = [
            f.value for f in setup_detection.detect(Path(session.repo_path), session.base_commit) if f.kind == "setup"
        ]
    if not offered and any((folder / name).exists() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        offered = ["python3 -m venv .venv && .venv/bin/pip install -e ."]
    example = f", for instance `{offered[0]}`," if offered else ""
    return (
        f"Add a setup command{example} under “Worktree setup…” so that each worktree has its own environment, and let "
        "the checks use it."
    )
