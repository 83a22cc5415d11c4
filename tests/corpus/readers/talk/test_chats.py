"""Conversations of all shapes, letter by letter."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_files import never_crashes, one, tolerant
from pyarrow import parquet

from hornbook.corpus.readers.formats import records
from hornbook.corpus.readers.record import Reading
from hornbook.corpus.readers.talk.chat_logs import ChatLog, is_irc, is_whatsapp
from hornbook.corpus.readers.talk.chats import Chats


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


CALL = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rom"}'}}
RECORDS = [
    ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]},
     "User: Hi\n\nAssistant: Hello!"),
    ({"conversations": [{"from": "system", "value": "Be kind."}, {"from": "human", "value": " Hi\n"}]},
     "System: Be kind.\n\nUser: Hi"),
    ({"messages": [message("user", "Hi"), message("assistant", "Hello!")]}, "User: Hi\n\nAssistant: Hello!"),
    ({"messages": [message("developer", "x"), message("user", "two\n\nparagraphs")]},
     "System: x\n\nUser: two\n\nparagraphs"),
    ({"messages": [message("user", [{"type": "text", "text": "What is"}, {"type": "image_url",
     "image_url": {"url": "http://x"}},
                                    {"type": "text", "text": "this?"}])]}, "User: What is\nthis?"),
    ({"messages": [message("user", "Weather?"), message("assistant", None, tool_calls=[CALL]), message("tool",
     "sunny")]},
     'User: Weather?\n\nAssistant: weather({"city": "Rom"})\n\nTool: sunny'),
    ({"messages": [message("assistant", "", function_call={"name": "f",
     "arguments": {"a": "ü"}})]}, 'Assistant: f({"a": "ü"})'),
    ({"messages": [message("user", ""), message("assistant", "x")]}, "Assistant: x"),
    ({"messages": [message("Ann", "Hi"), message("Bob", "Yo")]}, "Ann: Hi\n\nBob: Yo"),
    ({"conversation": [message("user", "a"), message("assistant", "b")]}, "User: a\n\nAssistant: b"),
    ({"dialog": ["a", "b", "c"]}, "User: a\n\nAssistant: b\n\nUser: c"),
    ({"instruction": "Add.", "input": "1 2", "output": "3"}, "User: Add.\n\n1 2\n\nAssistant: 3"),
    ({"instruction": "Add.", "input": "", "output": "3"}, "User: Add.\n\nAssistant: 3"),
    ({"instruction": "Next.", "input": "", "output": "c", "history": [["a", "b"]], "system": "S"},
     "System: S\n\nUser: a\n\nAssistant: b\n\nUser: Next.\n\nAssistant: c"),
    ({"instruction": "Who?", "context": "Ann was.", "response": "Ann"}, "User: Who?\n\nAnn was.\n\nAssistant: Ann"),
    ({"system_prompt": "S", "question": "Q", "response": "A"}, "System: S\n\nUser: Q\n\nAssistant: A"),
    ({"prompt": "P", "completion": "C"}, "User: P\n\nAssistant: C"),
    ({"question": "Q", "answer": "A"}, "User: Q\n\nAssistant: A"),
    ({"query": "Q", "response": "A", "history": [["a", "b"]]}, "User: a\n\nAssistant: b\n\nUser: Q\n\nAssistant: A"),
    ({"problem": "P", "solution": "S"}, "User: P\n\nAssistant: S"),
    ({"input": "Q", "output": "A"}, "User: Q\n\nAssistant: A"),
    ({"inputs": "Q", "targets": "A"}, "User: Q\n\nAssistant: A"),
    ({"prompt": [message("user", "P")], "completion": [message("assistant", "C")]}, "User: P\n\nAssistant: C"),
    ({"prompt": "P", "chosen": [message("user", "P"), message("assistant", "C")]}, "User: P\n\nAssistant: C"),
    ({"prompt": "P", "chosen": "C"}, "User: P\n\nAssistant: C"),
    ({"chosen": "\n\nHuman: Hi\n\nAssistant: Yo"}, "Human: Hi\n\nAssistant: Yo"),
    ({"data": ["Hi", "Yo"]}, "User: Hi\n\nAssistant: Yo"),
    ({"dialogue": "Ann: Hi\r\nBob: Yo"}, "Ann: Hi\nBob: Yo"),
    ({"messages": json.dumps([message("user", "Hi")])}, "User: Hi"),
    ({"system": "Be kind.", "conversations": [{"from": "human", "value": "Hi"}]}, "System: Be kind.\n\nUser: Hi"),
    ({"conversation": [{"human": "Hi", "assistant": "Yo"}]}, "User: Hi\n\nAssistant: Yo"),
    ({"messages": [message("user", "Hot?"), message("assistant", [{"type": "text", "text": "I look."}, {"type":
     "tool_use", "id": "t", "name": "weather", "input": {"city": "Rom"}}]), message("user", [{"type": "tool_result",
     "tool_use_id": "t", "content": [{"type": "text", "text": "sunny"}]}])]},
     'User: Hot?\n\nAssistant: I look.\nweather({"city": "Rom"})\n\nTool: sunny'),
    ({"systemInstruction": {"parts": [{"text": "S"}]}, "contents": [{"role": "user", "parts": [{"text": "Hi"}]},
     {"role": "model", "parts": [{"text": "Yo"}]}]}, "System: S\n\nUser: Hi\n\nAssistant: Yo"),
    ({"chat_messages": [{"sender": "human", "text": "Hi"}, {"sender": "assistant", "text": "Yo"}]},
     "User: Hi\n\nAssistant: Yo"),
    ({"current_node": "c", "mapping": {
        "r": {"id": "r", "message": None, "parent": None},
        "a": {"message": {"author": {"role": "user"}, "content": {"parts": ["Hi"]}}, "parent": "r"},
        "b": {"message": {"author": {"role": "assistant"}, "content": {"parts": ["an older answer"]}}, "parent": "a"},
        "c": {"message": {"author": {"role": "assistant"}, "content": {"parts": ["Yo"]}}, "parent": "a"}}},
     "User: Hi\n\nAssistant: Yo"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "text"), RECORDS)
@pytest.mark.parametrize("ending", ["jsonl", "json"])
def test_a_record_that_is_a_conversation(tmp_path: Path, record: dict[str, Any], text: str, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    written = {"id": 7, **record, "source": "x"}
    path.write_text(json.dumps(written) + "\n" if ending == "jsonl" else json.dumps([written], indent=1))
    assert list(records(path)) == [(1, text, {"id": 7, "source": "x"}, "")]


def test_a_chat_of_telegram(tmp_path: Path) -> None:
    said = [{"id": 1, "type": "message", "date": "2023-01-01T10:00:00", "from": "Ann", "text": "Hi"},
            {"id": 2, "type": "service", "actor": "Ann", "action": "pin_message"},
            {"id": 3, "type": "message", "from": "Bob",
             "text": ["see ", {"type": "link", "text": "x.org"}, " now"]}]  # fmt: skip
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"name": "Ann", "type": "personal_chat", "id": 7, "messages": said}, indent=1))
    text = "Speaker 1: Hi\n\nSpeaker 2: see x.org now"
    assert list(records(path)) == [(1, text, {"title": "Ann", "date": "2023-01-01T10:00:00"}, "")]


def test_a_field_text_goes_before_a_conversation(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"messages": [message("user", "Hi")], "text": "as it stands"}) + "\n")
    assert [record.text for record in records(path)] == ["as it stands"]
    path.write_text(json.dumps({"messages": [message("user", "Hi")], "content": "by name"}) + "\n")
    assert [record.text for record in records(path, Reading("content"))] == ["by name"]


@pytest.mark.parametrize(
    "value",
    [
        {"messages": "no list"},
        {"messages": [1]},
        {"messages": None},
        {"prompt": 1, "completion": 2},
        {"data": "x"},
        {"data": [1]},
    ],
)
def test_what_is_no_conversation_has_no_text(tmp_path: Path, value: dict[str, Any]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(value) + "\n")
    bad: list[Any] = []
    assert list(records(tmp_path / "a.jsonl", Reading(bad=bad.append))) == []
    assert [error.reason for error in bad] == ['no field "text"']


def test_conversations_in_parquet(tmp_path: Path) -> None:
    rows = [{"messages": [message("user", f"q{n}"), message("assistant", "a")], "n": n} for n in range(3)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    text = [f"User: q{n}\n\nAssistant: a" for n in range(3)]
    bad: list[Any] = []
    found = list(records(tmp_path / "a.parquet", Reading(bad=bad.append)))
    assert ([record.text for record in found], [record.meta for record in found]) == (
        text,
        [{"n": n} for n in range(3)],
    )
    labels = Chats(user="<|user|>\n", assistant="<|assistant|>\n", between="\n")
    assert one(labels, _single(tmp_path)).text == "<|user|>\nq0\n<|assistant|>\na"


def _single(folder: Path) -> Path:
    rows = [{"messages": [message("user", "q0"), message("assistant", "a")]}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "b.parquet")
    return folder / "b.parquet"


def test_labels_of_your_own(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(record) for record, _ in RECORDS[:2]) + "\nbroken\n")
    reader = Chats(system="### ", user="Q: ", assistant="A: ", between="\n")
    found, bad, _ = tolerant(reader, path)
    assert [record.text for record in found] == ["Q: Hi\nA: Hello!", "### Be kind.\nQ: Hi"]
    assert [(error.reason, error.line) for error in bad] == [("not valid JSON", 3)]


def test_messages_are_joined_in_whatever_order_conversations_come(tmp_path: Path) -> None:
    lines = [json.dumps({"conversation_id": f"c{n % 3}", "role": ("user", "assistant")[n // 3 % 2], "text": f"m{n}",
     "lang": "en"})
             for n in range(12)]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    found, bad, _ = tolerant(Chats(), tmp_path / "a.jsonl")
    assert [record.number for record in found] == [1, 2, 3]
    assert found[1].text == "User: m1\n\nAssistant: m4\n\nUser: m7\n\nAssistant: m10"
    assert found[1].meta == {"conversation_id": "c1", "lang": "en", "language": "en", "messages": 4}
    assert bad == []


def test_the_best_path_through_a_tree_of_answers(tmp_path: Path) -> None:
    tree = [
        {"message_id": "1", "parent_id": None, "text": "Q", "role": "prompter", "rank": None},
        {"message_id": "2", "parent_id": "1", "text": "worse", "role": "assistant", "rank": 1},
        {"message_id": "3", "parent_id": "1", "text": "best", "role": "assistant", "rank": 0},
        {"message_id": "4", "parent_id": "2", "text": "no", "role": "prompter", "rank": None},
        {"message_id": "5", "parent_id": "3", "text": "deleted", "role": "prompter", "rank": None, "deleted": True},
        {"message_id": "6", "parent_id": "3", "text": "More?", "role": "prompter", "rank": None},
    ]
    for shuffle in range(4):
        lines = [json.dumps({"message_tree_id": "t", **item}) for item in tree]
        random.Random(shuffle).shuffle(lines)
        (tmp_path / "a.jsonl").write_text("\n".join(lines))
        assert one(Chats(), tmp_path / "a.jsonl").text == "User: Q\n\nAssistant: best\n\nUser: More?"


def test_a_circle_of_answers_ends(tmp_path: Path) -> None:
    lines = [
        json.dumps({"conversation_id": 1, "id": a, "parent_id": b, "role": "user", "text": f"{a}"})
        for a, b in ["ab", "ba"]
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert tolerant(Chats(), tmp_path / "a.jsonl")[1] == []


def test_discord(tmp_path: Path) -> None:
    ann, bot = {"name": "ann", "nickname": "Ann", "isBot": False}, {"name": "bot", "isBot": True}
    channel = {"guild": {"id": "1"}, "channel": {"id": "2", "name": "general"}, "messages": [
        {"type": "Default", "timestamp": "2020-01-01T10:00:00+00:00", "content": "Hi", "author": ann},
        {"type": "GuildMemberJoin", "content": "joined", "author": ann},
        {"type": "Default", "content": "beep", "author": bot},
        {"type": "Reply", "content": "Yo", "author": {"name": "bob"}}]}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(channel, indent=2))
    (record,) = records(tmp_path / "a.json")
    assert record.text == "Speaker 1: Hi\n\nSpeaker 2: Yo"
    assert record.meta == {"title": "general", "date": "2020-01-01T10:00:00+00:00"}
    assert one(Chats(names=True, between="\n"), tmp_path / "a.json").text == "Ann: Hi\nbob: Yo"


def test_slack(tmp_path: Path) -> None:
    day = [
        {
            "type": "message",
            "ts": "1",
            "user": "U1",
            "text": "Hi <@U2|bob>, see <https://x.y|this> &amp; <#C1|general> <!here>",
        },
        {"type": "message", "subtype": "channel_join", "ts": "2", "user": "U3", "text": "joined"},
        {"type": "message", "ts": "3", "user": "U2", "user_profile": {"display_name": "Bob"}, "text": "<https://z> ok"},
    ]
    (tmp_path / "2020-01-01.json").write_text(json.dumps(day))
    text = "U1: Hi @bob, see this & #general @here\n\nBob: https://z ok"
    assert one(Chats(names=True), tmp_path / "2020-01-01.json").text == text


IPHONE = """\u200e[25/12/2019, 10:00:00] Group: \u200eMessages and calls are end-to-end encrypted.
[25/12/2019, 10:00:01] Ann: Merry
Christmas: to all
[25/12/2019, 10:00:02] Bob: \u200eimage omitted
[25/12/2019, 10:01:00] Bob: Thanks \u200e<This message was edited>
[26/12/2019, 11:00:00] Ann: Next day
"""
ANDROID = """12/25/19, 10:00 AM - Messages are end-to-end encrypted. No one outside can read them.
12/25/19, 10:01 AM - Ann: Hi
12/25/19, 10:02 AM - Bob: <Media omitted>
12/25/19, 10:03\u202fPM - Bob: Bye
"""
IRC = """=== ann is now known as ann_away
[00:01] <ann> hello
[00:02] * ann waves
[00:03] <@bob> ann: hi <b>
[00:04] -!- carl has joined
"""


def test_whatsapp(tmp_path: Path) -> None:
    (tmp_path / "_chat.txt").write_text(IPHONE, encoding="utf-8")
    assert is_whatsapp(IPHONE.encode()) and is_whatsapp(ANDROID.encode())
    found = list(records(tmp_path / "_chat.txt"))
    first = "Speaker 1: Merry\nChristmas: to all\n\nSpeaker 2: Thanks"
    assert [record.text for record in found] == [first, "Speaker 1: Next day"]
    (tmp_path / "b.txt").write_text(ANDROID, encoding="utf-8")
    assert one(ChatLog(names=True, between="\n"), tmp_path / "b.txt").text == "Ann: Hi\nBob: Bye"


def test_irc(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(IRC)
    assert [record.text for record in records(tmp_path / "a.log")] == ["Speaker 1: hello\n\nSpeaker 2: ann: hi <b>"]
    dated = "2004-07-05 [10:00] <ann> one\n2004-07-05 [10:01] <bob> two\n2004-07-06 [09:00] <ann> three\n"
    (tmp_path / "b.txt").write_text(dated)
    found = list(records(tmp_path / "b.txt"))
    assert [(record.text, record.meta) for record in found] == [
        ("Speaker 1: one\n\nSpeaker 2: two", {"date": "2004-07-05"}),
        ("Speaker 1: three", {"date": "2004-07-06"})]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "A book.\n\nIt begins.",
        "10:00 Lunch with Ann: soup",
        "[1] A reference: x",
        "=== Heading ===\n\nText",
        "[00:01] server started",
    ],
)
def test_other_text_is_no_log(text: str) -> None:
    assert not is_whatsapp(text.encode()) and not is_irc(text.encode())


VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=3), st.sampled_from(["user", "1", "x"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["messages", "role", "content", "from", "value", "conversation_id",
     "parent_id", "id",
                                         "tool_calls", "function", "name", "instruction", "output", "type", "ts",
     "guild",
                                         "channel", "author", "text", "history", "rank"]), inner, max_size=5),
    ),
    max_leaves=20,
)  # fmt: skip


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(VALUES, max_size=4), st.binary(max_size=20))
def test_any_values_are_read_or_refused(tmp_path: Path, values: list[Any], noise: bytes) -> None:
    lines = "\n".join(json.dumps(value) for value in values).encode()
    never_crashes(Chats(), tmp_path / "a.jsonl", lines + b"\n" + noise)
    never_crashes(ChatLog(), tmp_path / "a.txt", noise)
