"""comments on finished work, the target brought into the session branch, how decisions turned out, what a session follows"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from maestro.db.types import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables = set(sa.inspect(op.get_bind()).get_table_names())
    if "review_comments" not in tables:
        op.create_table(
            "review_comments",
            sa.Column("id", sa.String(), nullable=False),
            sa.Column("session_id", sa.String(), nullable=False),
            sa.Column("task_id", sa.String(), nullable=True),
            sa.Column("commit", sa.String(), nullable=False),
            sa.Column("path", sa.String(), nullable=True),
            sa.Column("line", sa.Integer(), nullable=True),
            sa.Column("side", sa.String(), nullable=False),
            sa.Column("check", sa.Text(), nullable=True),
            sa.Column("code", sa.Text(), nullable=True),
            sa.Column("body", sa.Text(), nullable=False),
            sa.Column("created_at", UtcDateTime(), nullable=False),
            sa.Column("updated_at", UtcDateTime(), nullable=False),
            sa.Column("sent_at", UtcDateTime(), nullable=True),
            sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
            sa.PrimaryKeyConstraint("id"),
        )
        op.create_index("ix_review_comments_session_id", "review_comments", ["session_id"])
    if "branch_updates" not in tables:
        op.create_table(
            "branch_updates",
            sa.Column("task_id", sa.String(), nullable=False),
            sa.Column("session_id", sa.String(), nullable=False),
            sa.Column("target", sa.String(), nullable=False),
            sa.Column("commit", sa.String(), nullable=False),
            sa.Column("base_before", sa.String(), nullable=False),
            sa.Column("merged", sa.String(), nullable=True),
            sa.Column("conflicts", sa.JSON(), nullable=False),
            sa.Column("created_at", UtcDateTime(), nullable=False),
            sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
            sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], ondelete="CASCADE"),
            sa.PrimaryKeyConstraint("task_id"),
        )
        op.create_index("ix_branch_updates_session_id", "branch_updates", ["session_id"])
    _add("decisions", sa.Column("outcome_reason", sa.Text(), nullable=True))
    _add("decisions", sa.Column("outcome_by", sa.String(), nullable=True))
    _add("sessions", sa.Column("follows_id", sa.String(), nullable=True))
    _add("sessions", sa.Column("template_json", sa.JSON(), nullable=True))


def _add(table: str, column: sa.Column[Any]) -> None:
    """There already in a database whose version was set back by hand."""
    there = {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name not in there:
        op.add_column(table, column)


def downgrade() -> None:
    op.drop_column("sessions", "template_json")
    op.drop_column("sessions", "follows_id")
    op.drop_column("decisions", "outcome_by")
    op.drop_column("decisions", "outcome_reason")
    op.drop_table("branch_updates")
    op.drop_table("review_comments")
