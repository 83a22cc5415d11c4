"""A record that is a conversation -> its turns, and the text of them.

    {"messages": [{"role": "user", "content": "Hi"}, ...]}        OpenAI's form, also with content in parts, tool calls
    {"conversations": [{"from": "human", "value": "Hi"}, ...]}    ShareGPT
    {"instruction": ..., "input": ..., "output": ...}             Alpaca; "context" and "response" in Dolly
    {"prompt": ..., "completion": ...}                            and question/answer, query/response, input/output ...
    {"prompt": ..., "chosen": ..., "rejected": ...}               pairs of a preference: what was chosen
    {"mapping": ..., "current_node": ...}                         ChatGPT's export: the branch that was shown last
    {"chat_messages": ...}, {"contents": ...}                     Claude's export, Gemini's form

For pre-training a conversation is plain text: a turn is a paragraph that begins with who speaks. How a model is tuned
on examples of tasks is another matter (hornbook.transfer).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

Turn = tuple[str, str]  # who speaks, and what
_LISTS = ("messages", "conversations", "conversation", "dialog", "dialogue", "chat_messages", "contents")
_LAST_LISTS = ("chosen", "data")  # names that mean much else: the last to be looked for
_SPOKEN = ("dialog", "dialogue", "conversation", "chosen")  # may be a text that has its speakers in it
_SYSTEMS = ("system", "system_prompt", "systemInstruction", "system_instruction")
# What stands before the answer, the answer, and what else is of the text.
_PAIRS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("instruction", "output", ("input", "system", "history")),
    ("instruction", "response", ("context", "system")),
    ("question", "response", ("system_prompt",)),
    ("prompt", "completion", ("system",)),
    ("prompt", "response", ("system",)),
    ("prompt", "chosen", ("system",)),
    ("question", "answer", ()),
    ("query", "response", ("system", "history")),
    ("query", "answer", ()),
    ("problem", "solution", ()),
    ("input", "output", ("system", "history")),
    ("inputs", "targets", ()),
)
_ROLES = {
    "human": "user", "prompter": "user", "prompt": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant",
    "chatgpt": "assistant", "bing": "assistant", "bard": "assistant", "claude": "assistant", "ai": "assistant",
    "function_call": "assistant", "developer": "system", "function": "tool", "observation": "tool", "ipython": "tool",
    "environment": "tool", "tool_response": "tool",
}  # fmt: skip
_SPEAKERS = ("role", "from", "speaker", "author", "user", "sender", "name")
_WORDS = ("content", "value", "text", "message", "utterance", "body", "parts")


@dataclass(frozen=True)
class Labels:
    """How a conversation is written: what stands before the words of each role, and between two turns."""

    system: str = "System: "
    user: str = "User: "
    assistant: str = "Assistant: "
    tool: str = "Tool: "
    between: str = "\n\n"

    def of(self, speaker: str) -> str:
        """Return what stands before the words of a role, or of another one by name."""
        role = speaker.strip().lower()
        role = _ROLES.get(role, role)
        known = {"system": self.system, "user": self.user, "assistant": self.assistant, "tool": self.tool}
        return known.get(role, f"{speaker.strip()}: " if speaker.strip() else "")

    def text(self, turns: list[Turn]) -> str:
        """Return the text of turns; those without words are left out."""
        return self.between.join(self.of(speaker) + words.strip() for speaker, words in turns if words.strip())


DEFAULT = Labels()


def conversation_fields(names: Collection[str]) -> tuple[str, ...]:
    """Return the fields that make a record with these names a conversation, () where it is none."""
    if "mapping" in names and "current_node" in names:
        return ("mapping", "current_node")
    for name in _LISTS:
        if name in names:
            return (name, *(other for other in _SYSTEMS if other in names))
    for first, last, others in _PAIRS:
        if first in names and last in names:
            return tuple(name for name in (first, last, *others) if name in names)
    return next(((name,) for name in _LAST_LISTS if name in names), ())


def turns_of(value: Mapping[str, Any]) -> list[Turn] | None:
    """Return the turns of a conversation, None for a record that is none."""
    fields = conversation_fields(value)
    if not fields:
        return None
    if fields[0] == "mapping":
        return _shown_last(value)
    before = _system(value)
    if fields[0] in (*_LISTS, *_LAST_LISTS):
        items = value[fields[0]]
        turns = _listed(items)
        if isinstance(items, str) and turns is None and fields[0] in _SPOKEN:
            turns = [("", items.replace("\r\n", "\n"))]
        if turns is None or (fields[0] == "data" and not all(isinstance(item, str) for item in items)):
            return None
        return turns if any(_ROLES.get(speaker, speaker) == "system" for speaker, _ in turns[:1]) else before + turns
    question, answer = value[fields[0]], value[fields[1]]
    if isinstance(answer, list) and (turns := _listed(answer)) is not None:
        asks = [("user", question)] if isinstance(question, str) else _listed(question)
        if asks is None:
            return None
        # What was chosen often repeats what was asked.
        return before + (turns if turns[: len(asks)] == asks else asks + turns)
    if not isinstance(question, str) or not isinstance(answer, str):
        return None
    more = next(
        (said for name in ("input", "context") if name in fields[2:] and isinstance(said := value[name], str)), ""
    )
    history = value.get("history") if "history" in fields else None
    before += [
        turn
        for pair in (history if isinstance(history, list) else [])
        if isinstance(pair, list) and len(pair) == 2
        for turn in (("user", str(pair[0])), ("assistant", str(pair[1])))
    ]
    asked = f"{question.strip()}\n\n{more.strip()}" if more.strip() else question
    return [*before, ("user", asked), ("assistant", answer)]


def _system(value: Mapping[str, Any]) -> list[Turn]:
    """Return the turn of what a field beside the turns says to the assistant."""
    said = next((words for name in _SYSTEMS if (words := _words(value.get(name))).strip()), "")
    return [("system", said)] if said else []


def _listed(items: Any) -> list[Turn] | None:
    """Return the turns in a field that is a list, also one that is written as JSON; None where it is none."""
    if isinstance(items, str):
        try:
            held = json.loads(items) if items.lstrip()[:1] == "[" else None
        except (ValueError, RecursionError):
            held = None
        items = held
    return _turns(items) if isinstance(items, list) else None


def _shown_last(value: Mapping[str, Any]) -> list[Turn] | None:
    """Return the turns of a conversation in ChatGPT's export, from its last message up to the first."""
    nodes, node = value["mapping"], value["current_node"]
    if not isinstance(nodes, Mapping):
        return None
    turns: list[Turn] = []
    seen: set[str] = set()
    while isinstance(node, str) and node not in seen and isinstance(item := nodes.get(node), Mapping):
        seen.add(node)
        message = item.get("message")
        if isinstance(message, Mapping) and isinstance(author := message.get("author"), Mapping):
            about = message.get("metadata")
            if not (isinstance(about, Mapping) and about.get("is_visually_hidden_from_conversation")):
                turns.append((str(author.get("role") or ""), _words(message.get("content"))))
        node = item.get("parent")
    return turns[::-1]


