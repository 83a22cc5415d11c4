"""Chats -> a document for each conversation, for files in which a conversation is not one record.

    a record a message  joined by the field of the conversation; of a tree of answers (OpenAssistant) the best path
    Discord             what DiscordChatExporter writes as JSON: one channel a file
    Telegram            what its Desktop exports as JSON: one chat a file
    Slack               a day of a channel a file: an array of messages
    one record each     as everywhere (turns.py), here with labels of your own

A file of one message a record has a field `text` often, so a recipe names this reader for it: kind = "chats".
"""

from __future__ import annotations

import html
import json
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.fields.choose import kept
from hornbook.corpus.readers.jsons import objects
from hornbook.corpus.readers.packed import BadRecord, Place, ending, shown
from hornbook.corpus.readers.record import Part, Reading, Record, text_record
from hornbook.corpus.readers.talk.turns import Labels, Turn, conversation, message_turn

_CONVERSATIONS = ("message_tree_id", "conversation_id", "conversation_hash", "conv_id", "thread_id", "chat_id",
                  "dialog_id", "dialogue_id", "session_id", "channel_id")  # fmt: skip
_IDS, _PARENTS = ("message_id", "id"), ("parent_id", "parent", "reply_to")
_MENTION = re.compile(r"<([@#!])([^<>|]*)(?:\|([^<>]*))?>")
_LINK = re.compile(r"<((?:https?|mailto):[^<>|]*)(?:\|([^<>]*))?>")
_TELEGRAM = re.compile(
    rb'\s*\{(?:\s*"name"\s*:\s*(?:null|"(?:[^"\\]|\\.){0,500}")\s*,)?\s*"type"\s*:\s*'
    rb'"(?:personal|bot|saved_messages|(?:private|public)_(?:group|supergroup|channel))[a-z_]*"\s*,\s*"id"'
)
_MOST = 100_000  # messages of one conversation


def is_export(start: bytes) -> bool:
    """Say whether a file begins as a channel that DiscordChatExporter wrote, or a chat that Telegram did."""
    is_discord = bool(re.match(rb'\s*\{\s*"guild"\s*:\s*\{', start)) and b'"channel"' in start
    return is_discord or bool(_TELEGRAM.match(start))


