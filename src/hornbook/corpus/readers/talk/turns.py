"""A record that is a conversation -> its turns, and the text of them.

    {"messages": [{"role": "user", "content": "Hi"}, ...]}        OpenAI's form, also with content in parts, tool calls
    {"conversations": [{"from": "human", "value": "Hi"}, ...]}    ShareGPT
    {"instruction": ..., "input": ..., "output": ...}             Alpaca; "context" and "response" in Dolly
    {"prompt": ..., "completion": ...}                            and question/answer, question/response

For pre-training a conversation is plain text: a turn is a paragraph that begins with who speaks. How a model is tuned
on examples of tasks is another matter (hornbook.transfer).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

Turn = tuple[str, str]  # who speaks, and what
_LISTS = ("messages", "conversations", "conversation", "dialog", "dialogue")
# What stands before the answer, the answer, and what else is of the text.
_PAIRS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("instruction", "output", ("input", "system", "history")),
    ("instruction", "response", ("context", "system")),
    ("question", "response", ("system_prompt",)),
    ("prompt", "completion", ("system",)),
    ("prompt", "response", ("system",)),
    ("question", "answer", ()),
)
_ROLES = {
    "human": "user", "prompter": "user", "prompt": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant",
    "chatgpt": "assistant", "bing": "assistant", "bard": "assistant", "claude": "assistant", "ai": "assistant",
    "function_call": "assistant", "developer": "system", "function": "tool", "observation": "tool", "ipython": "tool",
    "environment": "tool", "tool_response": "tool",
}  # fmt: skip
_SPEAKERS = ("role", "from", "speaker", "author", "user", "sender", "name")
_WORDS = ("content", "value", "text", "message", "utterance", "body")


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
    for name in _LISTS:
        if name in names:
            return (name,)
    for first, last, others in _PAIRS:
        if first in names and last in names:
            return tuple(name for name in (first, last, *others) if name in names)
    return ()


def turns_of(value: Mapping[str, Any]) -> list[Turn] | None:
    """Return the turns of a conversation, None for a record that is none."""
    fields = conversation_fields(value)
    if not fields:
        return None
    if fields[0] in _LISTS:
        items = value[fields[0]]
        return _turns(items) if isinstance(items, list) else None
    question, answer = value[fields[0]], value[fields[1]]
    if not isinstance(question, str) or not isinstance(answer, str):
        return None
    system = next((said for name in ("system", "system_prompt") if isinstance(said := value.get(name), str)), "")
    more = next((said for name in ("input", "context") if name in fields and isinstance(said := value[name], str)), "")
    history = value.get("history") if "history" in fields else None
    before = [
        turn
        for pair in (history if isinstance(history, list) else [])
        if isinstance(pair, list) and len(pair) == 2
        for turn in (("user", str(pair[0])), ("assistant", str(pair[1])))
    ]
    asked = f"{question.strip()}\n\n{more.strip()}" if more.strip() else question
    return [("system", system), *before, ("user", asked), ("assistant", answer)]


def _turns(items: list[Any]) -> list[Turn] | None:
    turns: list[Turn] = []
    for number, item in enumerate(items):
        if isinstance(item, str):  # only what is said: two speak in turns
            turns.append((("user", "assistant")[number % 2], item))
        elif isinstance(item, Mapping) and (turn := message_turn(item)):
            turns.append(turn)
        else:
            return None
    return turns


def message_turn(item: Mapping[str, Any]) -> Turn | None:
    """Return the turn that a message is, None for one that does not say who speaks or what."""
    speaker = next((said for name in _SPEAKERS if isinstance(said := item.get(name), str)), None)
    if speaker is None and not any(name in item for name in ("tool_calls", "function_call")):
        return None
    words = next((item[name] for name in _WORDS if item.get(name) is not None), "")
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
        if isinstance(text, str):
            found.append(text)
    return "\n".join(found)


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
