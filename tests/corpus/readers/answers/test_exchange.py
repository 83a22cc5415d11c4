"""Dumps of Stack Exchange: a document a question, its facts, what is left out, and what is wrong with a dump."""

from __future__ import annotations

import contextlib
import gzip
import random
from pathlib import Path
from typing import Any

import exchange_dump as dump
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory import growth
from sources_read import Read, read_sources

from hornbook.corpus.build.build import build
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.readers.answers import exchange, rows, sorting
from hornbook.corpus.readers.answers.exchange import StackExchange
from hornbook.corpus.readers.formats import format_of
from hornbook.errors import UserError

COOKING = "cooking.stackexchange.com"


def read(folder: Path, *posts: str, reader: StackExchange | None = None, site: str = COOKING) -> Read:
    """Read a dump of these rows from the folder of its site."""
    path = folder / site / "Posts.xml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(dump.table(posts))
    return read_sources(path, reader=reader)


def test_a_question_with_its_answers_is_one_document(tmp_path: Path) -> None:
    code = "<p>Use <code>boil()</code>:</p>\n\n<pre><code>for egg in eggs:\n    boil(egg)\n</code></pre>\n"
    found = read(
        tmp_path,
        dump.answer(12, 7, "<p>Ask a <em>cook</em>.</p>\n", 3),
        dump.question(7, "<p>How long?</p>\n", 5, Title="Eggs &amp; time", AcceptedAnswerId=12, AnswerCount=2),
        dump.answer(11, 7, code, 9),
    )
    assert found.ids == [f"{tmp_path}/{COOKING}/Posts.xml#7"]
    assert found.texts == [
        "Eggs &amp; time\n\nHow long?\n\n"
        "Answer\n\nUse boil():\n\nfor egg in eggs:\n    boil(egg)\n\n"
        "Answer\n\nAsk a cook."
    ]
    assert found.metas == [
        {
            "title": "Eggs &amp; time",
            "tags": ["eggs", "c#"],
            "date": "2012-03-04T05:06:07.890",
            "score": 5,
            "answers": 2,
            "accepted": 2,
            "license": "CC-BY-SA-3.0",
            "url": f"https://{COOKING}/questions/7",
        }
    ]
    assert (found.unread, found.passed) == ([], {})


def test_answers_come_by_score_and_equal_ones_by_id(tmp_path: Path) -> None:
    scores = {9: 2, 3: 2, 5: 7, 4: 0}
    answers = [dump.answer(number, 1, f"<p>a{number}</p>", score) for number, score in scores.items()]
    assert read(tmp_path, dump.question(1), *answers).texts == [
        "Title 1\n\nWhy?" + "".join(f"\n\nAnswer\n\na{number}" for number in (5, 3, 9, 4))
    ]


def test_documents_come_by_the_ids_of_their_questions_whatever_the_order_of_rows(tmp_path: Path) -> None:
    posts = [dump.question(number) for number in (30, 4, 17)]
    posts += [dump.answer(100 + number, number, f"<p>to {number}</p>") for number in (30, 4, 17)]
    first = read(tmp_path, *posts)
    assert [id_.rpartition("#")[2] for id_ in first.ids] == ["4", "17", "30"]
    random.Random(0).shuffle(posts)
    assert (read(tmp_path, *posts).texts, read(tmp_path, *posts).metas) == (first.texts, first.metas)


def test_both_published_forms_of_tags(tmp_path: Path) -> None:
    found = read(tmp_path, dump.question(1, Tags="<c++><.net><a-b>"), dump.question(2, Tags="|c++|.net|a-b|"))
    assert [meta["tags"] for meta in found.metas] == [["c++", ".net", "a-b"]] * 2


