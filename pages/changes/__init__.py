"""``/session/{id}/changes``: what the session changes, what proves it, and the merge."""

from __future__ import annotations

from pages.changes.page import install

__all__ = ["install"]
