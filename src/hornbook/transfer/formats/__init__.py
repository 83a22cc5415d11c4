"""Formats: files of examples -> records, and the fields that say which task they are of."""
