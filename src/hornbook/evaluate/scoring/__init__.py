"""How a text is scored: ways to ask a model, the rows that they lay out, and how rows are computed together."""
