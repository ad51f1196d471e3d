"""``/session/{id}``: the session at work. What runs, whether it is all right, whether it needs a hand."""

from __future__ import annotations

from pages.monitor.page import install

__all__ = ["install"]