def test_licences_by_date_or_as_stated_and_a_list_where_posts_differ(tmp_path: Path) -> None:
    days = ["2011-04-07T23:59:59.997", "2011-04-08T00:00:00.000", "2018-05-01T23:59:59.997", "2018-05-02T00:00:00.000"]
    posts = [dump.question(number, CreationDate=day) for number, day in enumerate(days, start=1)]
    posts += [dump.question(5, ContentLicense="CC BY-SA 4.0"), dump.question(6, CreationDate="")]
    posts += [dump.question(7, CreationDate=days[0]), dump.answer(8, 7, ContentLicense="CC BY-SA 4.0")]
    posts += [dump.question(9, CreationDate=days[0], LastEditDate=days[3])]  # an edit is a version of its own
    found = [meta.get("license") for meta in read(tmp_path, *posts).metas]
    two, three, four = (f"CC-BY-SA-{version}" for version in ("2.5", "3.0", "4.0"))
    assert found == [two, three, three, four, four, None, [two, four], four]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("cooking.stackexchange.com/Posts.xml", "https://cooking.stackexchange.com/questions/1"),
        ("cooking.meta.stackexchange.com/Posts.xml.gz", "https://cooking.meta.stackexchange.com/questions/1"),
        ("stackoverflow.com-Posts.7z", "https://stackoverflow.com/questions/1"),
        ("dumps/mathoverflow.net.7z", "https://mathoverflow.net/questions/1"),
        ("Superuser.com.zip", "https://superuser.com/questions/1"),
        ("elsewhere/Posts.xml", None),
    ],
)
def test_the_site_is_told_from_the_archive_or_folder(tmp_path: Path, name: str, url: str | None) -> None:
    data = dump.table([dump.question(1)])
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".7z"):
        dump.seven_zipped(path, {"Posts.xml": data})
    elif name.endswith(".zip"):
        import zipfile

        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("Posts.xml", data)
    else:
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    found = read_sources(path)
    assert [meta.get("url") for meta in found.metas] == [url]
    assert "language" not in found.metas[0]


@pytest.mark.parametrize(
    ("site", "language", "heading"),
    [
        ("es.stackoverflow.com", "es", "Respuesta"),
        ("pt.meta.stackoverflow.com", "pt", "Resposta"),
        ("ru.stackoverflow.com", "ru", "Ответ"),
        ("ja.stackoverflow.com", "ja", "回答"),
    ],
)
def test_sites_in_other_languages(tmp_path: Path, site: str, language: str, heading: str) -> None:
    found = read(tmp_path, dump.question(1), dump.answer(2, 1), site=site)
    assert found.texts == [f"Title 1\n\nWhy?\n\n{heading}\n\nSo."]
    assert found.metas[0]["language"] == language


def test_the_whole_archive_of_a_site(tmp_path: Path) -> None:
    others = {f"{name}.xml": dump.table(['  <row Id="1" />'], name.lower()) for name in ("Badges", "Comments", "Users")}
    others["PostLinks.xml"] = dump.table([], "postlinks")
    files = {**others, "Posts.xml": dump.table([dump.question(1), dump.answer(2, 1)]), "Tags.xml": others["Users.xml"]}
    path = dump.seven_zipped(tmp_path / f"{COOKING}.7z", files)
    found = read_sources(tmp_path)
    assert (found.ids, found.unread) == ([f"{path}/Posts.xml#1"], [])
    assert found.passed == {
        "table of a dump without posts: badges": 1,
        "table of a dump without posts: comments": 1,
        "table of a dump without posts: users": 2,
        "table of a dump without posts: links between posts": 1,
    }


def test_an_archive_of_another_table_holds_nothing_and_is_no_failure(tmp_path: Path) -> None:
    comments = dump.table(['  <row Id="1" PostId="1" Text="x" />'], "comments")
    dump.seven_zipped(tmp_path / "stackoverflow.com-Comments.7z", {"Comments.xml": comments})
    found = read_sources(tmp_path)
    assert (found.texts, found.unread) == ([], [])
    assert found.passed == {"table of a dump without posts: comments": 1}


