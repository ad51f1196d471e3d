"""Which permission mode is in force here and why, with the line that gives a sandbox where there is none."""

from __future__ import annotations

from maestro.core.kernel import modes
from pages.components.code import code
from pages.components.state import Mark, chip
from pages.components.tag import box, tag, text

_NAMES = {
    "sandboxed": Mark("done", "check", "Sandboxed"),
    "edits": Mark("waiting", "shield-alert", "Edit freely, not sandboxed"),
    "ask": Mark("waiting", "hand", "Ask before every change, not sandboxed"),
    "bypass": Mark("failed", "shield-alert", "Never ask, not sandboxed"),
}


def mode_chip(found: modes.InForce) -> None:
    """The mode in a word."""
    chip(
        _NAMES[found.mode]
        if found.kept
        else Mark("failed", "shield-alert", "Sandboxed, but this machine has no sandbox")
    )


def mode_note(found: modes.InForce) -> None:
    """What the mode means, why it is in force, and what is missing for a sandbox."""
    with box("m-stack m-gap-4"):
        tag("p", found.means, "m-soft")
        text(f"{found.why[0].upper()}{found.why[1:]}.", "m-meta m-wrap")
        if not found.missing:
            return
        text(f"No sandbox available: {found.missing}", "m-meta m-wrap")
        if found.install:
            code(found.install, block=True)
