"""Session templates."""

from __future__ import annotations

from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import template_library
from maestro.core.planning.template_library import PREFIX
from maestro.templates.loader import Found, Template

__all__ = ["PREFIX", "Found", "Template", "list_templates"]


def list_templates(rt: Runtime, repo_path: str | None = None) -> list[Found]:
    """Every template, by title; with ``repo_path`` also those of that repository, once it is trusted."""
    return template_library.listed(rt, repo_path)
