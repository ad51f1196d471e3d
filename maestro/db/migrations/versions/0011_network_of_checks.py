"""whether confined checks of a repository reach the network, and the hosts that are reached besides registries"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("repository_environments")}
    columns: list[sa.Column[Any]] = [
        sa.Column("check_network", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("network_hosts", sa.JSON(), nullable=False, server_default="[]"),
    ]
    for column in columns:
        if column.name not in there:  # there in a database whose version was set back by hand
            op.add_column("repository_environments", column)


def downgrade() -> None:
    op.drop_column("repository_environments", "network_hosts")
    op.drop_column("repository_environments", "check_network")
