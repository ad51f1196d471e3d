"""The settings: one column in groups; each with its help, its default, and where it comes from. Changes are kept at once."""

from __future__ import annotations

from typing import Any

from nicegui import run, ui
from nicegui.elements.mixins.value_element import ValueElement

from maestro.core.brainstorm import assistant
from maestro.core.commands import preferences
from maestro.core.kernel import endpoint, modes
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SettingView
from maestro.errors import InvalidInput, MaestroError
from maestro.keys import APART
from pages import live
from pages.components.action import FAILED, perform, say
from pages.components.buttons import button
from pages.components.code import code
from pages.components.drafts import forget, kept
from pages.components.fields import show_error
from pages.components.inline import inline
from pages.components.section import section
from pages.components.state import chip
from pages.components.tag import Tag, box, tag, text
from pages.frame.view import Frame
from pages.mode_note import mode_chip, mode_note
from pages.policy_section import PolicySection
from pages.routing import page
from pages.settings.remembered import remembered_section
from pages.settings.trusted import trusted_section
from pages.shared.assistant_setup import test_button
from pages.shared.first_run import demo_button, ready_mark
from pages.shared.setting_fields import NAMES, make, secret_mark, shown

#: Title, a line on what the group is about, the settings.
GROUPS = (
    ("Assistant", "", (
        "assistant", "assistant_model", "assistant_effort", "plan_second_pass",
        "anthropic_api_key", "anthropic_auth_token", "anthropic_base_url", "claude_path",
    )),
    ("Workers", "", (
        "permission_mode", "worker_model", "max_workers", "max_attempts", "max_turns", "task_timeout_minutes",
        "check_timeout_minutes", "check_slots", "pass_env", "user_hooks", "confined_read",
    )),
    ("Budgets", "You are notified at 80%. At the limit, work pauses and asks you whether to raise it or stop.", (
        "budget_usd", "task_budget_usd", "session_budget_usd", "day_budget_usd", "task_token_limit",
        "session_token_limit", "day_token_limit", "run_model_calls", "task_model_calls", "session_model_calls",
        "day_model_calls",
    )),
    ("This machine", "How much of it workers may use.", (
        "worker_memory_mb", "min_free_memory_mb", "worker_cpu_percent", "worker_nice", "large_repository_files",
        "reuse_dependencies", "sparse_checkout",
    )),
    ("Stuck workers", "First a note to the agent, then an interruption, then a question to you.", (
        "stuck_silence_minutes", "stuck_repeats", "stuck_calls_without_change", "auto_unstick",
        "assume_when_away", "review_model",
    )),
    ("Endpoint not answering", "Waiting uses no attempts.", (
        "retry_first_s", "retry_ceiling_s", "endpoint_patience_hours",
    )),
    ("Pausing and retention", "", ("park_after_minutes", "keep_recovered_days", "delete_merged_branches")),
    ("Notifications", "", ("notify_on", "notify_urls")),
    ("This app", "", ("host", "port", "open_browser", "data_dir", "worktrees_dir",
        "worktrees_inside_project", "database_url", "token",
    )),
)  # fmt: skip

_WHERE = {
    "flag": "Set by a flag at start",
    "environment": "Set by {variable} in the environment",
    ".env": "Set by {variable} in .env",
    "config.toml": "Set in your config.toml",
    "stored": "Set here",
    "keys": "Set for all your data folders",
    "default": "Default",
}


def install(rt: Runtime) -> None:
    """Register the page."""

    @page(rt, "/settings", title="Settings", width="narrow")
    async def settings(view: Frame) -> None:
        found = await run.io_bound(preferences.list_settings, rt)
        if found is None:
            return
        mode = await run.io_bound(modes.in_force, rt.settings)
        by_name = {s.name: s for s in found}
        policy: PolicySection | None = None
        named = {"policy"} | {name for _title, _about, names in GROUPS for name in names}
        groups = [*GROUPS, ("Other", "", tuple(n for n in by_name if n not in named))]
        rows: dict[str, _Row] = {}
        for title, about, names in groups:
            present = [by_name[n] for n in names if n in by_name]
            if present:
                with section(title):
                    if about:
                        tag("p", about, "m-meta m-about")
                    if title == "Assistant":
                        ready = box("m-stack m-gap-4")
                        _assistant(rt, ready)
                    if title == "Workers":
                        noted = box("m-stack m-gap-4")
                        _mode(noted, mode)
                    with box("m-list"):
                        rows |= {s.name: _Row(rt, s) for s in present}
            if title == "Workers":
                policy = PolicySection(rt, by_name["policy"])

        kind = [endpoint.describe(rt.settings)]

        async def refresh(_events: object) -> None:
            for setting in await run.io_bound(preferences.list_settings, rt) or []:
                if setting.name != "policy":
                    rows[setting.name].show(setting)
                elif policy is not None:
                    policy.show(setting)
            if endpoint.describe(rt.settings) != kind[0]:
                kind[0] = endpoint.describe(rt.settings)
                _assistant(rt, ready)
            _mode(noted, await run.io_bound(modes.in_force, rt.settings))

        live.subscribe(None, refresh, types=("settings_changed",))
        await _offer_models(rt, rows)
        await remembered_section(rt)
        await trusted_section(rt)
        del view


def _assistant(rt: Runtime, place: Tag) -> None:
    kind = endpoint.describe(rt.settings)
    place.clear()
    with place, box("m-row m-row--wrap m-gap-12"):
        chip(ready_mark(kind))
        if kind == "none":
            inline(endpoint.NOT_CONFIGURED, "m-soft")
        else:
            test_button(rt)
        demo_button(rt, small=True)


