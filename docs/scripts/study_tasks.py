"""Write the study of `make study`: its file, and two tasks made of the text that every Python has (builtin:docs).

    python docs/scripts/study_tasks.py DIRECTORY

    topics    a sentence of the library's documentation, and what its module is for: a class for a text, as in SST-2
    code      a sentence of the reference, its quotes taken away, and which of its words were quoted: names and code in
              running text, to be found by what stands around them

Which sentence is for training and which for the test says a hash of it. What is there already stays.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from hornbook.artifacts import write_file
from hornbook.corpus.read import read

TOPICS = {
    "processes": ("asyncio/", "concurrent/", "multiprocessing/", "threading", "subprocess", "queue"),
    "network": ("email/", "http/", "urllib/", "smtplib", "socket", "ftplib", "imaplib", "xmlrpc/", "ssl"),
}
TRAIN, TEST = 512, 512  # sentences of each task, or as many as there are
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"*])")
_WORD = re.compile(r'"[^"]+"|\*\w+\*|\w+|[^\w\s]')


def main() -> None:
    place = Path(sys.argv[1])
    for name, found in (("topics", topics()), ("code", code())):
        examples = sorted({json.dumps(one) for one in found}, key=lambda line: hashlib.sha256(line.encode()).digest())
        half = min(TRAIN, len(examples) // 2)
        for part, lines in (("train", examples[:half]), ("test", examples[half : half + TEST])):
            target = place / "tasks" / f"{name}-{part}.jsonl"
            if not target.is_file():
                write_file(target, "\n".join(lines) + "\n")
    if not (place / "study.toml").is_file():
        text = (Path(__file__).parents[1] / "evidence" / "study.toml").read_text(encoding="utf-8")
        write_file(place / "study.toml", text.replace("STUDY", str(place)))


def sentences(prefixes: tuple[str, ...]) -> Iterator[str]:
    """Yield the sentences of documents whose names begin so, 6 to 40 words each."""
    for document in read(["builtin:docs"]):
        if document.id.partition("#")[2].startswith(prefixes):
            for paragraph in re.split(r"\n\s*\n", document.text):
                for sentence in _SENTENCE.split(" ".join(paragraph.split())):
                    ends = sentence.endswith((".", "!", "?")) and ">>>" not in sentence
                    if ends and 6 <= len(sentence.split()) <= 40:
                        yield sentence


def topics() -> Iterator[dict[str, object]]:
    """Yield as many sentences of each topic as the smaller one has."""
    found = {label: list(dict.fromkeys(sentences(prefixes))) for label, prefixes in TOPICS.items()}
    number = min(map(len, found.values()))
    for label, some in found.items():
        chosen = sorted(some, key=lambda text: hashlib.sha256(text.encode()).digest())[:number]
        yield from ({"text": text, "label": label} for text in chosen)


def code() -> Iterator[dict[str, object]]:
    """Yield the words of sentences in which something is quoted, and a tag for each word: B-code, I-code or O."""
    for sentence in sentences(("topics/",)):
        tokens: list[str] = []
        tags: list[str] = []
        for word in _WORD.findall(sentence):
            quoted = len(word) > 2 and word[0] == word[-1] and word[0] in '"*'
            inner = re.findall(r"\w+|[^\w\s]", word[1:-1] if quoted else word)
            tokens += inner
            tags += ["B-code" if quoted and not place else "I-code" if quoted else "O" for place in range(len(inner))]
        if "B-code" in tags and len(tokens) <= 60:
            yield {"tokens": tokens, "tags": tags}


if __name__ == "__main__":
    main()
