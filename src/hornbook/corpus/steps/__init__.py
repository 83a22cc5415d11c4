"""Steps: pages of documents -> the same, mended, or dropped with a reason. Each is a frozen dataclass of settings."""
