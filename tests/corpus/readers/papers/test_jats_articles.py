"""JATS: articles of journals and of PubMed Central, and the abstracts of PubMed."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from arxiv_tars import packed, tar_of

from hornbook.corpus.readers.formats import format_of, records
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.papers.jats import Jats
from hornbook.corpus.readers.papers.pubmed import PubMed
from hornbook.corpus.readers.record import WHOLE, Reading, Record

HEAD = """<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Archiving and Interchange DTD v1.2//EN" "a.dtd">
<article xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mml="http://www.w3.org/1998/Math/MathML"
 xmlns:ali="http://www.niso.org/schemas/ali/1.0/" article-type="research-article" xml:lang="EN">
"""
FRONT = """<front><journal-meta><journal-title-group><journal-title>Journal of Things</journal-title>
</journal-title-group></journal-meta><article-meta><article-id pub-id-type="pmid">23</article-id>
<article-id pub-id-type="pmc">3585041</article-id><article-id pub-id-type="doi">10.1/x</article-id>
<title-group><article-title>On <italic>things</italic>&#160;and H<sub>2</sub>O</article-title></title-group>
<contrib-group><contrib contrib-type="author"><name><surname>Curie</surname><given-names>Marie</given-names></name>
<xref ref-type="aff" rid="a1">1</xref></contrib><contrib contrib-type="author"><collab>The Group</collab></contrib>
<contrib contrib-type="editor"><name><surname>No</surname><given-names>One</given-names></name></contrib>
</contrib-group><pub-date pub-type="collection"><year>2013</year></pub-date>
<pub-date pub-type="epub"><day>8</day><month>2</month><year>2013</year></pub-date>
<permissions><license><ali:license_ref>https://creativecommons.org/licenses/by/4.0/</ali:license_ref>
<license-p>Free.</license-p></license></permissions>
<abstract><sec><title>Background</title><p>Why.</p></sec><sec><title>Results</title><p>What.</p></sec></abstract>
<abstract abstract-type="graphical"><p>A picture.</p></abstract>
<kwd-group><kwd>things</kwd><kwd>water</kwd></kwd-group></article-meta></front>
"""
BODY = """<body><sec><title>Introduction</title><p>As shown [<xref ref-type="bibr" rid="b1">1</xref>,
<xref ref-type="bibr" rid="b2">2</xref>-<xref ref-type="bibr" rid="b3">3</xref>] and before<sup><xref ref-type="bibr"
 rid="b1">1</xref>,<xref ref-type="bibr" rid="b2">2</xref></sup>, see <xref ref-type="fig" rid="f1">Fig. 1</xref>; Smith
(<xref ref-type="bibr" rid="b1">2001</xref>) and others (<xref ref-type="bibr" rid="b4">Jones, 2002</xref>; <xref
 ref-type="bibr" rid="b5">Wu et al., 2003</xref>) and <xref ref-type="bibr" rid="b4">Jones (2002)</xref>.</p>
<p>About 10<sup>6</sup> of 1<sup>st</sup> order:<disp-formula id="e1"><label>(1)</label><alternatives><tex-math>
\\documentclass{minimal}\\begin{document}$$E = mc^2$$\\end{document}</tex-math><mml:math><mml:mi>E</mml:mi></mml:math>
</alternatives></disp-formula>with <inline-formula><mml:math alttext="x_1"><mml:mi>x</mml:mi></mml:math>
</inline-formula>
and <inline-formula><mml:math><mml:mi>y</mml:mi><mml:mo>=</mml:mo><mml:mn>2</mml:mn></mml:math></inline-formula>.
<list list-type="bullet"><list-item><p>one</p></list-item><list-item><p>two</p><list list-type="order"><list-item>
<p>deep</p></list-item></list></list-item></list>After.</p>
<sec><title>Methods</title><fig id="f1"><label>Figure 1</label><caption><title>A thing.</title><p>Seen.</p></caption>
<graphic xlink:href="a.jpg"/></fig><table-wrap><label>Table 1</label><caption><p>Counts.</p></caption><table><thead><tr>
<th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td/></tr><tr><td>2</td><td>3<break/>4</td></tr></tbody></table>
<table-wrap-foot><p>Note.</p></table-wrap-foot></table-wrap><disp-quote><p>Said.</p></disp-quote>
<def-list><def-item><term>T</term><def><p>meaning</p></def></def-item></def-list><code>if x:
    y  # z</code></sec></sec></body>
<back><ack><p>Thanks.</p></ack><ref-list><title>References</title><ref id="b1"><mixed-citation>A book.</mixed-citation>
</ref></ref-list><app-group><app><title>Appendix</title><p>More.</p></app></app-group><fn-group><fn><p>n</p></fn></fn-group>
</back></article>"""
TEXT = """On things\u00a0and H2O

