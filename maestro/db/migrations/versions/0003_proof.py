"""what proves work: single tests, how they compare, and the user's checkout before a run"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain ADD COLUMN: rebuilding a table would cascade to what refers to it.
    op.add_column("check_runs", sa.Column("tests", sa.JSON(), nullable=True))
    op.add_column("check_runs", sa.Column("tests_summary", sa.JSON(), nullable=True))
    op.add_column("check_runs", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("check_runs", sa.Column("could_not_run", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("workers", sa.Column("checkout_before", sa.JSON(), nullable=True))


def downgrade() -> None:
    for table, columns in (
        ("workers", ("checkout_before",)),
        ("check_runs", ("could_not_run", "note", "tests_summary", "tests")),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.drop_column(column)
