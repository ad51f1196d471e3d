"""The assistant's endpoint: what it offers, and whether it answers."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from maestro.api.models import Limit, Listing, OfferedModel, Offset, page_of
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core.brainstorm import assistant
from maestro.core.brainstorm.assistant import Trial

router = APIRouter(tags=["Installation"], route_class=CheckedRoute)


@router.get("/models")
def list_models(rt: Rt, limit: Limit = 50, offset: Offset = 0) -> Listing[OfferedModel]:
    """The models that the assistant's endpoint offers; ``effort``: how much effort it makes can be chosen."""
    return page_of([OfferedModel(**asdict(model)) for model in assistant.list_models(rt)], limit, offset)


@router.post("/assistant/test")
def try_assistant(rt: Rt) -> Trial:
    """Ask the assistant for one word, as the settings have it now: whether that works, and what is wrong if not."""
    return assistant.try_assistant(rt)
