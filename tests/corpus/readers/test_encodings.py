"""Which encoding bytes have, where they do not mark it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from corpus_reading import read_all

from hornbook.corpus.readers.encodings import UTF8, find, guess, look, marked
from hornbook.corpus.readers.formats import records
from hornbook.errors import UserError

UNMARKED = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


@pytest.mark.parametrize("codec", UNMARKED)
@pytest.mark.parametrize("text", ["Plain words, and some more of them.\r\n" * 9, "Wörter für alle, Größen: 😀 " * 200])
def test_wide_encodings_are_known_without_a_mark(tmp_path: Path, codec: str, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode(codec))
    items, bad = read_all(tmp_path / "a.txt")
    assert "".join(item.text for item in items) == text and not bad


@pytest.mark.parametrize("kind", ["<i2", ">i2", "<i4", ">i4", "<i8", "<f8"])
def test_numbers_in_binary_are_no_text(kind: str) -> None:
    assert marked(np.arange(1000, dtype=kind).tobytes()) is None


RUSSIAN = "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом и совестью. "
GREEK = "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι. "
HEBREW = "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם. "
ARABIC = "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا. "
THAI = "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม "
JAPANESE = (
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。\n"
    "人間は、理性と良心を授けられている。\n"
)
CHINESE = "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。\n"
KOREAN = (
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았다.\n"
)
CZECH = "Všichni lidé se rodí svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím a mají "
HUNGARIAN = (
    "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek ésszel és lelkiismerettel "
)
POLISH = "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem. "
TURKISH = (
    "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve birbirlerine. "
)


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        *((codec, RUSSIAN) for codec in ("cp1251", "koi8_r", "iso8859_5", "mac_cyrillic", "cp866", "utf_16_le")),
        *((codec, GREEK) for codec in ("cp1253", "utf_16_be")),
        *((codec, HEBREW) for codec in ("cp1255", "iso8859_8")),
        *((codec, ARABIC) for codec in ("cp1256", "utf_16_le")),
        *((codec, THAI) for codec in ("cp874", "utf_16_le", "utf_16_be")),
        *((codec, JAPANESE) for codec in ("cp932", "euc_jp", "iso2022_jp", "utf_16_le", "utf_7")),
        *((codec, CHINESE) for codec in ("gb18030", "hz", "utf_16_be")),
        *((codec, KOREAN) for codec in ("cp949", "iso2022_kr")),
        *((codec, text) for codec in ("cp1250", "iso8859_2") for text in (CZECH, HUNGARIAN, POLISH)),
        ("cp1254", TURKISH),
    ],
)
def test_old_encodings_are_read_in_files_lines_tables_and_arrays(tmp_path: Path, codec: str, text: str) -> None:
    flat = text.replace("\n", " ").strip()
    names = {
        "a.txt": text,
        "b.json": json.dumps([{"text": flat}], ensure_ascii=False),
        "c.csv": f'id,text\n1,"{flat}"\n',
    }
    names["d.jsonl"] = json.dumps({"text": flat}, ensure_ascii=False) + "\n"
    for name, content in names.items():
        (tmp_path / name).write_bytes(content.encode(codec))
        items, bad = read_all(tmp_path / name)
        assert "".join(item.text for item in items).strip() in (text.strip(), flat) and not bad, name


def test_a_line_with_one_accent_is_read_as_the_lines_around_it(tmp_path: Path) -> None:
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in (CZECH, POLISH, "Kůň", "plain", HUNGARIAN)]
    (tmp_path / "a.jsonl").write_bytes("\n".join(lines).encode("cp1250"))
    items, bad = read_all(tmp_path / "a.jsonl")
    assert [item.text for item in items] == [CZECH, POLISH, "Kůň", "plain", HUNGARIAN] and not bad


def test_a_guess_says_how_sure_it_is() -> None:
    sure, unsure = guess(look([RUSSIAN.encode("cp1251")])), guess(look(["Kůň".encode("cp1250")]))
    assert (sure.codec, sure.other) == ("cp1251", "") and "unsure" not in sure.note
    assert unsure.other and "unsure" in unsure.kind and f"(or {unsure.other})" in unsure.note
    assert (guess(look([RUSSIAN.encode("koi8_r")])).kind) == "koi8-r"


@pytest.mark.parametrize(
    "text",
    [
        "x = a+LongName+BaseRate - c+AnotherName\n",
        "(format t ~{~a~} list)\n",
        "\x1b[31mred\x1b(B\x1b[m\n",
        "é à ß\n",
        "one line\nand a + b",
        "a + b = c\n",
    ],
)
def test_utf8_and_ascii_are_never_taken_for_something_else(text: str) -> None:
    for content in (text, text * 50):
        assert find(lambda content=content: [content.encode()]) == (UTF8, 0)


def test_utf8_with_a_few_lines_in_another_encoding_stays_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(RUSSIAN.encode() * 3 + b"caf\xe9 cr\xe8me\n" + CZECH.encode())
    items, _ = read_all(tmp_path / "a.txt")
    assert "".join(item.text for item in items) == RUSSIAN * 3 + "caf\ufffd cr\ufffdme\n" + CZECH
    assert json.loads(items[0].meta)["encoding"].startswith("utf-8, broken bytes replaced")


def test_a_users_field_of_the_name_encoding_stays(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(
        json.dumps({"text": RUSSIAN, "encoding": "mine"}, ensure_ascii=False).encode("cp1251")
    )
    (item,), _ = read_all(tmp_path / "a.jsonl")
    meta = json.loads(item.meta)
    assert meta["encoding"] == "mine" and meta["encoding_2"].startswith("cp1251")


@pytest.mark.parametrize("codec", ["iso2022_jp", "hz", "utf_7"])
def test_strict_reading_refuses_what_only_looks_like_ascii(tmp_path: Path, codec: str) -> None:
    (tmp_path / "a.txt").write_bytes((CHINESE if codec == "hz" else JAPANESE).encode(codec))
    with pytest.raises(UserError, match=r"is not a text file \(it is in"):
        list(records(tmp_path / "a.txt"))


def test_every_block_of_a_big_file_is_looked_at(tmp_path: Path) -> None:
    plain = "plain words of ASCII. " * 60_000
    for codec, text in (("cp1251", RUSSIAN), ("iso2022_jp", JAPANESE)):
        (tmp_path / "a.txt").write_bytes((plain + "\n" + text * 20 + plain).encode(codec))
        items, bad = read_all(tmp_path / "a.txt")
        assert "".join(item.text for item in items) == plain + "\n" + text * 20 + plain and not bad
