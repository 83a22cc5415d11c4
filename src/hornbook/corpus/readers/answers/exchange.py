"""A dump of Stack Exchange: the rows of Posts.xml -> a document a question, with its answers.

    rows ──posts──> questions and answers ──by_key──> the same by question ──groupby──> a document a question

The join needs the whole file, so it is read as one piece; the documents are in the order of the questions' ids.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from hornbook.corpus.readers.answers.facts import (
    heading_of,
    language_of,
    license_of,
    number_of,
    site_of,
    tags_of,
)
from hornbook.corpus.readers.answers.rows import TABLES, BrokenRow, BrokenTable, rows, table_of
from hornbook.corpus.readers.answers.sorting import Keyed, by_key
from hornbook.corpus.readers.books.hypertext import TooDeep, blocks_of, joined, parse
from hornbook.corpus.readers.encodings import as_utf8
from hornbook.corpus.readers.facts import iso_date, known
from hornbook.corpus.readers.packed import BadRecord, Place, blocks, shown
from hornbook.corpus.readers.record import Part, Reading, Record
from hornbook.schema import Count, check

LONGEST = 1 << 25  # characters of a question with its answers
# What a post is, beside a question (1) and an answer (2): https://meta.stackexchange.com/questions/2677
_OTHERS = {
    "3": "tag wiki", "4": "tag wiki", "5": "tag wiki", "6": "moderator nomination", "7": "wiki placeholder",
    "8": "privilege wiki",
}  # fmt: skip


class _Post(NamedTuple):
    """A question or an answer; `body` is HTML, what is not known is empty or 0."""

    id: int
    body: str
    score: int
    date: str
    license: str
    title: str
    tags: str
    accepted: int
    closed: bool
    row: int


@dataclass(frozen=True)
class StackExchange:
    """Questions with their answers, the highest score first, equal ones by id; of Posts.xml as it is published.

    min_score    least score of questions and of answers
    answers      most answers of a document, the best; 0 = all
    unanswered   keep questions that no answer is left of
    closed       keep closed questions
    site         such as cooking.stackexchange.com; empty = as the archive or the folder is named
    """

    min_score: int = 0
    answers: Count = 0
    unanswered: bool = True
    closed: bool = True
    site: str = ""

    def __post_init__(self) -> None:
        check(self, "stack-exchange.")

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield a record a question; its number is the question's id."""
        name = shown(place)
        if (table := table_of(next(blocks(place), b"")[:4096])) and table != "posts":
            reading.pass_over(f"table of a dump without posts: {TABLES[table]}")
            return
        site = self.site or site_of(name)
        with tempfile.TemporaryFile(prefix="hornbook-") as spill:
            for question, group in itertools.groupby(by_key(self._posts(place, reading), spill), lambda row: row[0][0]):
                posts = _distinct(group, name, reading)
                if posts[0] is None:
                    reading.pass_over("answer without its question", count=len(posts) - 1)
                elif (record := self._record(question, posts[0], posts[1:], site, name, reading)) is not None:
                    yield record

    def _posts(self, place: Place, reading: Reading) -> Iterator[tuple[Keyed, int]]:
        """Yield questions and answers with what orders them (question, kind, id, row), and their size in bytes."""
        name = shown(place)
        try:
            for number, row in enumerate(rows(as_utf8(blocks(place))), start=1):
                if isinstance(row, BrokenRow):
                    reading.refuse(BadRecord(f"{name}, row {number}, cannot be read ({row}).", str(row), number))
                    continue
                kind, post = row.get("PostTypeId", ""), number_of(row, "Id")
                if not post or not kind:
                    what = "no valid Id" if not post else "no PostTypeId"
                    reading.refuse(BadRecord(f"{name}, row {number}, has {what}.", f"row with {what}", number))
                elif kind not in ("1", "2"):
                    reading.pass_over(_OTHERS.get(kind, f"post of another kind ({kind[:9]})"))
                elif row.get("DeletionDate"):
                    reading.pass_over("deleted post")
                else:
                    question = post if kind == "1" else number_of(row, "ParentId")
                    found = _post(post, row, number, name, reading)
                    yield ((question, int(kind), post, number), tuple(found)), len(found.body) + 500
        except BrokenTable as error:
            reading.refuse(BadRecord(f"{name} is not a whole table of posts ({error}). Restore it.", str(error)))
        except BadRecord as error:  # packed, and cut: what stands before the cut is read
            reading.refuse(error)

    def _record(
        self, number: int, question: _Post, given: list[_Post], site: str, name: str, reading: Reading
    ) -> Record | None:
        """Return the document of a question, None where it is left out or cannot be read."""
        left = self._left_out(question)
        good = [post for post in given if post.score >= self.min_score]
        if not left and not good and not self.unanswered:
            left = "question without answers"
        if left:
            reading.pass_over(left)
            if given:
                reading.pass_over("answer of a question that is left out", count=len(given))
            return None
        if len(good) < len(given):
            reading.pass_over("answer below min_score", count=len(given) - len(good))
        good.sort(key=lambda post: (-post.score, post.id))
        if self.answers and len(good) > self.answers:
            reading.pass_over("answer beyond the best", count=len(good) - self.answers)
            good = good[: self.answers]
        language = language_of(site)
        body = _text(question, name, reading)
        if body is None:
            return None
        texts = ((post, _text(post, name, reading)) for post in good)
        answers = [(post, text) for post, text in texts if text is not None]
        if blank := sum(not text for _, text in answers):
            reading.pass_over("answer without text", count=blank)
            answers = [(post, text) for post, text in answers if text]
        parts = [question.title, body]
        for _, text in answers:
            parts += [heading_of(language), text]
        posts = [question, *(post for post, _ in answers)]
        text = "\n\n".join(part for part in parts if part)
        return Record(number, text, self._meta(question, posts, site, language))

    def _left_out(self, question: _Post) -> str:
        """Return why a question is left out, "" where it is not."""
        if question.score < self.min_score:
            return "question below min_score"
        return "closed question" if question.closed and not self.closed else ""

    def _meta(self, question: _Post, posts: list[_Post], site: str, language: str) -> dict[str, Any]:
        """Return what is known of a document whose question and answers these are, in the order of the text."""
        licenses = list(dict.fromkeys(post.license for post in posts if post.license))
        accepted = [place for place, post in enumerate(posts) if place and post.id == question.accepted]
        return known(
            title=question.title,
            tags=tags_of(question.tags),
            date=question.date,
            score=question.score,
            answers=len(posts) - 1,
            accepted=accepted[0] if accepted else None,
            license=licenses[0] if len(licenses) == 1 else sorted(licenses),
            url=f"https://{site}/questions/{question.id}" if site else "",
            language=language,
        )


