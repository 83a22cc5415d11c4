"""Rows -> Batch: every pre-training objective, in numpy alone."""
