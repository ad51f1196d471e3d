"""what messages carry besides words, branches of a conversation, and the versions of the idea card"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    there = {column["name"] for column in inspector.get_columns("messages")}
    columns: list[sa.Column[Any]] = [
        sa.Column("extras", sa.JSON(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("parent_number", sa.Integer(), nullable=True),
    ]
    for column in columns:
        if column.name not in there:  # there in a database whose version was set back by hand
            op.add_column("messages", column)
    if inspector.has_table("card_versions"):
        return
    op.create_table(
        "card_versions",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("session_id", sa.String(), sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("session_id", "number"),
    )


def downgrade() -> None:
    op.drop_table("card_versions")
    for name in ("parent_number", "active", "extras"):
        op.drop_column("messages", name)