Abstract

Background

Why.

Results

What.

Introduction

As shown and before, see Fig. 1; Smith and others and Jones (2002).

About 10⁶ of 1st order:
$$E = mc^2$$
with $x_1$ and $y=2$.

- one
- two
  1. deep

After.

Methods

Figure 1: A thing. Seen.

Table 1: Counts.

a | b
1 |
2 | 3 4

Note.

Said.

- T: meaning

if x:
    y  # z

Acknowledgments

Thanks.

Appendix

More."""


def read(path: Path) -> tuple[list[Record], list[str], list[str]]:
    bad: list[BadRecord] = []
    passed: list[str] = []
    reading = Reading("text", bad.append, lambda reason, count: passed.append(reason))
    found = list(records(path, reading))
    return found, passed, [error.reason for error in bad]


@pytest.mark.parametrize("name", ["a.nxml", "a.xml", "a.xml.gz"])
def test_an_article_becomes_text_with_its_facts(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = (HEAD + FRONT + BODY).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert format_of(path).kind == "jats"
    (record,), passed, bad = read(path)
    assert record.text == TEXT
    assert dict(record.meta) == {
        "title": "On things\u00a0and H2O", "authors": ["Marie Curie", "The Group"], "date": "2013-02-08",
        "language": "en", "license": "CC-BY-4.0", "url": "https://pmc.ncbi.nlm.nih.gov/articles/PMC3585041/",
        "tags": ["things", "water"], "journal": "Journal of Things", "doi": "10.1/x", "pmcid": "PMC3585041",
        "pmid": "23", "sections": ["Introduction", "Methods", "Acknowledgments", "Appendix"],
    }  # fmt: skip
    assert passed == bad == []


def test_a_package_of_pubmed_central_is_its_articles(tmp_path: Path) -> None:
    path = tmp_path / "oa_comm_xml.PMC000xxxxxx.baseline.2023-12-18.tar.gz"
    article = HEAD + "<front><article-meta/></front><body><p>Short.</p></body></article>"
    path.write_bytes(
        packed(tar_of({"PMC000xxxxxx/PMC13900.xml": HEAD + FRONT + BODY, "PMC000xxxxxx/PMC2.xml": article}))
    )
    found, _, bad = read(path)
    assert [record.text for record in found] == [TEXT, "Short."]
    assert bad == []


def test_captions_of_figures_may_go(tmp_path: Path) -> None:
    path = tmp_path / "a.nxml"
    path.write_text(HEAD + FRONT + BODY)
    (record,) = Jats(captions=False)(path, Reading(), WHOLE)
    assert record.text == TEXT.replace("Figure 1: A thing. Seen.\n\n", "")


@pytest.mark.parametrize(
    ("license", "told"),
    [
        ('<license xlink:href="http://creativecommons.org/licenses/by-nc-nd/3.0/"/>', "CC-BY-NC-ND-3.0"),
        ('<license><p>Under <ext-link xlink:href="https://creativecommons.org/publicdomain/zero/1.0/">CC0</ext-link></p>'
         "</license>", "CC0-1.0"),
        ('<license license-type="open-access"><license-p>Some words of  their own.</license-p></license>',
         "Some words of their own."),
    ],
)  # fmt: skip
def test_licences_get_their_names(tmp_path: Path, license: str, told: str) -> None:
    path = tmp_path / "a.nxml"
    front = f"<front><article-meta><permissions>{license}</permissions></article-meta></front>"
    path.write_text(f"{HEAD}{front}<body><p>x</p></body></article>")
    assert read(path)[0][0].meta["license"] == told


def test_docbook_is_no_article_of_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text('<article xmlns="http://docbook.org/ns/docbook"><para>x</para></article>')
    assert format_of(path).kind == "text"


def test_hostile_articles_are_refused_or_read_in_bounds(tmp_path: Path) -> None:
    path = tmp_path / "a.nxml"
    laughs = '<!DOCTYPE article [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><article><front/><p>&b;</p></article>'
    path.write_text(laughs)
    assert read(path)[2] == ["XML that declares entities"]
    outside = '<!DOCTYPE article [<!ENTITY a SYSTEM "file:///etc/passwd">]><article><front/>&a;</article>'
    path.write_text(outside)
    assert read(path)[2] == ["XML that declares entities"]
    path.write_text(
        HEAD
        + "<front><article-meta/></front><body>"
        + "<sec>" * 500
        + "<p>Deep.</p>"
        + "</sec>" * 500
        + "</body></article>"
    )
    assert [record.text for record in read(path)[0]] == ["Deep."]
    path.write_text(
        HEAD
        + "<front><article-meta/></front><body><p>"
        + "<bold>" * 900
        + "x"
        + "</bold>" * 900
        + "</p></body></article>"
    )
    assert [record.text for record in read(path)[0]] == ["x"]
    path.write_text(HEAD + "<front><article-meta/></front><body><p>cut")
    assert read(path)[2] == ["not sound XML"]


PUBMED = """<?xml version="1.0"?><!DOCTYPE PubmedArticleSet SYSTEM "pubmed.dtd"><PubmedArticleSet>
<PubmedArticle><MedlineCitation><PMID Version="1">7</PMID><Article><Journal><JournalIssue><PubDate><Year>2019</Year>
<Month>Feb</Month></PubDate></JournalIssue><Title>Acta</Title></Journal><ArticleTitle>A <i>title</i>.</ArticleTitle>
<Abstract><AbstractText Label="AIM">To see.</AbstractText><AbstractText Label="RESULTS">Seen &lt; 5.</AbstractText>
</Abstract><AuthorList><Author><LastName>Doe</LastName><ForeName>Jane</ForeName></Author><Author>
<CollectiveName>All</CollectiveName></Author></AuthorList><Language>eng</Language></Article><KeywordList><Keyword>k</Keyword></KeywordList></MedlineCitation>
<PubmedData><ArticleIdList><ArticleId IdType="doi">10.1/y</ArticleId></ArticleIdList></PubmedData></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>8</PMID><Article><ArticleTitle>Alone.</ArticleTitle></Article></MedlineCitation>
</PubmedArticle></PubmedArticleSet>"""


def test_pubmed_is_titles_and_abstracts(tmp_path: Path) -> None:
    path = tmp_path / "pubmed24n0001.xml.gz"
    path.write_bytes(gzip.compress(PUBMED.encode()))
    assert format_of(path).kind == "pubmed"
    (record,), passed, bad = read(path)
    assert record.text == "A title.\n\nAIM: To see.\n\nRESULTS: Seen < 5."
    assert dict(record.meta) == {
        "title": "A title.", "authors": ["Jane Doe", "All"], "date": "2019-02", "language": "en",
        "url": "https://pubmed.ncbi.nlm.nih.gov/7/", "tags": ["k"], "journal": "Acta", "doi": "10.1/y", "pmid": "7",
    }  # fmt: skip
    assert (passed, bad) == (["no abstract"], [])
    kept = list(PubMed(without_abstract=True)(path, Reading(), WHOLE))
    assert [(item.number, item.text) for item in kept] == [(1, record.text), (2, "Alone.")]


def article(body: str, front: str = "", behind: str = "") -> str:
    return f"{HEAD}<front><article-meta>{front}</article-meta></front><body>{body}</body>{behind}</article>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "<p>Of <inline-formula><mml:math><mml:mfrac><mml:mn>1</mml:mn><mml:mn>2</mml:mn></mml:mfrac><mml:msup>"
            "<mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math></inline-formula>.</p>",
            "Of $\\frac{1}{2}x^2$.",
        ),
        ("<disp-quote><p>Words.</p><attrib>A. Person</attrib></disp-quote>", "Words.\n\nA. Person"),
        ("<speech><speaker>Bob</speaker><p>Hi.</p></speech>", "Bob\n\nHi."),
        ("<boxed-text><caption><title>Box 1</title></caption><p>In it.</p></boxed-text>", "Box 1\n\nIn it."),
        ("<p>10&nbsp;&mu;m &mdash; &eacute;t&eacute; &le; &alpha;</p>", "10\xa0\u03bcm — été ≤ α"),
    ],
)
def test_what_a_body_holds_is_kept(body: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.nxml"
    path.write_text(article(body))
    (record,) = Jats()(path, Reading(), WHOLE)
    assert record.text == text


def test_an_entity_that_no_public_dtd_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nxml"
    path.write_text(article("<p>&bogus;</p>"))
    with pytest.raises(BadRecord, match="not sound XML"):
        list(Jats()(path, Reading(), WHOLE))


def test_summaries_in_plain_language_are_kept_and_articles_within_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.nxml"
    summary = '<abstract abstract-type="plain-language-summary"><title>In short</title><p>So.</p></abstract>'
    path.write_text(article("<p>x</p>", summary, "<sub-article><body><p>Review.</p></body></sub-article><response/>"))
    passed: list[tuple[str, int]] = []
    reading = Reading(passed=lambda reason, count: passed.append((reason, count)))
    (record,) = Jats()(path, reading, WHOLE)
    assert record.text == "In short\n\nSo.\n\nx"
    assert passed == [("article within another, such as a review or a translation", 2)]
