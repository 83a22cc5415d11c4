"""A page of the web -> its main text, without menus, banners and comments."""

from __future__ import annotations

from hornbook.errors import UserError


def main_text(html: bytes | str) -> str | None:
    """Return the main text of a page, paragraphs by line; None where there is none."""
    try:
        import trafilatura
    except ImportError as error:
        raise UserError("Reading HTML needs a library that is not installed: pip install 'hornbook[web]'") from error
    return trafilatura.extract(html, include_comments=False)
