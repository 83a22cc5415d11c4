"""How often old encodings are read right, wrong but said to be unsure, and wrong in silence.

    python benchmarks/encodings.py --data texts.jsonl.gz     lines with the fields text and lang

Each language is written in the old encodings of its script that hold all its characters, whole and in pieces, and read
as a file is. UTF-8 itself, 1,000 pieces of it, is tried for false alarms.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from hornbook.corpus.readers.encodings import UTF8, Undecodable, decoded, find

WEST = "cp1252 iso8859_1 iso8859_15 mac_roman cp850 cp437"
CYRILLIC = "cp1251 koi8_r koi8_u iso8859_5 mac_cyrillic cp866"
CODECS = {
    "ar": "cp1256 iso8859_6", "el": "cp1253 iso8859_7 mac_greek", "he": "cp1255 iso8859_8", "th": "cp874 tis_620",
    "ja": "cp932 shift_jis euc_jp iso2022_jp", "ko": "cp949 euc_kr iso2022_kr", "zh": "gb18030 gbk gb2312 hz big5",
    "ru": CYRILLIC, "uk": CYRILLIC, "bg": CYRILLIC, "tr": "cp1254 iso8859_9", "vi": "cp1258",
    **dict.fromkeys(("cs", "sk", "pl", "hu", "ro", "hr", "sl"), "cp1250 iso8859_2 cp852 mac_latin2"),
    **dict.fromkeys(("lt", "lv", "et"), "cp1257 iso8859_13"),
    **dict.fromkeys(("en", "fr", "es", "de", "it", "nl", "pt", "sv", "da", "fi"), WEST),
}  # fmt: skip
UNMARKED = "utf_7 utf_16_le utf_16_be utf_32_le utf_32_be"


def cases(texts: dict[str, str], length: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield (codec, text, bytes) of whole texts (length 0) or of pieces of so many characters."""
    for language, text in texts.items():
        for codec in f"{CODECS.get(language, '')} {UNMARKED}".split():
            for start in range(0, len(text) - length, length or len(text)):
                piece = text[start : start + length] if length else text
                try:
                    data = piece.encode(codec)
                except UnicodeEncodeError:
                    continue
                if data != piece.encode():
                    yield codec, piece, data


def outcome(text: str, data: bytes) -> str:
    try:
        encoding, mark = find(lambda: [data])
    except Undecodable:
        return "refused"
    if "".join(decoded([data], encoding, mark)) == text:
        return "right, unsure" if encoding.other else "right"
    return "wrong, said" if encoding.other or encoding.errors == "replace" else "wrong in silence"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    path = parser.parse_args().data
    texts: dict[str, str] = collections.defaultdict(str)
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            texts[record["lang"]] += record["text"] + "\n\n"
    for length in (0, 400, 100, 40):
        found = collections.Counter(outcome(text, data) for _, text, data in cases(texts, length))
        shares = ", ".join(f"{name} {count}" for name, count in found.most_common())
        print(f"{length or 'whole':>5} characters: {found.total():,} cases: {shares}")
    pieces = [text[start : start + 400] for text in texts.values() for start in range(0, len(text), 97)]
    alarms = sum(find(lambda piece=piece: [piece.encode()]) != (UTF8, 0) for piece in itertools.islice(pieces, 1000))
    print(f"false alarms on 1,000 pieces of UTF-8: {alarms}")


if __name__ == "__main__":
    main()
