"""What is offered while one writes: ``@`` the repository's files, ``/`` at the beginning the words of templates."""

from __future__ import annotations

import json
from collections.abc import Iterable

from nicegui import run, ui
from nicegui.events import GenericEventArguments

from maestro.core.queries.repository_files import file_names
from maestro.core.queries.templates import list_templates
from maestro.core.views import SessionView
from maestro.errors import MaestroError
from pages.frame.view import Frame

_MOST = 8
_MOST_TYPED = 200


class Completions:
    """Answers ``brainstorm.js``, which asks with what stands before the cursor and shows what comes back."""

    def __init__(self, view: Frame, session: SessionView) -> None:
        self.view = view
        self.session = session
        self._files: frozenset[str] | None = None
        ui.on("maestro_complete", self._asked)

    async def _asked(self, event: GenericEventArguments) -> None:
        asked = event.args if isinstance(event.args, dict) else {}
        kind, typed = str(asked.get("kind", "")), str(asked.get("typed", ""))[:_MOST_TYPED]
        try:
            found = await (self._templates(typed) if kind == "/" else self._paths(typed))
        except MaestroError:
            return  # the field works without
        offer = {"kind": kind, "typed": typed, "found": found}
        ui.run_javascript(f"window.maestroChat?.offer({json.dumps(offer)})")

    async def _paths(self, typed: str) -> list[dict[str, str]]:
        if self._files is None:
            self._files = await run.io_bound(file_names, self.view.rt, self.session.id)
        return [{"label": path, "insert": f"@{path} "} for path in fitting(self._files or (), typed)]

    async def _templates(self, typed: str) -> list[dict[str, str]]:
        found = await run.io_bound(list_templates, self.view.rt, self.session.repo_path) or []
        usable = {f.template.name: f.template for f in found if not f.problem and f.template.idea.strip()}
        names = fitting(usable, typed)
        return [{"label": f"/{n}  {usable[n].title}", "insert": usable[n].idea.strip()} for n in names]


def fitting(names: Iterable[str], typed: str) -> list[str]:
    """The names in which what was typed occurs: in the last part's beginning first, then the short ones."""
    wanted = typed.casefold()
    found = [name for name in names if wanted in name.casefold()]
    return sorted(found, key=lambda n: (not n.rpartition("/")[2].casefold().startswith(wanted), len(n), n))[:_MOST]
