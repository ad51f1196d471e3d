"""Session templates: words to begin with and a configuration, shipped and of one's own."""

from __future__ import annotations

from typing import Any

from nicegui import run, ui

from maestro.core.commands import templates as commands
from maestro.core.kernel.runtime import Runtime
from maestro.core.queries.templates import Found, list_templates
from maestro.errors import InvalidInput
from pages.components.action import FAILED, perform
from pages.components.buttons import button, link_button
from pages.components.dialogs import confirm, dialog
from pages.components.drafts import forget, kept
from pages.components.fields import field, show_error
from pages.components.icon import icon
from pages.components.inline import plain
from pages.components.keyed import KeyedList
from pages.components.placeholders import empty
from pages.components.section import facts
from pages.components.tag import box, tag, text
from pages.frame.view import Frame
from pages.routing import page


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
                "A template gives a new session a starting prompt, interview hints, a plan to start from, and settings.",
                "m-soft m-grow",
            ).style("flex-basis: 260px")
            button("Import", self.import_toml, icon="file-text")
            button("New template", self.create, icon="plus")
        self.list_box = box("m-list")
        self.list: KeyedList[Found, None] = KeyedList(self.list_box, key=_key, build=self._row)
        self.nothing = box()
        with self.nothing:
            empty("No templates", "Create one for work you do often.", symbol="file-text")
        self.dialogs = box()

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
                commands.create_template, self.rt, data, by=save, invalid=beside, done="Template saved."
            )
            if made is not FAILED:
                forget("template/")
                panel.close()
                await self.refresh()

        save.on_click(store)

    def _row(self, found: Found) -> None:
        template = found.template
        with box("m-item m-stack m-gap-4"):
            with box("m-row m-row--between m-row--wrap"):
                with box("m-row m-grow"):
                    text(plain(template.title), "m-strong m-cut", dir="auto")
                    text(template.name, "m-mono m-meta")
                    text("built in" if found.origin == "shipped" else "your own", "m-tag m-optional")
                with box("m-row m-gap-4"):
                    link_button("Export", f"/api/templates/{template.name}/toml", small=True, kind="ghost")
                    if found.origin == "own":
                        button("Edit", lambda: self.edit(template.name), small=True, kind="ghost")
                        button("Delete", lambda: self.delete(template.name), small=True, kind="ghost")
                    if not found.problem:
                        link_button("Use", f"/session/new?template={template.name}", small=True)
            if found.problem:
                with box("m-row s-failed"):
                    icon("triangle-alert").style("color: var(--c)")
                    tag("div", plain(found.problem), "m-wrap")
            if template.description:
                tag("div", plain(template.description), "m-soft m-wrap")
            if template.idea:
                _fold("Starting prompt", template.idea.strip())
            if template.interview:
                _fold("Interview", "\n".join(template.interview))
            if template.plan:
                titles = [str(t.get("title", "")) for t in template.plan.get("tasks", []) if isinstance(t, dict)]
                _fold("Plan", "\n".join([str(template.plan.get("summary", "")), *(f"- {t}" for t in titles)]).strip())
            if template.agent_config:
                facts({key.replace("_", " "): str(value) for key, value in template.agent_config.items()})

    async def import_toml(self) -> None:
        """Ask for a name and TOML, and store it."""
        await self._write("Import a template", "", "", replace=False)

    async def edit(self, name: str) -> None:
        """Edit a template of one's own as TOML."""
        given = await perform(commands.toml_of, self.rt, name)
        if given is not FAILED:
            await self._write(f"Edit {name}", name, given, replace=True)

    async def delete(self, name: str) -> None:
        """Delete one, after asking."""

        def gone() -> bool:
            commands.delete_template(self.rt, name)
            return True

        with self.dialogs:
            sure = await confirm(f"Delete the template {name}?", happens="Sessions made from it stay.", act="Delete")
        if sure and await perform(gone, done="Deleted.") is not FAILED:
            await self.refresh()

    async def _write(self, title: str, name: str, toml: str, *, replace: bool) -> None:
        draft = f"template-toml/{name}"
        with self.dialogs, dialog(title, wide=True) as (panel, body):
            with body:
                with field("Name", help="Lowercase letters, digits, and dashes."):
                    named = ui.input(value=name).props("readonly" if replace else "autofocus")
                with field("TOML", help="title, description, idea, interview, agent_type, [agent_config], [plan]"):
                    words = ui.textarea(value=toml, placeholder='title = "Refactor a module"').props("rows=16")
                    kept(words, draft, over=bool(toml)).classes("m-mono-field")
                wrong = tag("div", "", "m-wrap s-failed", role="alert").style("color: var(--c)")
            with box("m-dialog__foot"):
                button("Cancel", panel.close)
                save = button("Save template", kind="primary")

        def beside(error: InvalidInput) -> bool:
            wrong.set_text(plain(error.detail))
            return True

        async def store() -> None:
            made = await perform(
                commands.save_toml,
                self.rt,
                (named.value or "").strip(),
                words.value or "",
                replace=replace,
                by=save,
                invalid=beside,
                done="Template saved.",
            )
            if made is not FAILED:
                forget(draft)
                panel.close()
                await self.refresh()

        save.on_click(store)


def _key(found: Found) -> str:
    """All that a row shows."""
    return f"{found.template.name} {found.problem} {found.template.model_dump(warnings=False)}"


def _fold(title: str, words: str) -> None:
    with ui.expansion(title).props("dense").classes("m-fold"):
        tag("div", plain(words), "m-pre m-soft", dir="auto")
