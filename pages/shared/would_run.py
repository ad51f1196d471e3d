"""What of a repository would run: its commands and files, shown before anybody says yes."""

from __future__ import annotations

from typing import Any

from maestro.confinement import probing
from maestro.terminal_text import visible
from pages.components.code import code
from pages.components.shown import code_in_full
from pages.components.tag import box, tag, text
from pages.components.words import plural

#: Of what a repository would run: so many are open when they are this short.
_OPEN, _SHORT = 6, 14


def would_run(
    found: list[dict[str, Any]], commands: list[dict[str, Any]], *, left: int = 0, sandbox: bool = True
) -> None:
    """What of a repository would run: commands, then files, of which the first short ones are open and the rest is folded."""
    if commands:
        with box("m-stack m-gap-4"):
            tag("div", "Setup and check commands:", "m-meta")
            code("\n".join(visible(str(each.get("command"))) for each in commands), block=True)
    if not found:
        text("No settings, hooks, or scripts with common names were found. Its tests and code would run.", "m-soft")
    with box("m-stack m-gap-8 q-runs"):
        for number, each in enumerate(found):
            said = visible(str(each.get("text") or "")).strip()
            lines = said.count("\n") + 1
            opened = {"open": ""} if number < _OPEN and lines <= _SHORT else {}
            with tag("details", "", "q-run", **opened):
                new = " · new or changed" if each.get("new") and not all(e.get("new") for e in found) else ""
                with tag("summary", "", "q-more mi-chevron-right"):
                    text(visible(str(each.get("name"))), "m-mono m-wrap")
                    text(f" · {plural(lines, 'line')}{new}", "m-soft")
                code_in_full(said or "(empty)")
    if left > 0:
        text(f"and {plural(left, 'more file')}", "m-soft")
    missing = probing.available()
    if not sandbox and missing.missing:
        text(f"“Only in the sandbox” is not available here: {missing.missing}", "m-soft")
        if missing.install:
            code(missing.install, block=True)