LEFT_OUT: list[dict[str, Any]] = [
    {
        "posts": [dump.question(1, score=-1), dump.answer(2, 1)],
        "passed": {"question below min_score": 1, "answer of a question that is left out": 1},
    },
    {"posts": [dump.question(1, score=-1), dump.answer(2, 1, score=-4)], "settings": {"min_score": -4}, "kept": [1]},
    {
        "posts": [dump.question(1), dump.answer(2, 1, score=-1), dump.answer(3, 1)],
        "kept": [1],
        "passed": {"answer below min_score": 1},
    },
    {
        "posts": [dump.question(1), dump.answer(2, 1, score=-1)],
        "settings": {"unanswered": False},
        "passed": {"question without answers": 1, "answer of a question that is left out": 1},
    },
    {"posts": [dump.question(1), dump.question(2), dump.answer(3, 2)], "kept": [1, 2]},
    {
        "posts": [dump.question(1), dump.question(2), dump.answer(3, 2)],
        "settings": {"unanswered": False},
        "kept": [2],
        "passed": {"question without answers": 1},
    },
    {"posts": [dump.question(1, ClosedDate="2013-01-01T00:00:00.000")], "kept": [1]},
    {
        "posts": [dump.question(1, ClosedDate="2013-01-01T00:00:00.000")],
        "settings": {"closed": False},
        "passed": {"closed question": 1},
    },
    {
        "posts": [dump.question(1), *(dump.answer(number, 1) for number in range(2, 7))],
        "settings": {"answers": 2},
        "kept": [1],
        "passed": {"answer beyond the best": 3},
    },
    {"posts": [dump.answer(2, 1), dump.answer(3, 1)], "passed": {"answer without its question": 2}},
    {"posts": [dump.answer(2, 2), dump.answer(3, 4), dump.answer(4, 3)], "passed": {"answer without its question": 3}},
    {
        "posts": [dump.answer(2, 0), dump.row(Id=3, PostTypeId=2, Body="x")],
        "passed": {"answer without its question": 2},
    },
    {
        "posts": [dump.row(Id=number, PostTypeId=number, Body="x") for number in range(3, 10)],
        "passed": {
            "tag wiki": 3,
            "moderator nomination": 1,
            "wiki placeholder": 1,
            "privilege wiki": 1,
            "post of another kind (9)": 1,
        },
    },
    {
        "posts": [dump.question(1, DeletionDate="2013-01-01T00:00:00.000"), dump.question(2)],
        "kept": [2],
        "passed": {"deleted post": 1},
    },
    {
        "posts": [dump.question(1), dump.answer(2, 1, '<p><img src="a.png"></p>')],
        "kept": [1],
        "passed": {"answer without text": 1},
    },
]


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_is_left_out_is_counted_by_reason(tmp_path: Path, case: dict[str, Any]) -> None:
    found = read(tmp_path, *case["posts"], reader=StackExchange(**case.get("settings", {}), site=COOKING))
    assert [int(id_.rpartition("#")[2]) for id_ in found.ids] == case.get("kept", [])
    assert (found.passed, found.unread) == (case.get("passed", {}), [])


def test_broken_rows_cost_themselves_alone(tmp_path: Path) -> None:
    posts = [
        dump.question(1),
        dump.row(PostTypeId=1, Body="x"),
        dump.row(Id=3, Body="x"),
        '  <row Id="4" PostTypeId="1" Body="&unknown;" />',
        '  <row Id="5" PostTypeId="1" Id="5" />',
        '  <row Id="6" PostTypeId="1" Body=x />',
        dump.question(1, "<p>again</p>"),
        dump.row(Id="x1", PostTypeId=1),
        dump.question(8, "<div>" * 300 + "deep"),
        "  <other />",
        dump.question(9),
    ]
    found = read(tmp_path, *posts)
    assert found.texts == ["Title 1\n\nWhy?", "Title 9\n\nWhy?"]
    assert found.reasons == [
        (2, "row with no valid Id"),
        (3, "row with no PostTypeId"),
        (4, "not valid XML: undefined entity"),
        (5, "not valid XML: duplicate attribute"),
        (6, "not valid XML: not well-formed (invalid token)"),
        (8, "row with no valid Id"),
        (10, "markup other than rows"),
        (7, "id of another post"),
        (9, "elements nested too deeply"),
    ]
    assert found.unread[0].detail == f"{tmp_path}/{COOKING}/Posts.xml, row 2, has no valid Id."


