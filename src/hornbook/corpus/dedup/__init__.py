"""Duplicates: texts that are the same, exactly or nearly, and texts that stand in a benchmark or elsewhere."""
