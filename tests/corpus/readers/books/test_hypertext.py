"""HTML that is text through and through: each kind of element, letter by letter."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.readers.books import hypertext
from hornbook.corpus.readers.books.hypertext import DEEPEST, TooDeep, blocks_of, joined, parse

CASES = {
    "paragraphs": ("<p>One\ntwo  three.</p>\n<p>Four.</p>\n", "One two three.\n\nFour."),
    "text without elements": ("just text &amp; more", "just text & more"),
    "entities": ("<p>&lt;b&gt; &amp;lt; &#8212; &eacute; &#x1F600;</p>", "<b> &lt; \u2014 \u00e9 \U0001f600"),
    "a blank that does not break stays": ("<p>10&nbsp;km</p>", "10\u00a0km"),
    "breaks": ("<p>one<br>two<br/>\nthree</p>", "one\ntwo\nthree"),
    "two breaks part paragraphs": ("<p>one<br><br>two</p>", "one\n\ntwo"),
    "emphasis": ("<p><b>bold</b>, <i>it</i>, <em>em</em><strong>strong</strong></p>", "bold, it, emstrong"),
    "a link is its text": ('<p>see <a href="http://x.org/a?b=1&amp;c">here</a>.</p>', "see here."),
    "pictures go": ('<p>before <img src="x.png" alt="enter image description here"> after</p>', "before after"),
    "only a picture": ('<p><a href="x"><img src="x.png" alt="a"></a></p>', ""),
    "code in a line": ("<p>call <code>f(&lt;T&gt;  x)</code> now</p>", "call f(<T> x) now"),
    "code keeps its indent": (
        "<pre><code>def f():\n\treturn 1\n\n    # end\n</code></pre>",
        "def f():\n\treturn 1\n\n    # end",
    ),
    "code begins with an indent": ("<pre><code>    x\n  y\n</code></pre>", "    x\n  y"),
    "code with blanks at line ends": ("<pre><code>a  \nb\n</code></pre>", "a  \nb"),
    "code with markup": ("<pre><code>a &lt; <b>b</b> &amp;&amp; c\n</code></pre>", "a < b && c"),
    "code between paragraphs": ("<p>a</p>\n\n<pre><code>x = 1\n</code></pre>\n\n<p>b</p>", "a\n\nx = 1\n\nb"),
    "the first line feed of pre is none": ("<pre>\n\nx</pre>", "\nx"),
    "line ends of Windows in code": ("<pre><code>a\r\nb\r\n</code></pre>", "a\nb"),
    "list": ("<ul>\n<li>one</li>\n<li>two <b>x</b></li>\n</ul>", "- one\n- two x"),
    "list without end tags": ("<ul><li>one<li>two</ul>after", "- one\n- two\n\nafter"),
    "numbered list": ("<ol><li>one</li><li>two</li></ol>", "1. one\n2. two"),
    "numbers begin where it says": ('<ol start="9"><li>one</li><li>two</li></ol>', "9. one\n10. two"),
    "list in a list": ("<ul><li>a<ol><li>b</li><li>c</li></ol></li><li>d</li></ul>", "- a\n  1. b\n  2. c\n- d"),
    "two lists": ("<ul><li>a</li></ul><ul><li>b</li></ul>", "- a\n\n- b"),
    "paragraphs in an item": ("<ul><li><p>a</p><p>b</p></li><li><p>c</p></li></ul>", "- a\n\nb\n\n- c"),
    "code in an item": ("<ul><li>run<pre><code>ls\n</code></pre></li></ul>", "- run\n\nls"),
    "an item that is empty": ("<ul><li></li><li>b</li></ul>", "- b"),
    "quote": ("<p>You said</p><blockquote><p>so\nit is</p></blockquote><p>No.</p>", "You said\n\nso it is\n\nNo."),
    "spoiler": ('<blockquote class="spoiler"><p> It was <b>him</b>.</p></blockquote>', "It was him."),
    "headings": ("<h1>A <i>b</i></h1><p>c</p><h3>d<br>e</h3>f", "A b\n\nc\n\nd e\n\nf"),
    "rule": ("<p>a</p><hr><p>b</p>", "a\n\nb"),
    "table": (
        "<table><thead><tr><th>Name</th><th>No</th></tr></thead><tbody><tr><td>a</td><td>1</td></tr></tbody></table>",
        "Name | No\na | 1",
    ),
    "table with empty cells": ("<table><tr><td></td><td>x</td><td></td></tr></table>", "| x"),
    "paragraphs in a cell": ("<table><tr><td><p>a</p><p>b</p></td><td>c<br>d</td></tr></table>", "a b | c d"),
    "table in a table": (
        "<table><tr><td><table><tr><td>x</td><td>y</td></tr></table></td><td>z</td></tr></table>",
        "x | y | z",
    ),
    "caption of a table": ("<table><caption>T</caption><tr><td>a</td></tr></table>", "T\n\na"),
    "mathematics stays": ("<p>so $a_1 &lt; b$ and\n$$\\frac{x}{y}$$</p>", "so $a_1 < b$ and $$\\frac{x}{y}$$"),
    "figures above the line": ("<p>10<sup>-3</sup> m<sup>2</sup></p>", "10\u207b\u00b3 m\u00b2"),
    "figures below the line": ("<p>H<sub>2</sub>O</p>", "H\u2082O"),
    "words in small print": ("<p><sup>Note: see below</sup> x<sub>max</sub></p>", "Note: see below xmax"),
    "keys": ("<p><kbd>Ctrl</kbd>+<kbd>C</kbd></p>", "Ctrl+C"),
    "struck out": ("<p><s>old</s> <del>gone</del> new</p>", "old gone new"),
    "definitions": ("<dl><dt>a</dt><dd>b</dd></dl>", "a\n\nb"),
    "scripts and styles go": ("<style>p{}</style><p>a</p><script>alert('<p>x</p>')</script>", "a"),
    "comments go": ("<!-- language: lang-py --><p>a<!-- b --></p>", "a"),
    "unknown elements are their text": ("<p>a <foo>b</foo></p>", "a b"),
    "broken nesting": ("<p>a <b>b <i>c</b> d</i></p>e", "a b c d\n\ne"),
    "a tag that does not end": ("<p>a</p><p", "a"),
    "loose smaller sign": ("<p>a < b and c > d</p>", "a < b and c > d"),
    "right to left": (
        "<p>\u0645\u0631\u062d\u0628\u0627 <b>\u05e9\u05dc\u05d5\u05dd</b></p>",
        "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    ),
    "nothing": ("", ""),
    "blanks alone": (" \n\t ", ""),
    "a comment alone": ("<!-- x -->", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_each_construct_letter_by_letter(name: str) -> None:
    html, text = CASES[name]
    assert joined(blocks_of(parse(html))) == text


def test_nesting_is_bounded() -> None:
    sound = "<div>" * (DEEPEST - 10) + "deep" + "</div>" * (DEEPEST - 10)
    assert joined(blocks_of(parse(sound))) == "deep"
    for depth in (DEEPEST + 1, 255, 300, 100_000):
        with pytest.raises(TooDeep):
            blocks_of(parse("<div>" * depth + "deep" + "</div>" * depth + "<p>after</p>"))


def test_the_number_of_tags_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypertext, "MOST", 100)
    assert joined(blocks_of(parse("<b>x</b>" * 50))) == "x" * 50
    with pytest.raises(TooDeep, match="more than 100 tags"):
        parse("<b>x</b>" * 51)


_WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)
_TAGS = st.sampled_from(
    [
        "p",
        "b",
        "code",
        "pre",
        "ul",
        "ol",
        "li",
        "table",
        "tr",
        "td",
        "blockquote",
        "h2",
        "div",
        "sup",
        "sub",
        "br",
        "hr",
    ]
)


@given(st.lists(st.one_of(_WORDS, _TAGS.map("<{}>".format), _TAGS.map("</{}>".format), st.just("&amp;")), max_size=40))
def test_no_tag_is_left_and_no_letter_lost(parts: list[str]) -> None:
    text = joined(blocks_of(parse(" ".join(parts))))
    assert "<" not in text and ">" not in text
    letters = "".join(part for part in parts if not part.startswith("<")).replace("&amp;", "&")
    assert _counted(text) == _counted(letters)


def _counted(text: str) -> Counter[str]:
    """Return how often each letter is there, but for the marks of lists and tables, and figures that may be raised."""
    return Counter(
        sign for sign in text if not sign.isspace() and sign not in "-|." and not sign.isnumeric() and sign not in "nⁿ"
    )


@given(st.text(max_size=300))
def test_any_letters_are_read(html: str) -> None:
    joined(blocks_of(parse(html)))
