"""Main texts of web pages."""

from __future__ import annotations

from pages import page_of

from hornbook.corpus.readers.crawl.pages import MainText

BODY = "".join(
    f"<p>Paragraph {number} tells of the harbour, the boats and the weather of that long summer, at some length.</p>"
    for number in range(6)
)
HTML = f"""<html><head><title>Boats</title><script>var x = "menu";</script></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/about">About</a></li></ul></nav>
<article><h1>Boats</h1>{BODY}</article><footer>All rights reserved</footer></body></html>"""


def test_the_main_text_is_found_without_menus() -> None:
    text = MainText().extract(HTML)[0]
    assert text is not None
    assert "Paragraph 0 tells" in text and "Paragraph 5 tells" in text
    assert "rights reserved" not in text and "var x" not in text
    assert MainText().extract(HTML.encode())[0] == text == MainText().extract(HTML)[0]


def test_pages_without_text_and_damaged_ones_give_a_reason() -> None:
    verdicts = MainText()(page_of([HTML, "", "<html></html>", "no html", "<" * 1000]))
    assert verdicts.reasons[0] == ""
    assert all(reason.startswith("main-text: ") for reason in verdicts.reasons[1:3])
    assert MainText().extract("")[0] is None
    assert MainText().extract(b"\xff\xfe\x00\x01")[0] is None


def test_repeats_on_earlier_pages_do_not_matter() -> None:
    first = MainText().extract(HTML)[0]
    assert [MainText().extract(HTML)[0] for _ in range(5)] == [first] * 5
