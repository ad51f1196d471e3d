"""what new worktrees of a repository are given, as a user has confirmed it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from maestro.db.types import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "repository_environments",
        sa.Column("git_dir", sa.String(), nullable=False),
        sa.Column("repo_path", sa.String(), nullable=False),
        sa.Column("setup", sa.JSON(), nullable=False),
        sa.Column("copy_files", sa.JSON(), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("git_dir"),
    )


def downgrade() -> None:
    op.drop_table("repository_environments")