@dataclass(frozen=True)
class Chats:
    """Read chats, a document for each conversation.

    system      what stands before the words of a system; speakers of other roles have their name there
    user        what stands before the words of a user
    assistant   what stands before the words of an assistant
    tool        what stands before what a tool gives back
    between     what stands between two turns
    names       write people's names; else they are Speaker 1, Speaker 2, in the order in which they speak
    """

    system: str = Labels.system
    user: str = Labels.user
    assistant: str = Labels.assistant
    tool: str = Labels.tool
    between: str = Labels.between
    names: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the conversations."""
        values = _values(place, reading)
        found = next(values, None)
        if found is None:
            return
        first = found[1]
        if isinstance(first, Mapping) and {"guild", "channel", "messages"} <= first.keys():
            yield self._discord(first, shown(place))
        elif isinstance(first, Mapping) and {"type", "id", "messages"} <= first.keys():
            yield self._telegram(first)
        elif isinstance(first, Mapping) and {"type", "ts"} <= first.keys():
            yield from self._slack([first, *(value for _, value in values)])
        elif isinstance(first, Mapping) and _key(first) is not None and message_turn(first):
            yield from self._joined(found, values, place, reading)
        else:
            for number, value in _chained(found, values):
                if (record := self._one(number, value, place, reading)) is not None:
                    yield record

    def _labels(self) -> Labels:
        return Labels(self.system, self.user, self.assistant, self.tool, self.between)

    def _one(self, number: int, value: Any, place: Place, reading: Reading) -> Record | None:
        made = conversation(value, self._labels()) if isinstance(value, dict) else None
        if made is not None:
            return Record(number, made[0].encode("utf-8", "replace").decode(), kept(made[1], reading.fields))
        try:
            return text_record(number, value, f"{shown(place)}, record {number}", reading.field, reading.fields)
        except BadRecord as error:
            reading.refuse(error)
            return None

    def _people(self, turns: list[Turn]) -> str:
        """Return the text of what people say to each other."""
        numbers: dict[str, int] = {}
        lines = []
        for name, words in turns:
            if words.strip():
                number = numbers.setdefault(name, len(numbers) + 1)
                lines.append(f"{name if self.names else f'Speaker {number}'}: {words.strip()}")
        return self.between.join(lines)

    def _discord(self, value: Mapping[str, Any], where: str) -> Record:
        turns: list[Turn] = []
        dates = []
        messages = value["messages"]
        for item in messages if isinstance(messages, list) else []:
            author = item.get("author") if isinstance(item, Mapping) else None
            if isinstance(author, Mapping) and item.get("type") in ("Default", "Reply") and not author.get("isBot"):
                turns.append((str(author.get("nickname") or author.get("name") or ""), str(item.get("content") or "")))
                dates.append(str(item.get("timestamp", "")))
        channel = value["channel"]
        title = str(channel.get("name", "")) if isinstance(channel, Mapping) else ""
        facts = {name: fact for name, fact in (("title", title), ("date", dates[0] if dates else "")) if fact}
        return Record(1, self._people(turns), facts)

    def _telegram(self, value: Mapping[str, Any]) -> Record:
        items = value["messages"] if isinstance(value["messages"], list) else []
        said = [item for item in items if isinstance(item, Mapping) and item.get("type") == "message"]
        turns = [(str(item.get("from") or ""), _telegram_text(item.get("text"))) for item in said]
        dates = [str(item.get("date", "")) for item in said]
        facts = {name: fact for name, fact in (("title", value.get("name")), ("date", next(iter(dates), ""))) if fact}
        return Record(1, self._people(turns), facts)

    def _slack(self, values: list[Any]) -> Iterator[Record]:
        turns: list[Turn] = []
        for item in values:
            if not isinstance(item, Mapping) or item.get("type") != "message" or item.get("subtype") not in _SAID:
                continue
            profile = item.get("user_profile")
            name = profile.get("display_name") or profile.get("real_name") if isinstance(profile, Mapping) else ""
            turns.append((str(name or item.get("user") or ""), _slack_text(str(item.get("text") or ""))))
        if any(words.strip() for _, words in turns):
            yield Record(1, self._people(turns), {})

    def _joined(
        self, found: tuple[int, Any], values: Iterator[tuple[int, Any]], place: Place, reading: Reading
    ) -> Iterator[Record]:
        """Join messages to conversations; they wait in a database on disk, in whatever order they come."""
        with tempfile.TemporaryDirectory(prefix="hornbook-") as folder:
            store = sqlite3.connect(Path(folder, "messages"), isolation_level=None)
            try:
                store.execute("PRAGMA journal_mode=OFF")
                store.execute("PRAGMA synchronous=OFF")
                store.execute("CREATE TABLE messages (number INTEGER, conversation TEXT, value TEXT)")
                store.execute("BEGIN")
                for number, value in _chained(found, values):
                    key = _key(value) if isinstance(value, Mapping) else None
                    if key is None or message_turn(value) is None:
                        message = f"{shown(place)}, record {number}, is no message of a conversation."
                        reading.refuse(BadRecord(message, "no message of a conversation", number))
                        continue
                    store.execute(
                        "INSERT INTO messages VALUES (?, ?, ?)", (number, key, json.dumps(value, default=str))
                    )
                store.execute("CREATE INDEX by_conversation ON messages (conversation, number)")
                keys = store.execute(
                    "SELECT conversation, MIN(number) AS first FROM messages GROUP BY conversation ORDER BY first"
                )
                for key, first in keys:
                    rows = store.execute(
                        "SELECT value FROM messages WHERE conversation = ? ORDER BY number LIMIT ?", (key, _MOST)
                    )
                    yield self._conversation(first, [json.loads(row[0]) for row in rows], reading)
            finally:
                store.close()

    def _conversation(self, number: int, messages: list[dict[str, Any]], reading: Reading) -> Record:
        messages = [item for item in messages if not item.get("deleted")] or messages
        turns = [turn for item in _path(messages) if (turn := message_turn(item))]
        root = messages[0]
        own = {*_IDS, *_PARENTS, "role", "content", "text", "value", "from", "speaker", "author", "message", "rank"}
        facts = {name: held for name, held in root.items() if name not in own}
        if isinstance(root.get("lang"), str) and "language" not in root:
            facts["language"] = root["lang"]
        facts["messages"] = len(turns)
        text = self._labels().text(turns).encode("utf-8", "replace").decode()
        return Record(number, text, kept(facts, reading.fields))


_SAID = (None, "", "thread_broadcast", "me_message", "file_share")


def _chained(first: tuple[int, Any], rest: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    yield first
    yield from rest


def _values(place: Place, reading: Reading) -> Iterator[tuple[int, Any]]:
    """Yield the number and the value of each record of JSON, JSON lines or parquet."""
    if ending(place) != ".parquet":
        yield from objects(place, reading)
        return
    from hornbook.corpus.readers.columns import rows

    yield from enumerate(rows(place), start=1)


def _key(value: Mapping[str, Any]) -> str | None:
    """Return the conversation that a message is of."""
    for name in _CONVERSATIONS:
        if isinstance(found := value.get(name), str | int):
            return f"{found}"
    return None


def _path(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages in their order; of a tree of answers the best ones: by rank, then by their place."""

    def first(item: Mapping[str, Any], names: tuple[str, ...]) -> Any:
        return next((item[name] for name in names if item.get(name) is not None), None)

    ids = {first(item, _IDS) for item in messages}
    if not any(first(item, _PARENTS) in ids for item in messages if first(item, _PARENTS) is not None):
        return messages
    answers: dict[Any, list[tuple[float, int]]] = {}
    for place, item in enumerate(messages):
        parent = first(item, _PARENTS)
        rank = item.get("rank")
        answers.setdefault(parent if parent in ids else None, []).append(
            (float(rank) if isinstance(rank, int | float) else float("inf"), place)
        )
    path: list[dict[str, Any]] = []
    at: Any = None
    while at in answers and len(path) < len(messages):
        path.append(messages[min(answers[at])[1]])
        at = first(path[-1], _IDS)
        if at is None:
            break
    return path


def _telegram_text(text: Any) -> str:
    """Return a message of Telegram: a text, or its pieces, of which those with a form are objects."""
    pieces = text if isinstance(text, list) else [text]
    held = (piece.get("text") if isinstance(piece, Mapping) else piece for piece in pieces)
    return "".join(piece for piece in held if isinstance(piece, str))


def _slack_text(text: str) -> str:
    """Return a message of Slack without its marks for people, channels and links."""
    text = _LINK.sub(lambda found: found[2] or found[1].removeprefix("mailto:"), text)
    text = _MENTION.sub(
        lambda found: ("#" if found[1] == "#" else "@") + (found[3] or found[2].partition("^")[0]), text
    )
    return html.unescape(text)
