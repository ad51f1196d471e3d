"""columns that nothing reads go: a plan's own row says by which hash and when it was approved, an inbox what it was sent"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if _is_there("sessions", "approved_plan_hash") and _drops_columns():
        op.drop_column("sessions", "approved_plan_hash")  # else it stays, empty: to rebuild the table would cascade
    if not _is_there("workers", "inbox_sent"):
        return
    if _drops_columns():
        op.drop_column("workers", "inbox_sent")
    else:  # it wants a value, so it cannot stay; no table refers to this one
        with op.batch_alter_table("workers", recreate="always") as table:
            table.drop_column("inbox_sent")


def downgrade() -> None:
    op.add_column("workers", sa.Column("inbox_sent", sa.Integer(), nullable=False, server_default="0"))
    if not _is_there("sessions", "approved_plan_hash"):
        op.add_column("sessions", sa.Column("approved_plan_hash", sa.String(), nullable=True))


def _is_there(table: str, column: str) -> bool:
    """Also not there in a database whose version was set back by hand."""
    return column in {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}


def _drops_columns() -> bool:
    """SQLite does since 3.35."""
    bind = op.get_bind()
    version = bind.dialect.server_version_info or (0,)
    return bind.dialect.name != "sqlite" or tuple(version) >= (3, 35)
