"""Raw files -> documents."""
