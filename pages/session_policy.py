"""The dialog for what one session's agents may do: from the menu of every one of its pages."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import run, ui

from maestro.core import queries
from maestro.core.commands import sessions
from maestro.core.kernel.runtime import Runtime
from maestro.policy import Policy, Row
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.dialogs import answer, dialog
from pages.components.drafts import forget
from pages.components.tag import box, tag
from pages.policy_fields import PolicyFields


async def change_policy(rt: Runtime, session_id: str) -> None:
    """Ask for the table and store it."""
    session = await run.io_bound(queries.get_session, rt, session_id)
    if session is None:
        return
    draft, client = f"policy-{session_id}/", ui.context.client
    try:
        own = Policy.model_validate(session.agent_config.get("policy") or {})
    except ValueError:  # a damaged row
        own = Policy()
    with dialog("What this session’s agents may do", wide=True) as (panel, body):
        with body:
            tag("p", "Denials in the settings still apply. Running workers keep their current policy.", "m-soft")
            fields = PolicyFields(own, follows(rt), draft=draft)

        def save() -> None:
            if fields.value() is not None:
                panel.submit(True)

        with box("m-dialog__foot"):
            button("Cancel", lambda: panel.submit(None))
            button("Save", save, kind="primary")
    if not await answer(panel):
        return
    wanted = fields.value()
    assert wanted is not None
    given = {"policy": None if wanted.says_nothing() else wanted.plain()}
    changes = sessions.SessionChanges(agent_config=given)  # the rest of it stays as it is
    if await perform(sessions.update_session, rt, session_id, changes, done="Saved.") is not FAILED:
        forget(draft, client=client)


def follows(rt: Runtime) -> Callable[[Row], str]:
    """What a row of a session is that is left open: the answer of the settings, or the mode's."""

    def words(row: Row) -> str:
        found = rt.settings.policy.answer(row)
        return f"Settings: {found}" if found else "By mode"

    return words
