"""Settings: what agents may do, as a table."""

from __future__ import annotations

from nicegui import ui

from maestro.core.commands import preferences
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SettingView
from maestro.policy import Policy, Row
from pages.components.action import FAILED, perform
from pages.components.code import code
from pages.components.drafts import forget
from pages.components.section import section
from pages.components.tag import box, tag
from pages.policy_fields import PolicyFields

_DRAFT = "settings/policy/"


class PolicySection:
    """The section; changes are kept at once."""

    def __init__(self, rt: Runtime, setting: SettingView) -> None:
        self._rt = rt
        self._fields: PolicyFields | None = None
        self._shown = setting.value
        value = Policy.model_validate(setting.value)
        with section("What agents may do"):
            about = "On top of the permission mode. Running workers keep their current policy."
            tag("p", about, "m-meta m-about")
            with box("m-card m-gap-12"):
                if setting.origin in ("stored", "default"):
                    self._fields = PolicyFields(value, _follows, draft=_DRAFT, changed=self._keep)
                else:
                    code("\n".join(value.lines()) or "as the permission mode says", block=True)
                    where = setting.variable if setting.origin == "environment" else setting.origin
                    tag("div", f"Set by {where}.", "m-meta")

    def show(self, setting: SettingView) -> None:
        """Take over what the setting is now, unless this page has just stored it."""
        if self._fields is not None and setting.value != self._shown:
            self._shown = setting.value
            self._fields.fill(Policy.model_validate(setting.value))

    async def _keep(self) -> None:
        assert self._fields is not None
        wanted, client = self._fields.value(), ui.context.client
        if wanted is None or wanted == Policy.model_validate(self._shown):
            return
        given = {"policy": None if wanted.says_nothing() else wanted.plain()}
        found = await perform(preferences.change_settings, self._rt, given, done="Saved.")
        if found is not FAILED:
            self._shown = next(each.value for each in found if each.name == "policy")
            forget(_DRAFT, client=client)


def _follows(_row: Row) -> str:
    return "By mode"
