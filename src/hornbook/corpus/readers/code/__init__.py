"""Source code -> records: files of projects with their facts, notebooks, and repositories as one text."""
