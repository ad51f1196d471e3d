"""the issue that a session began with"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("sessions")}
    if "source_json" not in there:  # there in a database whose version was set back by hand
        op.add_column("sessions", sa.Column("source_json", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "source_json")
