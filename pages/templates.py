"""Session templates: words to begin with and a configuration, shipped and of one's own."""

from __future__ import annotations

from typing import Any

from nicegui import run, ui

from maestro.core.commands import preferences
from maestro.core.kernel.runtime import Runtime
from maestro.core.queries.templates import Template, list_templates
from maestro.errors import InvalidInput
from pages.components.action import FAILED, perform
from pages.components.buttons import button, link_button
from pages.components.dialogs import dialog
from pages.components.drafts import forget
from pages.components.fields import field, show_error
from pages.components.keyed import KeyedList
from pages.components.placeholders import empty
from pages.components.section import facts
from pages.components.tag import box, tag, text
from pages.frame.view import Frame
from pages.routing import page

Listed = tuple[Template, bool]


def install(rt: Runtime) -> None:
    """Register the page."""

    @page(rt, "/templates", title="Templates", width="narrow")
    async def templates(view: Frame) -> None:
        shown = _Templates(view.rt)
        await shown.refresh()


class _Templates:
    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        with box("m-row m-row--between m-row--wrap"):
            tag(
                "p",
                "A template gives a new session a starting prompt and settings for its workers.",
                "m-soft m-grow",
            )
            button("New template", self.create, icon="plus")
        self.list_box = box("m-list")
        self.list: KeyedList[Listed, None] = KeyedList(self.list_box, key=lambda t: t[0].name, build=_row)
        self.nothing = box()
        with self.nothing:
            empty("No templates", "Create one for work you do often.", symbol="file-text")

    async def refresh(self) -> None:
        """Look again."""
        found = await run.io_bound(list_templates, self.rt)
        if found is not None:
            self.list.sync(found)
            self.list_box.set_visibility(bool(found))
            self.nothing.set_visibility(not found)

    async def create(self) -> None:
        """Ask for a template and store it; what was typed stays until it is right."""
        with dialog("New template", wide=True) as (panel, body):
            with body:
                with field(
                    "Name",
                    help="Lowercase letters, digits, and dashes; also used on the command line.",
                    draft="template/name",
                ):
                    name = ui.input(placeholder="refactoring").props("autofocus")
                with field("Title", draft="template/title"):
                    title = ui.input(placeholder="Refactor a module")
                with field("Description", optional=True, draft="template/description"):
                    description = ui.input()
                with field("Starting prompt", optional=True, draft="template/idea"):
                    idea = ui.textarea().props("rows=5")
            with box("m-dialog__foot"):
                button("Cancel", panel.close)
                save = button("Save template", kind="primary")
        fields = {"name": name, "title": title, "description": description, "idea": idea}

        def beside(error: InvalidInput) -> bool:
            for key, element in fields.items():
                show_error(element, error.fields.get(key))
            return bool(set(fields) & set(error.fields))

        async def store() -> None:
            data: dict[str, Any] = {key: element.value or "" for key, element in fields.items()}
            made = await perform(
                preferences.create_template, self.rt, data, by=save, invalid=beside, done="Template saved."
            )
            if made is not FAILED:
                forget("template/")
                panel.close()
                await self.refresh()

        save.on_click(store)


def _row(listed: Listed) -> None:
    template, shipped = listed
    with box("m-item m-stack m-gap-4"):
        with box("m-row m-row--between"):
            with box("m-row m-grow"):
                text(template.title, "m-strong m-cut", dir="auto")
                text(template.name, "m-mono m-meta")
                text("built in" if shipped else "your own", "m-tag m-optional")
            link_button("Use", f"/session/new?template={template.name}", small=True)
        if template.description:
            tag("div", template.description, "m-soft m-wrap")
        if template.idea:
            with ui.expansion("Starting prompt").props("dense").classes("m-fold"):
                tag("div", template.idea.strip(), "m-pre m-soft", dir="auto")
        if template.agent_config:
            facts({key.replace("_", " "): str(value) for key, value in template.agent_config.items()})
