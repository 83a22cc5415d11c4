"""Mail: parts, encodings, quotes, signatures, mailboxes and threads."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_files import never_crashes, one, tolerant

from hornbook.corpus.readers.formats import records
from hornbook.corpus.readers.record import Part, Reading
from hornbook.corpus.readers.talk.mail import Mail

HEAD = b"From: Ann Author <ann@example.org>\nTo: bob@example.org\nSubject: Hi\n"


def eml(path: Path, body: bytes, headers: bytes = b"") -> Path:
    path.write_bytes(HEAD + headers + b"\n" + body)
    return path


def mixed(*parts: bytes, kind: bytes = b"mixed", mark: bytes = b"=_x") -> tuple[bytes, bytes]:
    """Return the body and the header of a message of parts."""
    body = (
        b"preamble\n"
        + b"".join(b"--" + mark + b"\n" + part + b"\n" for part in parts)
        + b"--"
        + mark
        + b"--\nepilogue\n"
    )
    return body, b"Content-Type: multipart/" + kind + b'; boundary="' + mark + b'"\n'


PLAIN, HTML = b"Content-Type: text/plain\n\nplain", b"Content-Type: text/html\n\n<p>page &amp; <b>more</b></p>"
FILE = b"Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nattached"
PICTURE = b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo="
INNER = b"Content-Type: message/rfc822\n\nSubject: Inside\n\ninner words"
BODIES = [
    (b"Just words.\n", b"", "Just words."),
    (b"caf\xc3\xa9", b"", "café"),
    (b"caf\xe9 cr\xe8me br\xfbl\xe9e", b"Content-Type: text/plain; charset=iso-8859-1\n", "café crème brûlée"),
    (b"caf\xc3\xa9", b"Content-Type: text/plain; charset=us-ascii\n", "café"),
    ("Привет, мир".encode("koi8-r"), b"Content-Type: text/plain; charset=koi8-r\n", "Привет, мир"),
    (b"\x1b$B-!$3\x1b(B (1)", b"Content-Type: text/plain; charset=ISO-2022-JP\n", "①こ (1)"),
    (b"\x1b$B$3$s\x1b(B", b"", "こん"),
    (b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSigned.\n- -- \nAnn\n-----BEGIN PGP SIGNATURE-----\n\niQIz\n"
     b"-----END PGP SIGNATURE-----\n", b"", "Signed."),
    ("日本語".encode("iso-2022-jp"), b"Content-Type: text/plain; charset=ISO-2022-JP\n", "日本語"),
    ("“quoted”".encode("cp1252"), b"Content-Type: text/plain; charset=ISO-8859-1\n", "“quoted”"),
    (b"x", b"Content-Type: text/plain; charset=no-such-thing\n", "x"),
    (b"caf=C3=A9 =\ngoes on=20\n=3D", b"Content-Transfer-Encoding: quoted-printable\n", "café goes on\n="),
    (b"Y2Fmw6k=\n", b"Content-Transfer-Encoding: base64\n", "café"),
    (b"Y2Fm\n w6k", b"Content-Transfer-Encoding: BASE64\n", "café"),
    (b"a flowing \nline\n> quoted \n> too\nnext", b"Content-Type: text/plain; format=flowed\n", "a flowing line\nnext"),
    (b"del \nsp", b"Content-Type: text/plain; format=flowed; delsp=yes\n", "delsp"),
    (b"one\r\ntwo\r\n", b"", "one\ntwo"),
    (b"one\n\n\n\ntwo   \n", b"", "one\n\ntwo"),
    (*mixed(PLAIN, HTML, kind=b"alternative"), "plain"),
    (*mixed(b"Content-Type: text/plain\n\n \n", HTML, kind=b"alternative"), "page & more"),
    (*mixed(HTML, PICTURE, kind=b"related"), "page & more"),
    (*mixed(PLAIN, FILE, PICTURE), "plain"),
    (*mixed(PLAIN, HTML), "plain\n\npage & more"),
    (*mixed(PLAIN, INNER), "plain\n\nInside\n\ninner words"),
    (*mixed(b"\nno headers"), "no headers"),
    (*mixed(b"\nSubject: One\n\nfirst", b"\nSubject: Two\n\nsecond", kind=b"digest"), "One\n\nfirst\n\nTwo\n\nsecond"),
    (b"no marks in it", b"Content-Type: multipart/mixed; boundary=zzz\n", None),
    (b"no boundary", b"Content-Type: multipart/mixed\n", "no boundary"),
    (b"<html><body>page</body></html>", b"Content-Type: text/html\n", "page"),
    (b"see\nbegin 644 a.txt\n#0V%T\n`\nend\nabove", b"", "see\nabove"),
    (b"<bold>rich</bold> <<text>", b"Content-Type: text/enriched\n", "rich <"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "text"), BODIES)
def test_a_body_becomes_this_text(tmp_path: Path, body: bytes, headers: bytes, text: str | None) -> None:
    found, bad, passed = tolerant(Mail(), eml(tmp_path / "a.eml", body, headers))
    assert ([record.text for record in found], bad) == ([] if text is None else [text], [])
    assert passed == (["mail without words of its own"] if text is None else [])


REPLIES = [
    ("Yes.\n\nOn Mon, 1 Jan 2020 at 10:00, Ann <a@x.y> wrote:\n> Shall we?\n>\n> Ann", "Yes."),
    ("Yes.\n\nOn Mon, Jan 1, 2020 at 10:00 AM Ann Author\n<ann@example.org> wrote:\n\n> Shall we?", "Yes."),
    ("> Shall we?\nYes.\n> When?\nNow.", "Yes.\nNow."),
    ("Ja.\n\nAm 1. Januar 2020 um 10:00 schrieb Ann:\n> Gut?", "Ja."),
    ("Oui.\n\nLe lun. 1 janv. 2020 à 10:00, Ann <a@x.y> a écrit :\n> Bien ?", "Oui."),
    ("Sí.\n\nEl lun, 1 ene 2020 a las 10:00, Ann escribió:\n> ¿Bien?", "Sí."),
    ("Sì.\n\nIl giorno lun 1 gen 2020 Ann ha scritto:\n> Bene?", "Sì."),
    ("Sim.\n\nEm seg., 1 de jan. de 2020, Ann escreveu:\n> Bem?", "Sim."),
    ("Ja.\n\nOp ma 1 jan. 2020 schreef Ann:\n> Goed?", "Ja."),
    ("Да.\n\n1 янв. 2020 г. Анна пишет:\n> Хорошо?", "Да."),
    ("はい。\n\n2020年1月1日(水) 10:00 Ann <a@x.y>:\n> いいですか", "はい。"),
    ("好。\n\n在 2020年1月1日,Ann 写道:\n> 好吗", "好。"),
    ("Yes.\n\n-----Original Message-----\nFrom: Ann\nSent: Monday\nTo: Bob\nSubject: x\n\nShall we?", "Yes."),
    ("Ja.\n\n-----Ursprüngliche Nachricht-----\nVon: Ann\nGut?", "Ja."),
    ("Yes.\n\n________________________________\nFrom: Ann\nSent: Monday, 1 January\nTo: Bob\nSubject: x\n\nOld.",
     "Yes."),
    ("Ja.\n\nVon: Ann\nGesendet: Montag\nAn: Bob\nBetreff: x\n\nAlt.", "Ja."),
    ("Да.\n\nОт: Анна\nОтправлено: 1 января\nКому: Боб\nТема: x\n\nСтарое.", "Да."),
    ("はい。\n\n差出人: 田中\n送信日時: 2020年1月1日\n宛先: 山田\n件名: x\n\n古い。", "はい。"),
    ("好。\n\n发件人: 王\n发送时间: 2020年1月1日\n收件人: 李\n主题: x\n\n旧。", "好。"),
    ("네.\n\n보낸 사람: 김\n보낸 날짜: 2020년\n받는 사람: 이\n제목: x\n\n옛.", "네."),
    ("Tak.\n\nOd: Jan\nWysłano: poniedziałek\nDo: Ola\nTemat: x\n\nStare.", "Tak."),
    ("כן.\n\n\u202bבתאריך 1 בינו׳ 2020 מאת \u202aAnn\u202c <a@x.y>:\u202c\n\n> ישן", "כן."),
    ("FYI\n\n---------- Forwarded message ---------\nFrom: C <c@x.y>\nDate: Mon\nSubject: News\nTo: A\n\n\nIt rains.",
     "FYI\n\nNews\n\nIt rains."),
    ("Begin forwarded message:\n\n> From: C\n> Subject: News\n> Date: Mon\n> \n> It rains.", "News\n\nIt rains."),
    ("---- Forwarded message ----\nwas all it said.", "---- Forwarded message ----\nwas all it said."),
    ("From: the heart\nthese words come.", "From: the heart\nthese words come."),
    ("JD> quoted\nmine", "mine"),
    ("Try this:\n\n>>> 1 + 1\n2\n>>> x = 3\n\nDone.", "Try this:\n\n>>> 1 + 1\n2\n>>> x = 3\n\nDone."),
    ("Ann wrote:\n>>> deep\n>> less\nmine", "mine"),
    ("As Kant wrote:\n\nact so.", "As Kant wrote:\n\nact so."),
    ("a > b\n1 > 0", "a > b\n1 > 0"),
    ("Bye.\n\n-- \nAnn Author\nDirector of Things\n+1 234", "Bye."),
    ("Bye.\n--\nAnn", "Bye."),
    ("a\n--\n" + "line\n" * 30 + "end", "a\n--\n" + "line\n" * 30 + "end"),
    ("Bye.\n\nSent from my iPhone", "Bye."),
    ("Bye.\n\nVon meinem iPhone gesendet", "Bye."),
    ("Bye.\n\nEnvoyé de mon iPhone", "Bye."),
    ("Bye.\n\nGet Outlook for iOS", "Bye."),
    ("はい。\n\niPhoneから送信", "はい。"),
    ("Words.\n____________________\nPython-list mailing list\nhttp://mail.x.y/listinfo/z\n",
     "Words."),
    ("Words.\n\n-- \nYou get this message as you are subscribed to the Google Groups \"x\" group.\nTo unsubscribe",
     "Words."),
    ("Words.\n----------------------------------------\nTo unsubscribe, e-mail: x-u@y.z", "Words."),
    ("Title\n==========\n\nText of it.", "Title\n==========\n\nText of it."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "text"), REPLIES)
def test_the_own_words_of_a_reply(tmp_path: Path, body: str, text: str) -> None:
    assert one(Mail(), eml(tmp_path / "a.eml", body.encode())).text == text


def test_quotes_and_signatures_can_be_kept(tmp_path: Path) -> None:
    body = "Yes.\n\nOn Monday Ann wrote:\n> So?\n-- \nBob"
    path = eml(tmp_path / "a.eml", body.encode())
    assert one(Mail(quotes=True, signatures=True), path).text == "Yes.\n\nOn Monday Ann wrote:\n> So?\n--\nBob"


def test_quotes_and_signatures_of_pages(tmp_path: Path) -> None:
    page = b"""<div>Yes.</div><div class="gmail_signature">Bob</div><div class="gmail_quote">
    <div class="gmail_attr">On Monday Ann wrote:</div><blockquote class="gmail_quote">So?</blockquote></div>
    <blockquote type="cite">too</blockquote>"""
    path = eml(tmp_path / "a.eml", page, b"Content-Type: text/html\n")
    assert one(Mail(), path).text == "Yes."
    assert one(Mail(quotes=True, signatures=True), path).text == "Yes.\n\nBob\n\nOn Monday Ann wrote:\n\nSo?\n\ntoo"


def test_facts_have_no_names_unless_asked(tmp_path: Path) -> None:
    headers = b"Date: Mon, 2 Mar 2020 10:00:00 +0100\nMessage-ID: <1@x.y>\n"
    headers += b"List-Id: A list <list.x.y>\nContent-Language: en-GB\n"
    (tmp_path / "a.eml").write_bytes(
        b"From: =?utf-8?q?Ann_=C3=89?= <ann@x.y>\nSubject: =?utf-8?b?w4k=?=\n =?iso-8859-1?q?t=E9?= =?x?q?_bad?=\n"
        + headers + b"\nwords"
    )  # fmt: skip
    facts = {"title": "Été bad", "date": "2020-03-02T10:00:00+01:00", "language": "en-GB", "message_id": "1@x.y",
             "list": "list.x.y"}  # fmt: skip
    assert list(records(tmp_path / "a.eml")) == [(1, "words", facts, "")]
    assert one(Mail(names=True), tmp_path / "a.eml").meta["authors"] == ["Ann É"]


def test_encrypted_mail_is_passed_over(tmp_path: Path) -> None:
    body, headers = mixed(b"Content-Type: application/pgp-encrypted\n\nVersion: 1", kind=b"encrypted")
    assert tolerant(Mail(), eml(tmp_path / "a.eml", body, headers))[2] == ["encrypted mail"]


def mbox(path: Path, *messages: bytes) -> Path:
    path.write_bytes(b"".join(b"From ann@x.y Mon Jan  1 10:00:00 2020\n" + message + b"\n\n" for message in messages))
    return path


def test_a_mailbox(tmp_path: Path) -> None:
    path = mbox(
        tmp_path / "a.mbox",
        b"Subject: A\n\n>From here on.\n>>From there.\n\nFrom nowhere special.",
        b"X-Mozilla-Status: 0009\nSubject: gone\n\nx",
        b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n\nx",
        b"Subject: B\n\nlast",
    )
    found, bad, passed = tolerant(Mail(), path)
    assert [record.text for record in found] == ["From here on.\n\nFrom nowhere special.", "last"]
    assert (bad, passed) == ([], ["deleted mail", "data of a mail folder"])
    data = path.read_bytes()
    assert all(data[record.number - 1 :].startswith(b"From ann") for record in found)


def test_a_line_of_a_body_that_begins_as_a_message_does(tmp_path: Path) -> None:
    body = b"Hello.\n\nFrom me Mon Jan  2 10:00:00 2023 is a line.\n\nFrom here on 1999 it goes on."
    found, bad, passed = tolerant(Mail(), mbox(tmp_path / "a.mbox", b"Subject: A\n\n" + body, b"Subject: B\n\nlast"))
    assert [record.text for record in found] == [body.decode(), "last"]
    assert (bad, passed) == ([], [])


def test_the_properties_of_an_apple_mail_are_no_text(tmp_path: Path) -> None:
    message = HEAD + b"\nWords.\n"
    properties = b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "">\n<plist><dict/></plist>\n'
    path = tmp_path / "a.emlx"
    path.write_bytes(b"%d      \n" % len(message) + message + properties)
    assert one(Mail(), path).text == "Words."


def test_a_plain_form_that_only_points_to_the_page(tmp_path: Path) -> None:
    stub = b"Content-Type: text/plain\n\nPlease view this message in a browser."
    page = b"Content-Type: text/html\n\n<p>" + b"The words of the letter. " * 12 + b"</p>"
    body, headers = mixed(stub, page, kind=b"alternative")
    assert one(Mail(), eml(tmp_path / "a.eml", body, headers)).text == " ".join(["The words of the letter."] * 12)


def test_what_the_standard_library_writes(tmp_path: Path) -> None:
    box = mailbox.mbox(str(tmp_path / "a.mbox"))
    for number in range(20):
        message = EmailMessage()
        message["Subject"] = f"Número {number}"
        message.set_content(f"Text {number} — ünïcode\n\nFrom the start.\n")
        message.add_alternative(f"<p>Page {number}</p>", subtype="html")
        message.add_attachment(b"\x00\x01", maintype="application", subtype="zip", filename="a.zip")
        box.add(message)
    box.close()
    found = list(Mail()(tmp_path / "a.mbox", Reading(), Part()))
    assert [record.text for record in found] == [f"Text {number} — ünïcode\n\nFrom the start." for number in range(20)]
    assert [record.meta["title"] for record in found] == [f"Número {number}" for number in range(20)]


@pytest.mark.parametrize("unit", [60, 100, 333, 1000, 3000])
def test_parts_of_a_mailbox_are_the_whole(tmp_path: Path, unit: int) -> None:
    messages = [
        b"Subject: %d\n\nwords %d\n\nFrom here, not a message.\n" % (n, n) + b"x\n" * (n % 40) for n in range(60)
    ]
    path = mbox(tmp_path / "a.mbox", *messages)
    size = path.stat().st_size
    cuts = Mail().cuts(path, size, unit)
    assert len(cuts) > 1 and cuts[-1].stop == size
    parts = [record for cut in cuts for record in Mail()(path, Reading(), Part(cut.start, cut.stop, cut.first))]
    assert parts == list(Mail()(path, Reading(), Part()))
    assert len({record.number for record in parts}) == 60


def test_threads(tmp_path: Path) -> None:
    path = mbox(
        tmp_path / "a.mbox",
        b"Message-ID: <2@x>\nIn-Reply-To: <1@x>\nFrom: Bob <b@x>\nDate: Tue, 3 Mar 2020 10:00:00 +0000\n"
        b"Subject: Re: A\n\ntwo",
        b"Message-ID: <9@x>\nSubject: Other\n\nalone",
        b"Message-ID: <1@x>\nFrom: Ann <a@x>\nDate: Mon, 2 Mar 2020 10:00:00 +0000\nSubject: A\n\none",
        b"Message-ID: <3@x>\nReferences: <1@x> <2@x>\nFrom: Ann <a@x>\nDate: Wed, 4 Mar 2020 10:00:00 +0000\n\nthree",
    )
    first, second = Mail(by="thread")(path, Reading(), Part())
    assert (first.text, first.meta["title"], first.meta["messages"]) == ("one\n\ntwo\n\nthree", "A", 3)
    assert (second.text, second.meta["messages"]) == ("alone", 1)
    named = next(iter(Mail(by="thread", names=True)(path, Reading(), Part())))
    assert named.text == "Ann:\n\none\n\nBob:\n\ntwo\n\nAnn:\n\nthree"
    assert named.meta["authors"] == ["Ann", "Bob"]
    assert Mail(by="thread").cuts(path, 10**9, 10) == []


def test_ten_thousand_parts_inside_each_other(tmp_path: Path) -> None:
    parts = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(10_000))
    found, bad, passed = tolerant(Mail(), eml(tmp_path / "a.eml", b"", parts + b"\n\ndeep"))
    assert (found, bad, passed) == ([], [], ["mail without words of its own"])
    inner = b"Content-Type: message/rfc822\n\n" * 10_000
    assert tolerant(Mail(), eml(tmp_path / "b.eml", inner + b"deep"))[1] == []


def test_a_mail_that_is_too_long_is_named_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hornbook.corpus.readers.talk.mail.LONGEST", 10_000)
    path = mbox(tmp_path / "a.mbox", b"Subject: A\n\n" + b"long\n" * 5_000, b"Subject: B\n\nshort")
    found, bad, _ = tolerant(Mail(), path)
    assert ([error.reason for error in bad], [record.text for record in found]) == (["too long a mail"], ["short"])


PIECES = [b"From a Mon Jan 1 2020\n", b"Subject: x\n", b"\n", b"words\n", b"--b\n", b"--b--\n", b"=?utf-8?q?=ff?=",
          b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Transfer-Encoding: base64\n", b"> q\n", b"-- \n",
          b"Content-Type: text/html; charset=x\n", b"Content-Type: text/plain; charset*0=utf; charset*1=-8\n",
          b"\xff\xfe", b"Date: x\n", b"\r\n", b"<p>", b"YQ"]  # fmt: skip


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join), st.binary(max_size=80)),
    st.sampled_from([Mail(), Mail(by="thread", quotes=True, signatures=True, names=True)]),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, reader: Mail) -> None:
    never_crashes(reader, tmp_path / "a.mbox", data)
