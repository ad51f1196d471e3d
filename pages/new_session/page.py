"""A new session: which repository, what idea. Wrong input is said beside its field, and nothing typed is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nicegui import run, ui
from nicegui.elements.mixins.validation_element import ValidationElement
from pydantic import ValidationError

from maestro.core import queries
from maestro.core.commands import sessions
from maestro.core.kernel import endpoint
from maestro.core.kernel.runtime import Runtime
from maestro.core.queries.templates import PREFIX, Template, list_templates
from maestro.core.views import RepositoryView, SessionView
from maestro.errors import InvalidInput, MaestroError
from pages.components.action import FAILED, perform, say_failed
from pages.components.buttons import button, link_button
from pages.components.drafts import forget, keep, kept_choices, words_kept
from pages.components.fields import field, show_error
from pages.components.icon import icon
from pages.components.placeholders import notice
from pages.components.tag import box, tag, text
from pages.components.words import plural, short_path
from pages.frame.view import Frame
from pages.new_session import first_commit
from pages.routing import page
from pages.shared.agent_fields import AgentFields
from pages.shared.environment_offer import EnvironmentOffer
from pages.shared.first_run import demo_button

_RECENT = 6
_CHECKED_OUT = "(current checkout)"
_BRANCH = "new/branch/"


def install(rt: Runtime) -> None:
    """Register the page."""

    @page(rt, "/session/new", title="New session", up=("Sessions", "/session"), width="narrow")
    async def new_session(view: Frame) -> None:
        known = await run.io_bound(_read, rt)
        if known is not None:
            _Form(rt, *known, wanted=view.query)


def _read(rt: Runtime) -> tuple[list[str], list[Template]]:
    recent = [s.repo_path for s in queries.list_sessions(rt, limit=100)[0] if not s.demo]
    return list(dict.fromkeys(recent))[:_RECENT], [f.template for f in list_templates(rt) if not f.problem]


class _Form:
    def __init__(self, rt: Runtime, recent: list[str], templates: list[Template], wanted: dict[str, str]) -> None:
        self.rt = rt
        self.templates = {t.name: t for t in templates}
        self.looked_at: str | None = None
        self.info: RepositoryView | None = None
        if endpoint.describe(rt.settings) == "none":
            with (
                notice(
                    "No assistant is set up yet, so a session cannot start. The demo needs none.", symbol="key-round"
                ),
                box("m-row"),
            ):
                demo_button(rt, small=True)
                link_button("How to set one up", "/settings", small=True)
        with box("m-card m-gap-16 m-form"):
            self._repository(recent)
            self._idea()
            self.environment = EnvironmentOffer(self.rt)
            self.agent = AgentFields(rt)
        with box("m-row m-row--end"):
            link_button("Cancel", "/session", kind="ghost")
            self.create = button("Create and brainstorm", self.submit, icon="arrow-right", kind="primary")
        choices = {f"policy-{row}": element for row, element in self.agent.policy.rows.items()}
        kept_choices("new/choice/", {"template": self.template, "mode": self.agent.mode} | choices)
        self._fill(wanted)

    def _repository(self, recent: list[str]) -> None:
        with field(
            "Repository",
            help="A git repository on this machine. Your checkout is not changed.",
            draft="new/repo",
        ):
            self.path = (
                ui.input(placeholder="/home/you/code/project")
                .props("autofocus spellcheck=false")
                .classes("m-mono-field")
            )
            self.path.on("blur", self.refresh).on("keydown.enter", self.refresh).on("restored", self.refresh)
        with box("m-row m-row--wrap m-gap-4") as chips:
            for path in recent:
                with tag("button", "", "m-filter m-needs-server", type="button", title=path) as chip:
                    icon("folder-git-2")
                    text(short_path(path, str(Path.home())), "m-cut")
                chip.on("click", lambda p=path: self.choose(p))
        chips.set_visibility(bool(recent))
        self.found = box("m-row m-row--wrap m-meta m-found", role="status")
        with field("Start from", help="The branch to start from, and to merge into at the end."):
            self.branch = ui.select([_CHECKED_OUT], value=_CHECKED_OUT, with_input=True, on_change=self.look_at_branch)

    def _idea(self) -> None:
        with field("Idea", help="A sentence is enough; the assistant asks about the rest.", draft="new/idea"):
            self.idea = (
                ui.textarea(placeholder="What should be different afterwards?").props("autogrow").classes("m-tall")
            )
            self.idea.on("keydown.ctrl.enter", self.submit).on("keydown.meta.enter", self.submit)
        with field(
            "GitHub issue",
            optional=True,
            help="Its address, or its number in this repository. Its text and comments are read with it.",
            draft="new/issue",
        ):
            self.issue = ui.input(placeholder="https://github.com/…/issues/12").props("maxlength=500 spellcheck=false")
        with box("m-form__pair"):
            with field("Title", optional=True, help="If empty: the first line of the idea.", draft="new/title"):
                self.title = ui.input().props("maxlength=255")
            with field("Template", optional=True, help="A starting prompt and settings for the agents."):
                options = {"": "None"} | {name: t.title for name, t in self.templates.items()}
                self.template = ui.select(options, value="", on_change=self.use_template)

    def _fill(self, wanted: dict[str, str]) -> None:
        if wanted.get("template") in self.templates:
            self.template.set_value(wanted["template"])
        if wanted.get("repo"):
            self.path.set_value(wanted["repo"][:4096])
            ui.timer(0, self.refresh, once=True)

    def use_template(self) -> None:
        """Put the template's words into the idea, unless the user wrote something there."""
        chosen = self.templates.get(self.template.value or "")
        shipped_words = {t.idea.strip() for t in self.templates.values()}
        if (self.idea.value or "").strip() in {"", *shipped_words}:
            self.idea.set_value(chosen.idea.strip() if chosen else "")
        self.environment.use_template(chosen.agent_config if chosen else {})

    async def choose(self, path: str) -> None:
        """Take a repository that was used before."""
        self.path.set_value(path)
        await self.refresh()

    async def refresh(self) -> None:
        """Look at the repository and say what was found, beside the field."""
        path = (self.path.value or "").strip()
        if path == self.looked_at:
            return
        self.looked_at = path
        self.found.clear()
        show_error(self.path, None)
        self.info = info = await self._inspect(path) if path else None
        wanted = (await words_kept(_BRANCH)).get(path, "") if info else ""
        if path != self.looked_at:
            return
        if info is not None:
            self._show_found(info, wanted)
            await self._offer_templates(path)
        await self.environment.show_for(path if info else None, self._branch())

    async def _offer_templates(self, path: str) -> None:
        """Offer the repository's own templates beside the others, once it is trusted."""
        found = await run.io_bound(list_templates, self.rt, path)
        if found is None or path != self.looked_at:
            return
        own = {f"{PREFIX}{f.template.name}": f for f in found if f.origin == "repository" and not f.problem}
        others = {name: t for name, t in self.templates.items() if not name.startswith(PREFIX)}
        self.templates = others | {name: f.template for name, f in own.items()}
        options = {"": "None"} | {name: t.title for name, t in others.items()}
        options |= {name: f"{f.template.title} (this repository)" for name, f in own.items()}
        chosen = self.template.value if self.template.value in options else ""
        self.template.set_options(options, value=chosen)

    async def look_at_branch(self) -> None:
        """Another branch may need other things."""
        if self.looked_at and self.info:
            chosen = self._branch() or ""
            keep(_BRANCH + self.looked_at, "" if chosen == self.info.branch else chosen)
            await self.environment.show_for(self.looked_at, self._branch())

    async def _inspect(self, path: str) -> RepositoryView | None:
        try:
            return await run.io_bound(queries.repository, self.rt, path)
        except InvalidInput as error:
            if path == self.looked_at:
                show_error(self.path, error.fields.get("repo_path", error.detail))
                first_commit.offer(self.found, self.rt, error, done=self.look_again)
        except MaestroError as error:
            show_error(self.path, error.detail)
        return None

    async def look_again(self) -> None:
        """Look at the same repository once more, for it has changed."""
        self.looked_at = None
        await self.refresh()

    def _show_found(self, info: RepositoryView, wanted: str) -> None:
        """Say what it is, and choose its branch: ``wanted`` is the one that was chosen before a reload."""
        here = info.branch or "a detached commit"
        words = [f"On {here} at {info.head_commit[:8]}", plural(len(info.branches), "branch", "branches")]
        if info.dirty_files:
            words.append(f"{plural(info.dirty_files, 'uncommitted file')}, left alone")
        with self.found:
            icon("check", "s-done").style("color: var(--c)")
            text(" · ".join(words))
        named = (b for b in (wanted, self.branch.value, info.branch) if b in info.branches)
        chosen = next(named, info.branch or _CHECKED_OUT)
        self.branch.set_options([_CHECKED_OUT, *info.branches], value=chosen)

    async def submit(self) -> None:
        """Create the session, start it, and go to its brainstorm."""
        await self.refresh()
        self._clear()
        if self.agent.wrong():
            return
        try:
            new = sessions.NewSession.model_validate(self._given())
        except ValidationError as error:
            self._beside(InvalidInput("", {str(e["loc"][0]): e["msg"] for e in error.errors()}))
            return
        session = await perform(sessions.create_session, self.rt, new, by=self.create, invalid=self._beside)
        if session is FAILED:
            return
        forget("new/")
        await self._begin(session)

    async def _begin(self, session: SessionView) -> None:
        try:
            await run.io_bound(sessions.start_session, self.rt, session.id)
        except MaestroError as error:
            say_failed(error.detail)
        ui.navigate.to(f"/session/{session.id}/brainstorm")

    def _given(self) -> dict[str, Any]:
        return {
            "title": (self.title.value or "").strip() or None,
            "description": self.idea.value or "",
            "issue": (self.issue.value or "").strip() or None,
            "repo_path": (self.path.value or "").strip(),
            "base_branch": self._branch(),
            "template": self.template.value or None,
            "agent_config": self.agent.values() | self.environment.values(),
            "remember_environment": self.environment.wants_remembering(),
        }

    def _branch(self) -> str | None:
        return None if self.branch.value in (None, _CHECKED_OUT) else self.branch.value

    def _clear(self) -> None:
        for element in (self.path, self.branch, self.title, self.idea, self.issue, self.template):
            show_error(element, None)
        self.agent.show_errors({})
        self.environment.show_errors({})

    def _beside(self, error: InvalidInput) -> bool:
        places: dict[str, ValidationElement[Any]] = {
            "repo_path": self.path,
            "base_branch": self.branch,
            "title": self.title,
            "description": self.idea,
            "issue": self.issue,
            "template": self.template,
        }
        first_commit.offer(self.found, self.rt, error, done=self.look_again)
        shown = [name for name in error.fields if name in places]
        for name in shown:
            show_error(places[name], error.fields[name])
        shown += self.agent.show_errors(error.fields) + self.environment.show_errors(error.fields)
        ui.run_javascript(
            f"document.querySelector('.q-field--error input, .q-field--error textarea')?.focus({json.dumps({})})"
        )
        return bool(shown)
