"""Messages of mail -> threads: each message and the answers to it, in the order in which they were written.

Who answers whom is told by the headers References and In-Reply-To (after Zawinski, "Message threading", 1997; subjects
that are alike join nothing). Texts wait on disk; of each message about two hundred bytes are held in memory.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import IO, NamedTuple

from hornbook.corpus.readers.facts import known
from hornbook.corpus.readers.record import Record
from hornbook.corpus.readers.talk.mime import ID, Mime


class _Waiting(NamedTuple):
    """A message on disk: when it was written in seconds, its number in the file, its first byte and its length."""

    moment: float
    number: int
    start: int
    size: int


class Threads:
    """Takes messages in any order; `records` then yields the threads in the order of their first messages."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}
        self._waiting: list[tuple[int, _Waiting]] = []

    def __enter__(self) -> Threads:
        self._texts: IO[bytes] = tempfile.TemporaryFile(prefix="hornbook-")
        return self

    def __exit__(self, *_: object) -> None:
        self._texts.close()

    def add(self, number: int, mime: Mime, text: str, facts: dict[str, object]) -> None:
        """Take a message."""
        key = _key(next(iter(ID.findall(mime.header("Message-ID"))), f"{number}"))
        for other in ID.findall(f"{mime.header('References')} {mime.header('In-Reply-To')}"):
            self._parents[self._root(key)] = self._root(_key(other))
        written = json.dumps([text, facts]).encode()
        start = self._texts.seek(0, 2)
        self._texts.write(written)
        self._waiting.append((key, _Waiting(_moment(str(facts.get("date", ""))), number, start, len(written))))

    def records(self) -> Iterator[Record]:
        """Yield each thread: the facts of its first message, all authors, and how many messages it has."""
        threads: dict[int, list[_Waiting]] = {}
        for key, message in self._waiting:
            threads.setdefault(self._root(key), []).append(message)
        for messages in threads.values():
            texts: list[str] = []
            first: dict[str, object] = {}
            authors: list[str] = []
            for message in sorted(messages):
                self._texts.seek(message.start)
                text, facts = json.loads(self._texts.read(message.size))
                texts.append(text)
                first = first or facts
                authors += facts.get("authors", [])
            facts = {**first, **known(authors=list(dict.fromkeys(authors))), "messages": len(texts)}
            yield Record(messages[0].number, "\n\n".join(texts), facts)

    def _root(self, key: int) -> int:
        while (parent := self._parents.get(key, key)) != key:
            self._parents[key] = self._parents.get(parent, parent)
            key = parent
        return key


def _moment(date: str) -> float:
    """Return a date of ISO 8601 in seconds, 0 where there is none."""
    try:
        moment = datetime.fromisoformat(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=8).digest(), "big")
