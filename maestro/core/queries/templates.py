"""Session templates."""

from __future__ import annotations

from maestro.core.kernel.runtime import Runtime
from maestro.templates import loader
from maestro.templates.loader import Template

__all__ = ["Template", "list_templates"]


def list_templates(rt: Runtime) -> list[tuple[Template, bool]]:
    """Every template with whether it is a shipped one, by title."""
    return loader.all_templates(rt.db)