def _turns(items: list[Any]) -> list[Turn] | None:
    turns: list[Turn] = []
    for number, item in enumerate(items):
        if isinstance(item, str):  # only what is said: two speak in turns
            turns.append((("user", "assistant")[number % 2], item))
        elif isinstance(item, Mapping) and (turn := message_turn(item)):
            turns.append(turn)
        elif isinstance(item, Mapping) and isinstance(asked := item.get("human", item.get("user")), str):
            turns += [("user", asked), ("assistant", _words(item.get("assistant")))]
        else:
            return None
    return turns


def message_turn(item: Mapping[str, Any]) -> Turn | None:
    """Return the turn that a message is, None for one that does not say who speaks or what."""
    speaker = next((said for name in _SPEAKERS if isinstance(said := item.get(name), str)), None)
    if speaker is None and not any(name in item for name in ("tool_calls", "function_call")):
        return None
    words = next((item[name] for name in _WORDS if item.get(name) is not None), "")
    if isinstance(words, list) and words and all(_is_result(part) for part in words):
        speaker = "tool"  # Anthropic's form gives what a tool gives back to the user
    said = [_words(words), *_calls(item)]
    if not any(name in item for name in (*_WORDS, "tool_calls", "function_call")):
        return None
    return speaker or "assistant", "\n".join(part for part in said if part)


def _words(content: Any) -> str:
    """Return the text of a message: a string, or parts of which those that are no text are left out."""
    if isinstance(content, str):
        return content
    parts = content.get("parts", [content]) if isinstance(content, Mapping) else content
    found = []
    for part in parts if isinstance(parts, list) else []:
        text = part if isinstance(part, str) else part.get("text") if isinstance(part, Mapping) else None
        if _is_result(part):
            text = _result(part["content"])
        elif isinstance(part, Mapping) and part.get("type") == "tool_use":
            text = "\n".join(_calls({"tool_calls": [{"name": part.get("name"), "arguments": part.get("input", {})}]}))
        if isinstance(text, str) and text:
            found.append(text)
    return "\n".join(found)


def _is_result(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "tool_result" and "content" in part


def _result(content: Any) -> str:
    """Return what a tool gave back: a text, or parts of text."""
    if isinstance(content, str):
        return content
    texts = [part.get("text") for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return "\n".join(text for text in texts if isinstance(text, str))


def _calls(item: Mapping[str, Any]) -> list[str]:
    """Return the calls of tools in a message, each as name(arguments)."""
    calls = item.get("tool_calls")
    found = [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    if isinstance(old := item.get("function_call"), Mapping):
        found.append({"function": old})
    lines = []
    for call in found:
        function = call.get("function", call)
        if isinstance(function, Mapping) and isinstance(name := function.get("name"), str):
            given = function.get("arguments", "")
            lines.append(f"{name}({given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)})")
    return lines


def conversation(value: dict[str, Any], labels: Labels = DEFAULT) -> tuple[str, dict[str, Any]] | None:
    """Return the text of a record that is a conversation and its other fields, None for one that is none."""
    turns = turns_of(value)
    if turns is None:
        return None
    used = conversation_fields(value)
    return labels.text(turns), {name: held for name, held in value.items() if name not in used}
