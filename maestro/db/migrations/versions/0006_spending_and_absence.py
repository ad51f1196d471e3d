"""money given to runs that go on, and who answered a question"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("workers") as table:
        table.add_column(sa.Column("model", sa.String(), nullable=True))
        table.add_column(sa.Column("reserved_usd", sa.Float(), nullable=True))
    with op.batch_alter_table("approvals") as table:
        table.add_column(sa.Column("resolved_by", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("approvals") as table:
        table.drop_column("resolved_by")
    with op.batch_alter_table("workers") as table:
        table.drop_column("reserved_usd")
        table.drop_column("model")