def test_facts_that_are_missing_or_wrong_cost_no_post(tmp_path: Path) -> None:
    posts = [
        dump.row(Id=1, PostTypeId=1),
        dump.row(Id=2, PostTypeId=1, Body="<p>bare</p>"),
        dump.question(3, CreationDate="2012-13-45", Score="many", Tags="", AcceptedAnswerId="none"),
    ]
    found = read(tmp_path, *posts)
    assert found.texts == ["bare", "Title 3\n\nWhy?"]
    assert [sorted(meta) for meta in found.metas] == [["answers", "score", "url"], ["answers", "score", "title", "url"]]
    assert found.reasons == [(3, "no valid date"), (3, "no valid score"), (1, "blank text")]
    assert [item.records for item in found.unread] == [0, 0, 1]


def test_control_characters_that_xml_forbids_are_left_out_of_a_row(tmp_path: Path) -> None:
    found = read(tmp_path, dump.question(1).replace("Why", "W&#x1C;h&#1;&#xB;y&#x9;&#10;"))
    assert (found.texts, found.unread) == (["Title 1\n\nWhy ?"], [])


@pytest.mark.slow
def test_a_row_of_any_length_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "Posts.xml"
    with path.open("wb") as stream:
        stream.write(dump.table([dump.question(1), dump.question(2, "BODY"), dump.question(3)]).partition(b"BODY")[0])
        for _ in range(200):
            stream.write(b"x" * (1 << 20))
        stream.write(b'" />\r\n' + dump.question(3).encode() + b"\r\n</posts>")
    read: list[Any] = []
    assert growth(lambda: read.append(read_sources(path))) < 120 << 20
    found = read[0]
    assert found.texts == ["Title 1\n\nWhy?", "Title 3\n\nWhy?"]
    assert found.reasons == [(2, "row longer than 16 MiB")]


LAUGHS = (
    '<?xml version="1.0"?>\n<!DOCTYPE posts [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True))
    + ']>\n<posts>\n<row Id="1" PostTypeId="1" Body="&i;" />\n</posts>'
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS, "markup that no dump has: !DOCTYPE"),
        (
            '<!DOCTYPE posts [<!ENTITY x SYSTEM "file:///etc/passwd">]><posts><row Id="1" PostTypeId="1" '
            'Body="&x;" /></posts>',
            "markup that no dump has: !DOCTYPE",
        ),
        ("<posts>\n <row Id='1' PostTypeId='1' Body='<![CDATA[x]]>' /></posts>", "markup that no dump has: ![CDATA[x"),
        (dump.table([dump.question(1)]).decode().removesuffix("</posts>"), "cut off before its end"),
    ],
)
def test_a_hostile_or_cut_table_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "Posts.xml"
    path.write_text(text, encoding="utf-8")
    found = read_sources(path, reader=StackExchange())
    assert reason in [item.reason for item in found.unread]
    assert "root:" not in "".join(found.texts) and "haha" not in "".join(found.texts)


