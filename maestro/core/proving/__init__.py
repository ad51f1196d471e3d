"""Done means proven: checks as evidence, compared with the base, and what makes a proof doubtful."""