async def _offer_models(rt: Runtime, rows: dict[str, _Row]) -> None:
    """Complete what is typed as a model with the names that the endpoint lists."""
    try:
        names = [model.id for model in await run.io_bound(assistant.list_models, rt) or []]
    except MaestroError:
        return  # "Test" says what is wrong
    for name in ("assistant_model", "worker_model"):
        element = rows[name].element if name in rows else None
        if isinstance(element, ui.input):
            element.set_autocomplete(names)


def _mode(place: Tag, found: modes.InForce | None) -> None:
    place.clear()
    if found is not None:
        with place:
            with box("m-row"):
                mode_chip(found)
            mode_note(found)


def _name(setting: SettingView) -> str:
    return NAMES.get(setting.name) or setting.name.replace("_", " ").capitalize()


class _Row:
    """One setting."""

    def __init__(self, rt: Runtime, setting: SettingView) -> None:
        self.rt = rt
        self.setting = setting
        with box("m-item m-setting"):
            with box("m-stack m-gap-2"):
                tag("div", _name(setting), "m-strong")
                tag("div", setting.help, "m-meta")
            with box("m-stack m-gap-4"):
                self.place = box()
                with box("m-row m-row--wrap m-meta m-gap-4") as self.foot:
                    self.origin = text("")
                    self.reset = button("Reset to default", self.forget, kind="ghost", small=True).classes("m-reset")
        self.element: ValueElement[Any] | None = None
        self._build()

    @property
    def _draft(self) -> str:
        return f"settings/{self.setting.name}"

    @property
    def editable(self) -> bool:
        """Whether the page may change it: what flags and the environment say cannot be overruled here."""
        return self.setting.storable and self.setting.origin in {"stored", "default", "keys"}

    def show(self, setting: SettingView) -> None:
        """Take over what the setting is now, without disturbing somebody who types."""
        if setting == self.setting:
            return
        rebuilt = (setting.value, setting.origin) != (self.setting.value, self.setting.origin)
        self.setting = setting
        if rebuilt and (self.element is None or self._typed() != setting.value or not self.editable):
            self._build()
        self._origin()

    def _build(self) -> None:
        self.place.clear()
        self.element = None
        with self.place:
            if self.setting.secret:
                chip(secret_mark(self.setting))
            if self.setting.secret and not self.editable:
                pass
            elif not self.editable:
                code(shown(self.setting, self.setting.value))
            else:
                self.element = make(self.setting)
                self.element.props.set_optional("aria-label", _name(self.setting))
                self._keep_when_left(self.element)
        self._origin()

    def _origin(self) -> None:
        setting = self.setting
        parts = [_WHERE[setting.origin].format(variable=setting.variable)]
        if setting.secret:
            if setting.name == "token":
                parts = parts if setting.value else ["kept in the data folder"]
            elif self.editable:
                parts = [f"stored in {setting.place}" if setting.value else f"will be stored in {setting.place}"]
        elif setting.origin != "default":
            parts.append(f"default: {shown(setting, setting.default)}")
        if setting.needs_restart and self.editable:
            parts.append("takes effect after a restart")
        elif not setting.storable and not setting.secret and setting.origin == "default":
            parts.append(f"set {setting.variable} or a flag at start")
        words = " · ".join(p for p in parts if p)
        self.origin.set_text(words[:1].upper() + words[1:])
        self.reset.set_visibility(self.editable and setting.origin in {"stored", "keys"})
        self.foot.set_visibility(bool(words))

    def _keep_when_left(self, element: ValueElement[Any]) -> None:
        if not isinstance(element, (ui.input, ui.number, ui.textarea)):
            element.on_value_change(self.keep)
        else:
            if self.setting.name in APART:
                element.props.set_optional("data-secret", "")  # a browser is no place for keys
            else:
                kept(element, self._draft, over=True)
            element.on("blur", self.keep).on("keydown.enter", self.keep)
            element.on("restored", lambda: show_error(element, "Not saved yet."))

    def _typed(self) -> Any:
        value = self.element.value if self.element else None
        if isinstance(self.element, ui.textarea):
            return [line.strip() for line in (value or "").splitlines() if line.strip()]
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value.strip() or None if isinstance(value, str) else value

    async def keep(self) -> None:
        """Store what was typed; a wrong value stays in the field with the reason below it."""
        value = self._typed()
        if value == self.setting.value or (self.setting.secret and not value) or self.element is None:
            if isinstance(self.element, (ui.input, ui.number, ui.textarea)):
                show_error(self.element, None)
            return
        await self._change(value, "Saved.")

    async def forget(self) -> None:
        """Reset to default."""
        await self._change(None, "Reset to default.")

    async def _change(self, value: Any, done: str) -> None:
        def beside(error: InvalidInput) -> bool:
            reason = error.fields.get(self.setting.name)
            if reason and isinstance(self.element, (ui.input, ui.number, ui.textarea, ui.select)):
                show_error(self.element, reason)
            return bool(reason)

        client = ui.context.client
        found = await perform(preferences.change_settings, self.rt, {self.setting.name: value}, invalid=beside)
        if found is FAILED:
            return
        forget(self._draft, client=client)
        if isinstance(self.element, (ui.input, ui.number, ui.textarea, ui.select)):
            show_error(self.element, None)
        restart = " Takes effect after a restart." if self.setting.needs_restart else ""
        say(done + restart)
        for setting in found:
            if setting.name == self.setting.name:
                self.show(setting)
        if self.setting.secret or self._typed() != self.setting.value:
            self._build()  # a secret is not shown again; an emptied field shows the default that holds now
