"""The shapes in which texts are published: which field is the text, and where the common facts stand.

A record has a shape if it has all the fields that tell it. A field of a record keeps its name and value; a fact is
added under its common name where no field has that. The fields are those of each data set's card or files;
docs/sources/published.md has them, with the licences.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """How one family of data sets is published.

    name   of the data set
    text   the field of the text; if it holds a list of pages, they are joined by line breaks
    has    the fields that tell the shape, the text's among them
    facts  common names and the fields that hold them, such as date=timestamp; dots lead into a field
    """

    name: str
    text: str
    has: frozenset[str]
    facts: tuple[tuple[str, str], ...]


def _shape(name: str, text: str, has: str, facts: str = "") -> Shape:
    pairs = [item.partition("=") for item in facts.split()]
    return Shape(name, text, frozenset([text, *has.split()]), tuple((ours, theirs) for ours, _, theirs in pairs))


# The first that fits is taken, so that those with more fields stand first.
SHAPES: tuple[Shape, ...] = (
    _shape("The Stack", "content", "hexsha lang size ext max_stars_repo_name",
           "programming_language=lang license=max_stars_repo_licenses repository=max_stars_repo_name "
           "path=max_stars_repo_path score=max_stars_count"),
    _shape("StarCoderData", "content", "max_stars_repo_path max_stars_repo_name",
           "repository=max_stars_repo_name path=max_stars_repo_path score=max_stars_count"),
    _shape("CodeParrot", "content", "repo_name path license",
           "repository=repo_name"),
    _shape("GitHub code", "code", "repo_name path language license size",
           "programming_language=language repository=repo_name"),
    _shape("Institutional Books", "text_by_page_src", "text_by_page_gen barcode_src",
           "title=title_src authors=author_src date=date1_src language=language_src url=hathitrust_data_ext.url"),
    _shape("Gutenberg by sedthh", "TEXT", "SOURCE",
           "title=METADATA.title authors=METADATA.authors language=METADATA.language date=METADATA.issued"),
    _shape("RedPajama-V2, documents", "raw_content", "url date_download digest source_domain",
           "date=date_download domain=source_domain"),
    _shape("RedPajama-V2", "raw_content", "doc_id meta",
           "url=meta.url date=meta.date_download title=meta.title language=meta.language domain=meta.source_domain"),
    _shape("OSCAR", "content", "warc_headers metadata",
           "url=warc_headers.warc-target-uri date=warc_headers.warc-date language=metadata.identification.label"),
    _shape("OSCAR, by its loader", "text", "id meta.warc_headers",
           "url=meta.warc_headers.warc-target-uri date=meta.warc_headers.warc-date "
           "language=meta.identification.label"),
    _shape("RefinedWeb", "content", "url timestamp dump segment",
           "date=timestamp"),
    _shape("FineWeb", "text", "id dump url date file_path"),
    _shape("Dolma", "text", "id source added created",
           "domain=source date=created url=metadata.url title=metadata.title license=metadata.license"),
    _shape("RedPajama-1T", "text", "meta red_pajama_subset",
           "domain=red_pajama_subset url=meta.url date=meta.timestamp language=meta.language title=meta.title"),
    _shape("The Pile", "text", "meta.pile_set_name", "domain=meta.pile_set_name"),
    _shape("SlimPajama", "text", "meta.redpajama_set_name", "domain=meta.redpajama_set_name"),
    _shape("CulturaX", "text", "timestamp url source", "date=timestamp"),
    _shape("C4", "text", "timestamp url", "date=timestamp"),
    _shape("DCLM", "text", "url metadata warcinfo",
           "date=metadata.WARC-Date language=metadata.WARC-Identified-Content-Language"),
    _shape("Common Corpus", "text", "identifier collection open_type creator", "domain=collection authors=creator"),
    _shape("RedPajama-1T, a subset", "text", "meta.url",
           "url=meta.url date=meta.timestamp language=meta.language title=meta.title"),
)  # fmt: skip


@functools.lru_cache(4_096)
def shape_of(names: frozenset[str]) -> Shape | None:
    """Return the shape of records with these fields, those inside fields written with dots; None of unknown ones."""
    return next((shape for shape in SHAPES if shape.has <= names), None)


# Fields whose inner fields tell a shape.
OPENED = frozenset(name.partition(".")[0] for shape in SHAPES for name in shape.has if "." in name)
