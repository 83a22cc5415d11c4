"""What a recipe leaves open, settled by text and machine: sizes, rows, rates, memory, steps."""
