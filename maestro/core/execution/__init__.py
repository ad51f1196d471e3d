"""A task's way: chosen, started, reported on, landed on the session branch; and the whole at the end."""
