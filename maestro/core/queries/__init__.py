"""Everything that is read for pages, REST and CLI: one file a subject, this face for all."""

from maestro.core.queries.approvals import get_approval, list_approvals, list_pauses, page_of_approvals
from maestro.core.queries.conversation import list_card_versions
from maestro.core.queries.decisions import count_decisions, list_decisions
from maestro.core.queries.delivery import get_diff, list_checkpoints, list_deleted, list_recovered, rollback_preview
from maestro.core.queries.evidence import get_check_run, get_conflict, get_evidence, list_evidence
from maestro.core.queries.installation import (
    account_state,
    beginning,
    last_digest,
    limits_in_force,
    repository,
    storage_problem,
)
from maestro.core.queries.notes import list_notes
from maestro.core.queries.plan_versions import (
    compare_plans,
    get_plan_version,
    list_plan_versions,
    plan_as_markdown,
    plan_progress,
)
from maestro.core.queries.sessions import get_session, list_sessions, overview
from maestro.core.queries.work import get_plan, list_logs, list_messages, list_tasks, list_workers

__all__ = [
    "account_state",
    "beginning",
    "compare_plans",
    "count_decisions",
    "get_approval",
    "get_check_run",
    "get_conflict",
    "get_diff",
    "get_evidence",
    "get_plan",
    "get_plan_version",
    "get_session",
    "last_digest",
    "limits_in_force",
    "list_approvals",
    "list_card_versions",
    "list_checkpoints",
    "list_decisions",
    "list_deleted",
    "list_evidence",
    "list_logs",
    "list_messages",
    "list_notes",
    "list_pauses",
    "list_plan_versions",
    "list_recovered",
    "list_sessions",
    "list_tasks",
    "list_workers",
    "overview",
    "page_of_approvals",
    "plan_as_markdown",
    "plan_progress",
    "repository",
    "rollback_preview",
    "storage_problem",
]
