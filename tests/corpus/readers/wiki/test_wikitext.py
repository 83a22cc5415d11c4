"""Wikitext: what a page says, letter by letter; nothing of its markup is left, and no text takes long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wikitext_cases import RESIDUE, VERBATIM, Construct, constructs

from hornbook.corpus.readers.wiki.page import Site
from hornbook.corpus.readers.wiki.text import plain_text

CONSTRUCTS = constructs()
_MARKUP = (
    "{{ }} {{{ }}} [[ ]] [ ] {| |} | || |- |+ ! !! = == === ' '' ''' ''''' * # : ; <ref> </ref> <ref/> "
    "<ref>a</ref> <!-- --> <nowiki/> __TOC__ __NOTOC__ https://a.b [https://a.b [[File: [[Category: [[de: "
    "{{nowrap| {{lang|de| {{#if: {{#switch: {{convert|1|km}} {{ubl| -{ }- -{H| <div> </div> <b> <br> <table> <tr> "
    "<td> </table> <ul> <li> </ul> <poem> </poem> <gallery> </gallery> <span </ < > & &amp; &nbsp; ( ) , . a Wort "
    '語 שלום #REDIRECT ---- <sup>2</sup> <includeonly> </noinclude> {{! {{!}} {{(!}} {{!)}} _ __ ~~~~ " / \\ $'
)
MARKUP = _MARKUP.split(" ")
TOKENS = st.sampled_from(
    [*MARKUP, " ", "\n", "\n\n", "\n ", "\t", "\n* ", "\n# ", "\n== ", " ==\n", "\n|", "\n{|", "\n|}"]
)


def test_there_are_enough_constructs_and_each_has_a_name_of_its_own() -> None:
    assert len(CONSTRUCTS) >= 250
    assert len({construct.name for construct in CONSTRUCTS}) == len(CONSTRUCTS)


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: construct.name)
def test_a_construct_is_the_text_beside_it(construct: Construct) -> None:
    assert plain_text(construct.wikitext, "Paris").text == construct.text


def test_nothing_of_markup_is_left_where_a_known_parser_leaves_some() -> None:
    parser = pytest.importorskip("mwparserfromhell")
    marked = [construct for construct in CONSTRUCTS if not VERBATIM.search(construct.wikitext)]
    ours = [construct.name for construct in marked if RESIDUE.search(plain_text(construct.wikitext, "Paris").text)]
    theirs = [
        construct.name for construct in marked if RESIDUE.search(str(parser.parse(construct.wikitext).strip_code()))
    ]
    assert ours == []
    assert len(theirs) > 20


@settings(max_examples=200, deadline=None)
@given(st.lists(TOKENS, max_size=60).map("".join))
def test_no_mix_of_marks_leaves_any(wikitext: str) -> None:
    text = plain_text(wikitext, "Paris").text
    assert not RESIDUE.search(text), text
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in text)
    assert text == text.strip("\n") and not any(line != line.rstrip() for line in text.split("\n"))


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_characters_are_read(wikitext: str) -> None:
    assert not RESIDUE.search(plain_text(wikitext.replace("&", ""), "Paris").text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["one", "two", "three", "vier", "五", "שש"]), min_size=1, max_size=30).map(" ".join))
def test_text_without_marks_stays_as_it_is(words: str) -> None:
    assert plain_text(words, "Paris").text == words


_UNITS = (
    "{{ }} [[ {{a| [[a| {{{a| <ref> <!-- <nowiki> '' -{a| [a[ <div> <ul><li> <table><tr><td> & __A [[File:a| &#9; {{{{{"
)
UNITS = _UNITS.split(" ")
NESTS = [
    "{{a|",
    "}}",
    "{{nowrap|",
    "}}",
    "[[a|",
    "]]",
    "{{{a|",
    "}}}",
    "{{a|[[b|",
    "]]}}",
    "<div>",
    "</div>",
    "<ul><li>",
    "</li></ul>",
    "<ref>",
    "</ref>",
    "-{",
    "}-",
]


@pytest.mark.parametrize(
    "unit", [*UNITS, "<ref name=a", "{|\n|", "\n|-\n|", "(\n{{a}}", "[http://a ", "\n* a", "\n== a ==\n"]
)
def test_time_is_linear_in_the_marks(unit: str) -> None:
    plain_text(unit * 10_000, "Paris")


@pytest.mark.parametrize(("opened", "closed"), [*zip(NESTS[::2], NESTS[1::2], strict=True), ("{|\n|", "\n|}")])
def test_ten_thousand_inside_each_other_do_no_harm(opened: str, closed: str) -> None:
    plain_text("Text. " + opened * 10_000 + "x" + closed * 10_000, "Paris")


def test_names_of_files_and_categories_are_those_of_the_wiki() -> None:
    german = Site("de", namespaces={6: "Datei", 14: "Kategorie"})
    page = plain_text("[[Bild:A.png|mini|B]][[Datei:C.png]]Text.[[Kategorie:Stadt|P]] [[Imagine: Lennon]]", "P", german)
    assert page.text == "Text. Imagine: Lennon"
    assert page.categories == ["Stadt"]
    norwegian = Site("nb")  # its wiki's code is no
    assert plain_text("[[Fil:A.png|x]]Text.", "P", norwegian).text == "Text."
    own = Site("en", namespaces={6: "Picture", 14: "Group", 10: "Block"})
    assert plain_text("[[Picture:A.png|x]]Text {{Block:nowrap|a}}.[[group:B]]", "P", own).text == "Text a."


def test_what_a_page_says_beside_its_words() -> None:
    page = plain_text("Lead.\n== A ==\na\n=== B ===\nb\n== Notes ==\nn\n[[Category:X]]{{disambiguation}}", "P")
    assert page.sections == ["A", "B"]
    assert page.categories == ["X"]
    assert page.disambiguation
    assert plain_text("a\n__DISAMBIG__", "P").disambiguation
    assert not plain_text("a {{disambiguation needed|date=May}}", "P").disambiguation


def test_tables_and_lists_of_links_as_one_likes() -> None:
    wikitext = "Text.\n{| class=wikitable\n| a || b\n|}\n== See also ==\n* [[Rome]]"
    assert plain_text(wikitext, "P").text == "Text.\n\na | b"
    assert plain_text(wikitext, "P", tables=False, link_lists=True).text == "Text.\n\nSee also\n\n- Rome"


def test_languages_have_their_names_where_the_wiki_is_in_english() -> None:
    assert plain_text("{{lang-fr|mot}}", "P", Site("en")).text == "French: mot"
    assert plain_text("{{lang-fr|mot}}", "P", Site("es")).text == "mot"


def test_line_ends_and_characters_of_control() -> None:
    assert plain_text("One.\r\n\r\nTwo\rthree.\x01 \x0b\x05", "P").text == "One.\n\nTwo three."


def test_names_of_all_languages_count_where_the_language_is_not_known() -> None:
    page = plain_text("[[Datei:x.jpg|mini|Bild]] [[Fichier:y.png|vignette]] Text [[Kategorie:Ding]]", "T", Site())
    assert (page.text, page.categories) == ("Text", ["Ding"])
    assert plain_text("[[Datei:x.jpg|Bild]] x", "T", Site("en")).text == "Bild x"