def test_a_cut_table_gives_the_questions_before_the_cut(tmp_path: Path) -> None:
    data = dump.table([dump.question(number) for number in range(1, 50)])
    path = tmp_path / "Posts.xml"
    path.write_bytes(data[: len(data) // 2])
    found = read_sources(path)
    assert 10 < len(found.texts) < 30
    assert found.reasons[-1] == (0, "cut off before its end")


def test_a_cut_and_an_encrypted_7z_are_named(tmp_path: Path) -> None:
    posts = {"Posts.xml": dump.table([dump.question(number) for number in range(1, 400)])}
    whole = dump.seven_zipped(tmp_path / "a.stackexchange.com.7z", posts).read_bytes()
    for share in (1, 2, 3):
        cut = tmp_path / f"cut{share}.7z"
        cut.write_bytes(whole[: len(whole) * share // 4])
        found = read_sources(cut)
        assert found.texts == [] and [item.file for item in found.unread] == [str(cut)]
    found = read_sources(dump.seven_zipped(tmp_path / "closed.7z", posts, password="secret"))
    assert [item.reason for item in found.unread] == ["encrypted"]


def test_other_xml_is_no_dump(tmp_path: Path) -> None:
    for name, text in (
        ("a.xml", "<posts><post/></posts>"),
        ("b.xml", "<rss><posts><row /></posts></rss>"),
        ("c.xml", ""),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert format_of(tmp_path / name).kind == "text"
    (tmp_path / "d.xml").write_bytes(dump.table([dump.question(1)]))
    assert format_of(tmp_path / "d.xml").kind == "stack-exchange"


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(UserError, match=r"stack-exchange\.answers"):
        StackExchange(answers=-1)


def test_sorting_on_disk_gives_the_same_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)
    posts = [dump.question(number, f"<p>q{number}</p>", chance.randrange(5)) for number in range(1, 200)]
    posts += [
        dump.answer(1000 + n, chance.randrange(1, 220), f"<p>a{n}</p>", chance.randrange(-2, 9)) for n in range(600)
    ]
    chance.shuffle(posts)
    within = read(tmp_path, *posts)
    monkeypatch.setattr(sorting, "RUN", 20_000)
    monkeypatch.setattr(sorting, "BUFFERS", 1)
    assert read(tmp_path, *posts) == within
    assert len(within.texts) == 199 and within.passed["answer without its question"] > 10


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(-3, 3)), max_size=30), st.integers(1, 400))
def test_every_row_is_kept_or_counted(drawn: list[tuple[int, int, int]], size: int) -> None:
    data = dump.table(
        [dump.question(a, score=s) if a == b else dump.answer(100 + n, b, score=s) for n, (a, b, s) in enumerate(drawn)]
    )
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    found = list(rows.rows(parts))
    assert found == list(rows.rows([data])) and len(found) == len(drawn)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_are_rows_or_refused(data: bytes, size: int) -> None:
    for wrapped in (data, b"<posts>" + data + b"</posts>", b'<posts><row Id="' + data + b'" /></posts>'):
        parts = [wrapped[start : start + size] for start in range(0, len(wrapped), size)]
        with contextlib.suppress(rows.BrokenTable):
            assert all(isinstance(item, dict | rows.BrokenRow) for item in rows.rows(parts))


@pytest.mark.slow
def test_a_build_is_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    for site in ("a.stackexchange.com", "b.stackexchange.com"):
        posts = [dump.question(number, f"<p>Question {number} of {site}</p>") for number in range(1, 9)]
        dump.seven_zipped(tmp_path / f"{site}.7z", {"Posts.xml": dump.table(posts)})
    sets = []
    for workers in (1, 2):
        out = tmp_path / f"corpus{workers}"
        account = build([], [str(tmp_path / "*.7z")], out, engine=Engine(workers=workers))
        assert account["kept"]["documents"] == 16
        sets.append([(item.id, item.text, item.meta) for item in documents(open_corpus(out))])
    assert sets[0] == sets[1]
    assert sets[0][0][0].endswith("a.stackexchange.com.7z/Posts.xml#1")


def test_a_question_longer_than_a_record_may_be_keeps_what_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "LONGEST", 100)
    found = read(tmp_path, dump.question(1, "x" * 60), dump.answer(2, 1, "y" * 30), dump.answer(3, 1, "z" * 30))
    assert found.texts == ["Title 1\n\n" + "x" * 60 + "\n\nAnswer\n\n" + "y" * 30]
    assert found.reasons == [(3, "too long a question")]
