"""limits: account pauses, budgets, own backoff, what is remembered of a task"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from maestro.db.types import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_pauses",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("paused_until", UtcDateTime(), nullable=True),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "budget_marks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=True),
        sa.Column("raised_by", sa.Float(), nullable=False),
        sa.Column("noticed_at", UtcDateTime(), nullable=True),
        sa.Column("reached_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index(op.f("ix_budget_marks_session_id"), "budget_marks", ["session_id"], unique=False)
    # Plain ADD COLUMN: rebuilding a table would cascade to what refers to it.
    op.add_column("tasks", sa.Column("retry_at", UtcDateTime(), nullable=True))
    op.add_column("tasks", sa.Column("endpoint_failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("tasks", sa.Column("failing_since", UtcDateTime(), nullable=True))
    op.add_column("tasks", sa.Column("care", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("workers", sa.Column("account", sa.String(), nullable=True))
    op.add_column("workers", sa.Column("model_calls", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    for table, columns in (
        ("workers", ("model_calls", "account")),
        ("tasks", ("care", "failing_since", "endpoint_failures", "retry_at")),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.drop_column(column)
    op.drop_index(op.f("ix_budget_marks_session_id"), table_name="budget_marks")
    op.drop_table("budget_marks")
    op.drop_table("account_pauses")
