"""Documents of Word (.docx, .docm, .dotx, .dotm) -> one document a file.

Read by us, from the parts inside the file: python-docx, the library that most use, leaves out what stands in content
controls, text boxes and notes, and the numbers of lists. Macros are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.facts import known
from hornbook.corpus.readers.files.html_text import decoded_markup, html_prose
from hornbook.corpus.readers.files.office.ooxml import diagram, document_facts, main_part, office_xml
from hornbook.corpus.readers.files.package import Package, Relation, opened
from hornbook.corpus.readers.files.prose import Block, tidy
from hornbook.corpus.readers.files.word.story import Story
from hornbook.corpus.readers.files.word.styles import Lists, Styles, W
from hornbook.corpus.readers.packed import BadRecord, Place
from hornbook.corpus.readers.record import Part, Reading, Record


@dataclass(frozen=True)
class Docx:
    """Read .docx files.

    notes   add footnotes and endnotes, as paragraphs at the end
    """

    notes: bool = True

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of the file."""
        with opened(place) as package:
            main = main_part(package, "word/document.xml")
            body = office_xml(package, main).find(f"{W}body")
            if body is None:
                raise BadRecord(f"{package.where} is no document of Word: it has no body.", "no document of Word")
            related = package.relations(main)

            def root(kind: str) -> Element | None:
                name = next((item.name for item in related.values() if item.kind == kind), "")
                return office_xml(package, name, optional=True) if name else None

            styles = Styles(root("styles"))
            lists = Lists(root("numbering"), styles)
            story = Story(
                styles,
                lists,
                lambda name: diagram(package, related, name),
                lambda name: _chunk(package, related, name, reading),
            )
            story.read(body)
            prose = story.prose
            if self.notes:
                notes = {"footnote": root("footnotes"), "endnote": root("endnotes")} if story.notes else {}
                for kind, number in dict.fromkeys(story.notes):
                    _note(notes[kind], number, styles, lists, story)
            text = prose.text()
            facts = document_facts(package)
            if facts.get("title") is None and prose.blocks and prose.blocks[0].kind == "heading":
                facts["title"] = prose.blocks[0].text
            yield Record(1, text, {**facts, **known(sections=prose.sections)})


def _chunk(package: Package, related: dict[str, Relation], name: str, reading: Reading) -> list[Block]:
    """Return the blocks of a page or a text that is put into the document; other formats are told."""
    part = related[name].name if name in related else ""
    kind = part.rpartition(".")[2].lower()
    if kind in ("htm", "html", "xhtml", "txt") and part in package:
        text = decoded_markup(package.read(part), f"{package.where}, part {part!a}", 0)[0]
        if kind != "txt":
            return html_prose(text).closed()
        return [Block("paragraph", tidy(piece)) for piece in text.split("\n\n") if piece.strip()]
    reading.remark(f"{package.where} has a document inside that is not read ({part!a}).", "a document inside another")
    return []


def _note(notes: Element | None, number: str, styles: Styles, lists: Lists, story: Story) -> None:
    for note in () if notes is None else notes:
        if note.get(f"{W}id") == number and note.get(f"{W}type", "normal") == "normal":
            inner = Story(styles, lists)
            inner.read(note)
            story.prose.blocks += inner.prose.closed()
            return
