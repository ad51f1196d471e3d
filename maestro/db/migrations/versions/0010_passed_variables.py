"""names of the variables that worktrees of a repository get; their values are never stored"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    columns = sa.inspect(op.get_bind()).get_columns("repository_environments")
    if any(column["name"] == "pass_env" for column in columns):
        return  # a database whose version was set back by hand
    op.add_column("repository_environments", sa.Column("pass_env", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("repository_environments", "pass_env")
