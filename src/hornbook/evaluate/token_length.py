"""How much text a token stands for: bytes of the text measured on, for each scored target that is text."""

from __future__ import annotations


def bytes_per_token(text_bytes: int, targets: int) -> float | None:
    """Return the mean length of a token in bytes, None where nothing was scored."""
    return text_bytes / targets if targets else None
