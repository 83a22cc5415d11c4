"""What a model begins with beside random values: counted pairs of tokens, and attention that knows where to look."""
