"""WAT files: what they tell of the pages whose text a WET file has. Each record is JSON about a record of WARC."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.crawl.archive import Entry, entries
from hornbook.corpus.readers.crawl.doubles import siblings
from hornbook.corpus.readers.crawl.stated import facts_of, stated_in
from hornbook.corpus.readers.packed import BadRecord, Member, Place, is_url, shown
from hornbook.corpus.readers.record import Reading

Told = dict[str, dict[str, Any]]


def beside(place: Place) -> Place | None:
    """Return the WAT file that is about the pages of a WET file, None where there is none."""
    if isinstance(place, Member):
        return None
    for name in siblings(shown(place), "wat"):
        if not is_url(place) and Path(name).is_file():
            return Path(name)
        if is_url(place):
            import fsspec

            filesystem, path = fsspec.core.url_to_fs(name)
            if filesystem.exists(path):
                return name
    return None


def told_by(place: Place | None, reading: Reading) -> Told:
    """Return what a WAT file tells of each page, by the id of its record in WARC; what is damaged in it is remarked."""
    if place is None:
        reading.remark("There is no WAT file beside this WET file.", "no WAT file")
        return {}
    told: Told = {}
    for item in entries(place):
        if isinstance(item, BadRecord) or item.damage:
            message = str(item) if isinstance(item, BadRecord) else item.damage
            reading.remark(message, "damaged WAT file")
        elif item.kind == "metadata" and (facts := _facts(item)):
            told[item.header.get("warc-refers-to", "")] = facts
    return told


def _facts(entry: Entry) -> dict[str, Any]:
    """Return what a record tells of a page: title, licence, wishes, and the number of its links; {} of another."""
    try:
        response = json.loads(entry.block)["Envelope"]["Payload-Metadata"]["HTTP-Response-Metadata"]
        page = response.get("HTML-Metadata") or {}
        head = page.get("Head") or {}
        links = [item for item in page.get("Links") or () if isinstance(item, dict)]
        metas = [item for item in head.get("Metas") or () if isinstance(item, dict)]
        elements = [*metas, *({**item, "href": item.get("url", "")} for item in [*(head.get("Link") or ()), *links])]
        header = {str(name).lower(): str(value) for name, value in (response.get("Headers") or {}).items()}
        facts: dict[str, Any] = dict(facts_of(stated_in(str(head.get("Title") or ""), elements, header)))
        return facts | {"links": sum(str(item.get("path", "")).startswith("A@") for item in links)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
