"""What the second pass found in the draft, and what the rewrite changed."""

from __future__ import annotations

from maestro.core.views import PlanReview
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.section import section
from pages.components.tag import box, tag, text
from pages.components.words import plural
from pages.plan.compared import show_changes

_KINDS = {
    "coverage": "Coverage",
    "checks": "Checks",
    "overlap": "Overlap",
    "setup": "Setup",
    "order": "Order",
}


def review_section(review: PlanReview) -> None:
    """Found, and changed because of it; nothing where the draft was sound."""
    if not review.findings and not review.problem:
        with box("m-row m-gap-4 m-soft"):
            icon("circle-check")
            text("The second pass found nothing to change.")
        return
    with section("Second pass", count=len(review.findings)), box("m-stack m-gap-8"):
        for finding in review.findings:
            with box("p-finding"):
                where = f" · {finding.task}" if finding.task else ""
                text(f"{_KINDS.get(finding.kind, 'Other')}{where}", "m-meta")
                inline(finding.problem, "m-wrap")
                if finding.change:
                    inline(finding.change, "m-soft m-wrap")
        if review.problem:
            inline(f"The draft stays as it is. {review.problem}", "m-soft m-wrap")
        if review.changes is not None:
            changed = plural(len(review.changes.tasks), "task")
            with tag("details", ""):
                tag("summary", f"What the rewrite changed: {changed}", "q-more mi-chevron-right")
                show_changes(review.changes)
