"""Where tasks come from: files recognised by their fields, and a person's own Python."""
