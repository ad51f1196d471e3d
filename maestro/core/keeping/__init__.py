"""Nothing is lost: recovery after a kill, rollbacks, parking, clean-up, and what is kept of deleted sessions."""
