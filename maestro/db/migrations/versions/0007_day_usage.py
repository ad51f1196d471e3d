"""what was used on which day, kept when the session is deleted"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def upgrade() -> None:
    op.create_table(
        "day_usage",
        sa.Column("day", sa.String(), primary_key=True),
        sa.Column("session_id", sa.String(), primary_key=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("model_calls", sa.Integer(), nullable=False),
    )
    # So far the assistant counted on the day of its session. Times are microseconds since 1970, days are UTC's.
    op.execute(
        "INSERT INTO day_usage (day, session_id, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,"
        " cost_usd, model_calls) SELECT strftime('%Y-%m-%d', created_at / 1000000, 'unixepoch'), id, input_tokens,"
        " output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, 0 FROM sessions WHERE demo = 0"
    )


def downgrade() -> None:
    op.drop_table("day_usage")
