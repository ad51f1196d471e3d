"""What holds for a session's workers: the session's word, else the setting; every limit that always is one is a number."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from maestro.core.kernel.agent_config import _FALLBACK, AgentConfig, EffectiveConfig, in_force
from maestro.errors import InvalidInput
from maestro.settings import Settings


def test_all_that_a_session_can_say_is_in_force_with_the_settings_below_it() -> None:
    assert set(EffectiveConfig.model_fields) == set(AgentConfig.model_fields)
    settings = Settings(max_workers=7, task_timeout_minutes=9, session_budget_usd=2.5, sparse_checkout=False)
    found = in_force({"max_workers": 2, "checks": ["true"]}, settings)
    assert (found.max_workers, found.checks) == (2, ["true"])
    assert (found.task_timeout_minutes, found.session_budget_usd, found.sparse) == (9, 2.5, False)
    assert found.permission_mode != "auto"


def test_none_in_force_is_only_where_the_setting_itself_knows_no_limit() -> None:
    effective, settings = get_type_hints(EffectiveConfig), get_type_hints(Settings)
    for name, setting in _FALLBACK.items():
        assert (type(None) in get_args(effective[name])) == (type(None) in get_args(settings[setting])), name


@pytest.mark.parametrize("damage", [{"max_workers": "many"}, {"later": 1}, ["x"], {"checks": [""]}])
def test_one_that_cannot_be_read_says_so(damage: Any) -> None:
    with pytest.raises(InvalidInput, match="The agent configuration is not valid"):
        in_force(damage, Settings())


def test_what_holds_is_not_changed_in_passing() -> None:
    with pytest.raises(ValueError, match="frozen"):
        in_force({}, Settings()).max_workers = 3  # type: ignore[misc]