def _post(post: int, row: dict[str, str], number: int, name: str, reading: Reading) -> _Post:
    """Return a row as a post; a date or score that is none is told, and left out."""
    stated, score = row.get("CreationDate", ""), row.get("Score", "0")
    if stated and not iso_date(stated):
        message = f"{name}, row {number}, has a date that is none ({stated[:40]!a}): the post is kept without it."
        reading.remark(message, "no valid date", number)
    date = iso_date(stated)
    digits = score.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        reading.remark(f"{name}, row {number}, has a score that is none: it counts as 0.", "no valid score", number)
        score = "0"
    title, tags = " ".join(row.get("Title", "").split()), row.get("Tags", "")
    license_ = license_of(row.get("ContentLicense", ""), iso_date(row.get("LastEditDate", "")) or date)
    accepted, closed = number_of(row, "AcceptedAnswerId"), "ClosedDate" in row
    return _Post(post, row.get("Body", ""), int(score), date, license_, title, tags, accepted, closed, number)


def _distinct(group: Iterator[Keyed], name: str, reading: Reading) -> list[Any]:
    """Return the question of a group, None where it is missing, and its answers; a second one of an id is refused.

    So are answers beyond LONGEST characters in all.
    """
    found: list[Any] = [None]
    size, last = 0, (0, 0)
    for (_, kind, post, row), fields in group:
        if (kind, post) == last:
            message = f"{name}, row {row}, has the id {post}, which a row before it has: the first counts."
            reading.refuse(BadRecord(message, "id of another post", row))
            continue
        last = kind, post
        size += len(fields[1])
        if size > LONGEST:
            message = f"{name}, row {row}: with it the question is longer than {LONGEST:,} characters."
            reading.refuse(BadRecord(message, "too long a question", row))
        elif kind == 1:
            found[0] = _Post(*fields)
        else:
            found.append(_Post(*fields))
    return found


def _text(post: _Post, name: str, reading: Reading) -> str | None:
    """Return the text of a post's body, None where it cannot be read, as the reading hears."""
    try:
        return joined(blocks_of(parse(post.body)))
    except TooDeep as error:
        message = f"{name}, row {post.row} (post {post.id}), cannot be read ({error})."
        reading.refuse(BadRecord(message, str(error), post.row))
        return None
