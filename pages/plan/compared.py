"""What one version of a plan changes of another, by field."""

from __future__ import annotations

from typing import Any

from maestro.core.views import FieldChange, PlanDiff
from pages.components.placeholders import calm
from pages.components.tag import box, tag, text

_CHANGES = {
    "added": ("Added", "s-done"),
    "removed": ("Removed", "s-failed"),
    "changed": ("Changed", "s-running"),
    "moved": ("Moved", ""),
}
_NAMES = {
    "depends_on": "Depends on",
    "estimate_minutes": "Estimate (min)",
    "requires_approval": "Asks before it starts",
    "patterns": "Files to imitate",
    "scope_out": "Not part of it",
}  # fmt: skip


def show_changes(diff: PlanDiff) -> None:
    """A table of fields before and after, for the plan and for each task."""
    with box("m-stack m-gap-8"):
        if not diff.whole and not diff.tasks:
            calm("These versions are the same.")
        if diff.whole:
            tag("h3", "The plan", "p-label")
            _table(diff.whole)
        for task in diff.tasks:
            word, tone = _CHANGES[task.change]
            with box(f"m-row m-gap-8 {tone}"):
                text(word, "m-strong").style("color: var(--c)")
                tag("h3", f"{task.id}: {task.title}", "m-wrap")
            if task.fields:
                _table(task.fields)


def _table(fields: list[FieldChange]) -> None:
    with tag("table", "", "p-trace p-compare"):
        with tag("thead"), tag("tr"):
            for head in ("Field", "Before", "After"):
                tag("th", head, scope="col")
        with tag("tbody"):
            for change in fields:
                with tag("tr"):
                    tag("th", _NAMES.get(change.name, change.name.replace("_", " ").capitalize()), scope="row")
                    tag("td", _words(change.before), "m-pre m-wrap")
                    tag("td", _words(change.after), "m-pre m-wrap")


def _words(value: Any) -> str:
    if value in (None, "", []):
        return "–"
    if isinstance(value, list):
        return "\n".join(_decision(entry) if isinstance(entry, dict) else str(entry) for entry in value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _decision(entry: dict[str, Any]) -> str:
    options, chosen = entry.get("options") or [], entry.get("chosen") or 0
    return f"{entry.get('decision_type')}: {options[chosen] if chosen < len(options) else '–'}"
