"""whether checks of a repository run one at a time"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if any(
        column["name"] == "serial_checks" for column in sa.inspect(op.get_bind()).get_columns("repository_environments")
    ):
        return  # a database whose version was set back by hand
    op.add_column(
        "repository_environments", sa.Column("serial_checks", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("repository_environments", "serial_checks")
