"""comments on a plan, and what is known beside a version: what was asked for, what its second pass changed, its estimate"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    if "about" not in {column["name"] for column in inspector.get_columns("plans")}:
        op.add_column("plans", sa.Column("about", sa.JSON(), nullable=True))
    if inspector.has_table("plan_comments"):
        return
    op.create_table(
        "plan_comments",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("session_id", sa.String(), sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_by", sa.Integer(), nullable=True),
    )
    op.create_index("ix_plan_comments_session_id", "plan_comments", ["session_id"])


def downgrade() -> None:
    op.drop_table("plan_comments")
    op.drop_column("plans", "about")
