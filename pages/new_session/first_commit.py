"""A folder without a commit: the offer to make the first one, which says what it would hold before it is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from maestro.core import queries
from maestro.core.commands import repositories
from maestro.core.commands.repositories import FirstCommit
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import BeginningView
from maestro.errors import InvalidInput
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.calls import did
from pages.components.dialogs import answer, dialog
from pages.components.placeholders import notice
from pages.components.tag import Tag, box, tag
from pages.components.words import plural, size

_LARGE_BYTES = 50_000_000
_NAMED = 5


def offer(place: Tag, rt: Runtime, refusal: InvalidInput, done: Callable[[], Awaitable[None]]) -> None:
    """Fill ``place`` with a button where the refusal of a repository offers a first commit; ``done`` comes after it."""
    offered = refusal.extra.get("first_commit")
    if offered is None:
        return
    path, init = str(offered["repo_path"]), bool(offered["init"])

    async def ask() -> None:
        found = await perform(queries.beginning, rt, path, by=opener)
        if found is FAILED:
            return
        content = await _dialog(found)
        if content is None:
            return
        wanted = FirstCommit(content=content, init=init)
        words = f"First commit made on {found.branch}."
        if await did(repositories.make_first_commit, rt, path, wanted, by=opener, done=words):
            await done()

    place.clear()
    with place:
        opener = button(
            "Make it a repository…" if init else "Make a first commit…", ask, icon="git-commit-horizontal", small=True
        )


async def _dialog(found: BeginningView) -> repositories.Content | None:
    """Ask what the first commit is to hold; None: none is wanted."""
    title = "Make a first commit?" if found.is_repository else "Make this folder a repository?"
    with dialog(title) as (panel, body):
        with body:
            _explain(found)
        with box("m-dialog__foot"):
            button("Not now", lambda: panel.submit(None)).props("autofocus")
            _choice(panel, "Empty first commit", "empty", primary=not found.files)
            if found.files:
                _choice(panel, "Commit these files", "files", primary=True)
    chosen: repositories.Content | None = await answer(panel)
    return chosen


def _choice(panel: ui.dialog, words: str, content: repositories.Content, *, primary: bool) -> None:
    button(words, lambda: panel.submit(content), kind="primary" if primary else "quiet")


def _explain(found: BeginningView) -> None:
    begins = "" if found.is_repository else "“git init” makes it one; your files are not changed. "
    tag("p", f"{begins}A session starts from a commit, and “{found.root.name}” has none yet.", "m-soft m-wrap")
    if not found.files:
        tag("p", f"Nothing here can be committed, so the first commit on {found.branch} is empty.", "m-soft m-wrap")
        return
    rest = found.files - len(found.names)
    names = ", ".join(found.names) + (f" and {rest:,} more" if rest else "")
    with box("m-stack m-gap-4"):
        tag(
            "div",
            f"First commit on {found.branch}: {plural(found.files, 'file')}, {size(found.total_bytes)}",
            "m-strong",
        )
        tag("div", names, "m-meta m-wrap m-mono")
    _warn(found)


def _warn(found: BeginningView) -> None:
    said = []
    if found.secrets:
        said.append(
            f"{_some(found.secrets)} may hold secrets, and a commit keeps them permanently. First list what should not be "
            "committed in .gitignore."
        )
    if found.total_bytes > _LARGE_BYTES:
        which = f", most of it in {_some(found.large)}" if found.large else ""
        said.append(f"{size(found.total_bytes)} is a lot for a repository{which}.")
    if found.nested:
        said.append(f"Left out because they are repositories themselves: {_some(found.nested)}.")
    if said:
        notice("\n".join(said), symbol="triangle-alert")


def _some(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")
