"""The dialog for a session's own limits: from the menu of every one of its pages, and from the limits on the overview."""

from __future__ import annotations

from nicegui import run, ui

from maestro.core import queries
from maestro.core.commands import sessions
from maestro.core.kernel.runtime import Runtime
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.dialogs import answer, dialog
from pages.components.drafts import forget, kept
from pages.components.fields import field
from pages.components.tag import box, tag
from pages.components.words import number
from pages.shared.setting_fields import NAMES

#: What can be changed for one session while it goes on.
_CHANGES = (
    "session_budget_usd", "session_token_limit", "session_model_calls", "task_budget_usd", "task_token_limit",
    "task_model_calls", "budget_usd", "run_model_calls", "max_workers", "max_attempts",
)  # fmt: skip


async def change_limits(rt: Runtime, session_id: str) -> bool:
    """Ask for the limits and store them; whether they were stored."""
    session = await run.io_bound(queries.get_session, rt, session_id)
    if session is None:
        return False
    config, draft = session.agent_config, f"limits-{session_id}/"
    client = ui.context.client
    with dialog("Limits of this session") as (panel, body):
        with body:
            tag("p", "Empty fields use the settings. Running workers keep their limits.", "m-soft")
            with box("m-form__pair"):
                numbers = {n: kept(_number(rt, n, config.get(n)), draft + n, over=True) for n in _CHANGES}
        with box("m-dialog__foot"):
            button("Cancel", lambda: panel.submit(None))
            button("Save", lambda: panel.submit(True), kind="primary")
    if not await answer(panel):
        return False
    given = {name: _whole(number.value) for name, number in numbers.items()}
    changes = sessions.SessionChanges(agent_config=given)  # the rest of it stays as it is
    if await perform(sessions.update_session, rt, session_id, changes, done="Saved.") is FAILED:
        return False
    forget(draft, client=client)
    return True


def _number(rt: Runtime, name: str, value: object) -> ui.number:
    follows = getattr(rt.settings, name)
    with field(NAMES[name]):
        made = ui.number(value=value if isinstance(value, (int, float)) else None)
        made.props.set_optional("placeholder", "no limit" if follows is None else number(follows))
    return made


def _whole(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number
