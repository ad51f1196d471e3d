"""days of use that 0007 once wrote as seconds since 1970 become dates"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The day may have a row of its own by now: what was used since.
    op.execute(
        "INSERT INTO day_usage (day, session_id, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,"
        " cost_usd, model_calls) SELECT strftime('%Y-%m-%d', CAST(day AS INTEGER), 'unixepoch'), session_id, input_tokens,"
        " output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, model_calls FROM day_usage WHERE day NOT LIKE '%-%'"
        " ON CONFLICT (day, session_id) DO UPDATE SET input_tokens = input_tokens + excluded.input_tokens,"
        " output_tokens = output_tokens + excluded.output_tokens,"
        " cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,"
        " cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,"
        " cost_usd = cost_usd + excluded.cost_usd, model_calls = model_calls + excluded.model_calls"
    )
    op.execute("DELETE FROM day_usage WHERE day NOT LIKE '%-%'")


def downgrade() -> None:
    """Nothing to take back: days were always meant to be dates."""
