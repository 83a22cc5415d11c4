"""Fragments and pages of HTML, letter by letter."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.readers.files.html_text import html_prose, html_text

CASES = [
    ("", ""),
    ("plain words", "plain words"),
    ("<p>One</p><p>Two</p>", "One\n\nTwo"),
    ("<p>One<p>Two", "One\n\nTwo"),
    ("<p>a\n  b\tc</p>", "a b c"),
    ("<p>a <b> b</b> c</p>", "a b c"),
    ("<p>un<b>break</b>able</p>", "unbreakable"),
    ("a<br>b<br/>c", "a\nb\nc"),
    ("a<br><br>b", "a\n\nb"),
    ("<h1>Title</h1><p>Text</p>", "Title\n\nText"),
    ("<h2>A\n<br>title</h2>x", "A title\n\nx"),
    ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
    ("<ul><li>one<li>two</ul>after", "- one\n- two\n\nafter"),
    ("<ol><li>one<li>two</ol>", "1. one\n2. two"),
    ('<ol start="7"><li>one<li value="9">two<li>three</ol>', "7. one\n9. two\n10. three"),
    ('<ol type="a"><li>x<li>y</ol>', "a. x\nb. y"),
    ('<ol type="I"><li>x<li>y<li>z<li>w</ol>', "I. x\nII. y\nIII. z\nIV. w"),
    ("<ul><li>one<ul><li>inner<li>too</ul></li><li>two</ul>", "- one\n  - inner\n  - too\n- two"),
    ("<ul><li><p>one</p><p>more</p></li><li>two</ul>", "- one\n\nmore\n\n- two"),
    ("<ul><li></li><li>two</ul>", "- two"),
    ("<ul><li>a<li>b</ul><ol><li>c</ol>", "- a\n- b\n\n1. c"),
    ("<pre><code>if a &lt; b:\n    go()\n\n    end\n</code></pre>", "if a < b:\n    go()\n\n    end"),
    ("x<pre>\n  a\n   b  \n</pre>y", "x\n\n  a\n   b\n\ny"),
    ("<pre>a<br>b</pre>", "a\nb"),
    ("use <code>a  b</code> here", "use a b here"),
    ("&amp;&lt;&eacute;&#8211;&#x2014;&nbsp;x&hellip;", "&<é–—\u00a0x…"),
    ("AT&T &copy 2020 &unknown; &", "AT&T © 2020 &unknown; &"),
    ("syl&shy;la&shy;ble", "syllable"),
    ("<table><tr><th>a</th><th>b</th></tr><tr><td>1<td>2</table>", "a | b\n1 | 2"),
    ("<table><tr><td>a</td><td></td><td>c</td></tr></table>", "a |  | c"),
    ("<table><tr><td>a</td><td></td></tr><tr><td></td><td></td></tr></table>", "a |"),
    ("<table><tr><td><p>one</p><p>two</p></td><td>x</td></tr></table>", "one two | x"),
    ("<table><tr><td><p>one</p><p>two</p></td></tr></table>", "one\n\ntwo"),
    ("<table><caption>Cap</caption><tr><td>a<td>b</table>", "Cap\n\na | b"),
    ("<table><tr><td>a<table><tr><td>i<td>j</table></td><td>b</table>", "a i j | b"),
    ("<table>stray<tr><td>a<td>b</table>", "stray\n\na | b"),
    ("<td>cell alone</td>", "cell alone"),
    ("<script>x()</script><style>b{}</style>seen<!-- not --><?php no ?>", "seen"),
    ("<head><title>T</title></head><body>b</body>", "b"),
    ('<p>a<span hidden>no</span><span style="color:red; display: none">no</span>b</p>', "ab"),
    ("10<sup>6</sup> and x<sup>2</sup>, 10<sup>-3</sup>", "10⁶ and x², 10⁻³"),
    ("the 1<sup>st</sup> and 2<sup>e</sup>", "the 1st and 2e"),
    ("H<sub>2</sub>O, word<sup>1</sup>", "H2O, word¹"),
    ('word<sup><a href="#fn1">1</a></sup> on', "word on"),
    ('word<a href="#fn1"><sup>[1]</sup></a> on', "word on"),
    ('word<a epub:type="noteref" href="n.xhtml#1">1</a> on', "word on"),
    ('<p>a<span class="pagenum">[Pg 12]</span> b</p>', "a b"),
    ('<a href="http://x.y">link</a> text', "link text"),
    ('<img src="a.png" alt="A picture of a cat">x', "x"),
    ('<p><img src="t.png" alt="T">he house</p>', "The house"),
    ('<img class="tex" alt="x^2">', "$x^2$"),
    ("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字<rt>じ</rt></ruby>", "漢字"),
    ("<q>so</q> he said", "“so” he said"),
    ("old <del>gone</del><ins>new</ins> <s>struck</s>", "old new struck"),
    ("<blockquote><p>q</p></blockquote>a", "q\n\na"),
    ("<dl><dt>t</dt><dd>d</dd></dl>", "t\n\nd"),
    ("a<hr>b", "a\n\nb"),
    ("<div>a<div>b</div>c</div>", "a\n\nb\n\nc"),
    ("<select><option>no</select><textarea>no</textarea><button>no</button>x", "x"),
    ("<details><summary>S</summary>D</details>", "S\n\nD"),
    ('<math alttext="x^2"><mi>x</mi></math>', "$x^2$"),
    ("<math><semantics><mi>x</mi><annotation encoding='application/x-tex'>\\alpha</annotation></semantics></math>",
     "$\\alpha$"),
    ("a <math><mfrac><mi>a</mi><mi>b</mi></mfrac></math> b", "a $\\frac{a}{b}$ b"),
    ("<math display='block'><msup><mi>x</mi><mn>12</mn></msup></math>", "$$x^{12}$$"),
    ("<math><msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt></math>", "$\\sqrt{x+1}$"),
    ("<svg><text>no</text></svg>y", "y"),
    ("<p>שלום <b>עולם</b></p>", "שלום עולם"),
    ("a\u2028b", "a\u2028b"),
    ("<p>&nbsp;</p><p>x</p>", "x"),
    ("a < b and c > d", "a < b and c > d"),
    ("<p>half \ud800 pair</p>", "half ? pair"),
]  # fmt: skip


@pytest.mark.parametrize(("markup", "text"), CASES)
def test_a_fragment_becomes_this_text(markup: str, text: str) -> None:
    assert html_text(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<?xml version="1.0" encoding="UTF-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><script src="x"/>'
         '<title/></head><body><p><a id="x"/>One &nbsp;two&mdash;</p></body></html>', "One \u00a0two—"),
        ('<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://a/x.dtd"><html><body><p/><p>x</p></body></html>',
         "x"),
        ('<html><head><script src="x"/></head><body><p>not & sound<p>XML</body></html>', "not & sound\n\nXML"),
        ('<html xmlns:epub="http://www.idpf.org/2007/ops"><body>a<span epub:type="pagebreak">12</span>b</body></html>',
         "ab"),
    ],
)  # fmt: skip
def test_xhtml_is_read_as_xml_where_it_is_sound(markup: str, text: str) -> None:
    assert html_prose(markup, xhtml=True).text() == text


def test_headings_are_the_sections() -> None:
    assert html_prose("<h1>A</h1><p>x</p><h3>B <i>c</i></h3>").sections == ["A", "B c"]


@pytest.mark.parametrize(
    "tag", ["div", "b", "table", "table><tr><td", "ul><li", "sup", "math", "pre", "blockquote", "q"]
)
def test_elements_nest_without_bound(tag: str) -> None:
    assert "deep" in html_text(f"<{tag}>" * 4_000 + "deep")


def test_entities_of_a_document_type_are_not_expanded() -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]><p>&b;&f;</p>'
    for xhtml in (False, True):
        text = html_prose(laughs, xhtml).text()
        assert "haha" not in text and "root:" not in text


TAGS = """
    <p> </p> <b> </b> <ul> <li> </ul> <ol> <table> <tr> <td> </table> <pre> </pre> <br> <sup> </sup> <a_href='#x'> </a>
    <math> <mfrac> </math> <caption> <h1> </h1> <q> <!-- --> <![CDATA[ &amp; &lt; <script> </script> <svg>
"""
PIECES = [piece.replace("_", " ") for piece in TAGS.split()]
MARKUP = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=40).map("".join)


@settings(deadline=None, max_examples=300)
@given(MARKUP, st.booleans())
def test_any_markup_becomes_clean_text(markup: str, xhtml: bool) -> None:
    prose = html_prose(markup, xhtml)
    text = prose.text()
    assert text == text.strip("\n").rstrip(" ") or any(block.kind == "verbatim" for block in prose.blocks)
    assert not re.search(r"[ \t]\n|[ \t]\Z", text)
    assert "\n\n\n" not in text or any(block.kind == "verbatim" for block in prose.blocks)
    assert "\0" not in text
