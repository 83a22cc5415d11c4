"""Which fields of a record are its text and its facts: named by a recipe, or by the shape of a published data set."""
