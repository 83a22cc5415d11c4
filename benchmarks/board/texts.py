"""The texts of the record board: fixed, public, each known by its sha256; a text to train on and one to test on.

    shakespeare    Tiny Shakespeare (Karpathy 2015), 1,115,394 characters; as in nanoGPT, the first nine tenths of the
                   characters are trained on, the last tenth is the test
    wikitext-2     WikiText-2 (Merity et al. 2016) as it was tokenised, with <unk> for rare words; trained on the
                   official training articles, tested on the official validation articles
    wikitext-2-raw the same without <unk>
    docs           Python's documentation as this Python has it; the test is what `hornbook pretrain builtin:docs` holds
                   out

A text is known by the sha256 of its content: of a file's bytes, unpacked; of a .jsonl file, of its texts with a line
break between two. The content of the board's texts stands in its result; another content is another text, whose lines
cannot be compared. Nothing of the texts is kept, and nothing is downloaded.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hornbook.corpus.document import document_hash
from hornbook.corpus.read import read
from hornbook.corpus.split import make_split
from hornbook.errors import UserError

SHAKESPEARE, WIKITEXT, DOCS = "shakespeare", "wikitext-2", "docs"
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
HELD_OUT = 0.05
_UNKNOWN = "<unk>"


@dataclass(frozen=True)
class Text:
    """A text of the board: its two files, and what it is known by.

    sha256   of the content trained on and of the content tested on
    size     bytes of both
    """

    name: str
    training: Path
    test: Path
    sha256: tuple[str, str]
    size: tuple[int, int]

    @property
    def identity(self) -> dict[str, object]:
        """What a result says of the text."""
        return {"sha256": list(self.sha256), "bytes": list(self.size)}


def content(path: Path) -> tuple[str, list[str] | None]:
    """Return a file's text, unpacked, and the texts of its records where it has records.

    Raises UserError where it cannot be read.
    """
    try:
        packed = path.read_bytes()
        whole = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode()
        if path.name.removesuffix(".gz").endswith(".jsonl"):
            records = [json.loads(line)["text"] for line in whole.splitlines() if line.strip()]
            return "\n".join(records), records
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read as UTF-8 text or as records with a text: {error}.") from error
    return whole, None


def shakespeare(path: Path, folder: Path) -> Text:
    """Return Tiny Shakespeare of a file; raises UserError for any other text."""
    whole, _ = content(path)
    if _sha256(whole) != SHAKESPEARE_SHA256:
        raise UserError(
            f"{path} is not Tiny Shakespeare: that has 1,115,394 bytes and the sha256 {SHAKESPEARE_SHA256[:16]}... "
            "(input.txt of github.com/karpathy/char-rnn)."
        )
    cut = len(whole) * 9 // 10
    return _text(SHAKESPEARE, folder, (whole[:cut], None), (whole[cut:], None))


def wikitext(training: Path, test: Path, folder: Path) -> Text:
    """Return WikiText-2 of two files: wiki.train and wiki.valid, or their articles as records."""
    first, second = content(training), content(test)
    name = WIKITEXT if _UNKNOWN in first[0] else f"{WIKITEXT}-raw"
    return _text(name, folder, first, second)


def docs(folder: Path) -> Text:
    """Return Python's documentation, divided as a run divides it."""
    return divided(DOCS, ("builtin:docs",), folder)


def divided(name: str, paths: Sequence[str], folder: Path) -> Text:
    """Return the text of some paths; a twentieth of the documents is the test, as their hashes say."""
    documents = list(read(paths))
    split = make_split(map(document_hash, documents), HELD_OUT)
    parts: tuple[list[str], list[str]] = ([], [])
    for document in documents:
        parts[split.held_out(document_hash(document))].append(document.text)
    return _text(name, folder, *(("\n".join(part), part) for part in parts))


def write_records(texts: Iterable[str], path: Path) -> None:
    """Write texts as a .jsonl file."""
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")


def _text(name: str, folder: Path, training: tuple[str, list[str] | None], test: tuple[str, list[str] | None]) -> Text:
    paths = []
    for part, (whole, records) in (("train", training), ("test", test)):
        path = folder / f"{name}-{part}{'.txt' if records is None else '.jsonl'}"
        if records is None:
            path.write_bytes(whole.encode())
        else:
            write_records(records, path)
        paths.append(path)
    whole, tested = training[0], test[0]
    return Text(
        name, paths[0], paths[1], (_sha256(whole), _sha256(tested)), (len(whole.encode()), len(tested.encode()))
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
