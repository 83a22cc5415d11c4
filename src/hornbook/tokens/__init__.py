"""Documents -> token shards -> Rows -> batches prepared ahead of the step."""
