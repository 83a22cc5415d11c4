"""The own words of a mail: without what it quotes, its signature, and the lines that lists and telephones add."""

from __future__ import annotations

import re
from collections.abc import Mapping


def _joined(lines: str) -> str:
    """Return the choices of a pattern that is written over several lines."""
    return "".join(line.strip() for line in lines.split("\n"))


_QUOTED = re.compile(r"[ \t]{0,3}[A-Za-z]{0,3}>|\|[ \t]")
_DOCTEST = re.compile(r">>>(?: |$)")
_WROTE = r"""
    wrote|writes|said|schrieben?|a écrit|écrivait|écrit|escribió|escribio|ha scritto|scrisse|escreveu|schreef|skrev|
    skreiv|kirjoitti|napsala?|napsal\(a\)|napísal|napisała?|napisał\(a\)|пишет|писала?|написала?|написал\([аa]\)|yazdı|
    írta|έγραψε|a scris|写道|寫道|さんは書きました|のメール|작성|כתב|كتب
"""
_ATTRIBUTION = re.compile(rf".{{0,400}}(?:{_joined(_WROTE)}).{{0,200}}[:：]\s*")
_DATED = re.compile(r"(?:.{0,80}\d{4}.{0,200}|.{0,80}<[^<>@\s]+@[^<>\s]+>.{0,80})[:：]\s*")
# From here on a mail repeats another one, as Outlook writes it.
_ORIGINAL_NAMES = r"""
    Original Message|Original Appointment|Ursprüngliche Nachricht|Original-Nachricht|Originalnachricht|
    Message d'origine|Message original|Mensaje original|Messaggio originale|Mensagem original|
    Oorspronkelijk bericht|Opprinnelig melding|Ursprungligt meddelande|Oprindelig meddelelse|Alkuperäinen viesti|
    Wiadomość oryginalna|Původní zpráva|Исходное сообщение|Orijinal Mesaj|元のメッセージ|原始邮件|原始郵件|원본 메시지
"""
_ORIGINAL = re.compile(rf"[ \t]*-{{2,}} ?(?:{_joined(_ORIGINAL_NAMES)}) ?-{{2,}}[ \t]*", re.IGNORECASE)
_FROM_NAMES = r"""
    From|Von|De|De la|Da|Van|Från|Fra|Lähettäjä|Od|От|Від|Kimden|Feladó|Από|Từ|Dari|מאת|من|
    差出人|发件人|寄件者|보낸 사람
"""
_HEADER_NAMES = r"""
    Sent|Date|To|Cc|Subject|Gesendet|Datum|An|Betreff|Envoyé|À|Objet|Enviado(?: el)?|Fecha|Para|Asunto|Inviato|Data|A|
    Oggetto|Enviad[ao](?: em)?|Assunto|Verzonden|Aan|Onderwerp|Skickat|Till|Ämne|Sendt|Til|Emne|Lähetetty|Päivämäärä|
    Vastaanottaja|Aihe|Wysłano|Do|DW|Temat|Odesláno|Odoslané|Komu|Kopie|Předmět|Predmet|Отправлено|Дата|Кому|Копия|Тема|
    Надіслано|Копія|Gönderildi|Tarih|Kime|Bilgi|Konu|Elküldve|Címzett|Másolatot kap|Tárgy|Στάλθηκε|Ημερομηνία|Προς|Κοιν|
    Θέμα|Trimis|Către|Subiect|Đã gửi|Đến|Chủ đề|Dikirim|Kepada|Perihal|נשלח|אל|עותק|נושא|
    تم الإرسال|إلى|نسخة|الموضوع|送信日時|日付|宛先|件名|发送时间|日期|收件人|抄送|主题|寄件日期|收件者|副本|主旨|
    보낸 날짜|날짜|받는 사람|참조|제목
"""
_FROM = re.compile(rf"\*?(?:{_joined(_FROM_NAMES)})\*? ?[:：]\*? ?\S.*")
_SENT = re.compile(rf"\*?(?:{_joined(_HEADER_NAMES)})\*? ?[:：].*")
# What a mail passes on is text; the lines of its headers are not, but for the subject.
_FORWARDED_NAMES = r"""
    Forwarded message|Weitergeleitete Nachricht|Message transféré|Mensaje reenviado|Messaggio inoltrato|
    Mensagem encaminhada|Doorgestuurd bericht|Vidarebefordrat meddelande|Videresendt melding|Videresendt besked|
    Edelleenlähetetty viesti|Wiadomość przekazana dalej|Přeposlaná zpráva|Пересланное сообщение|Пересылаемое сообщение|
    Переслане повідомлення|İletilen ileti|転送メッセージ|转发的邮件|轉寄郵件|전달된 메일
"""
_FORWARDED = re.compile(rf"[ \t]*-{{2,}} ?(?:{_joined(_FORWARDED_NAMES)}) ?-{{2,}}[ \t]*", re.IGNORECASE)
_APPLE_NAMES = r"""
    Begin forwarded message|Anfang der weitergeleiteten Nachricht|Début du message réexpédié|Début du message transféré|
    Inicio del mensaje reenviado|Inizio messaggio inoltrato|Início da mensagem encaminhada|Begin doorgestuurd bericht|
    Vidarebefordrat brev|Videresendt e-mail|Начало переадресованного сообщения|転送されたメッセージ|下面是被转发的邮件
"""
_APPLE = re.compile(rf"[ \t]*(?:{_joined(_APPLE_NAMES)})[ \t]*[:：][ \t]*")
_SUBJECT = re.compile(
    r"\*?(?:Subject|Betreff|Objet|Asunto|Oggetto|Assunto|Onderwerp|Ämne|Emne|Aihe|Temat|Předmět|Тема|Konu|Tárgy|Θέμα|"
    r"Subiect|Chủ đề|件名|主题|主旨|제목)\*? ?[:：]\*? ?(.*)"
)
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # they stand around names in Hebrew and Arabic
_PHONES = re.compile(
    r"(?:Sent|Get Outlook|Enviado|Envoyé|Inviato|Verzonden|Skickat|Sendt|Lähetetty|Wysłane|Odesláno|Отправлено|"
    r"Von meine[mr]|Gesendet|发自|發自|從我的)\b.{0,80}?(?:iPhone|iPad|Android|BlackBerry|Blackberry|mobile|Mobile|"
    r"Smartphone|smartphone|Handy|telefoon|téléphone|Outlook|Windows|Yahoo|ProtonMail|Proton Mail|Samsung|Galaxy|Nokia|"
    r"iOS|Gmail|Mail)\b.{0,60}|(?:iPhone|iPad|Android).{0,10}(?:から送信|에서 보냄)|发自我的.{1,20}|發自我的.{1,20}"
)
_LIST_SIGNS = re.compile(
    r"mailing list|listinfo|unsubscribe|Google Groups|google\.com/group|Yahoo! Groups|list archives|"
    r"Mailingliste|Liste de diffusion|lista de correo|majordomo|List info|subscription",
    re.IGNORECASE,
)
_RULE = re.compile(r"[ \t]*(?:[_*=-]{10,}|-- ?)[ \t]*")
_FOOTER = 12  # lines: a footer of a list is no longer
_FORWARDS = 20  # mails passed on inside each other
_SIGNATURE = 20  # lines: behind two dashes without a blank, more are no signature


def own_words(text: str, keep_quotes: bool, keep_signatures: bool) -> str:
    """Return a mail's text, tidied: no blanks at line ends, no two blank lines together."""
    lines = [line.rstrip() if line != "-- " else line for line in text.split("\n")]
    if not keep_quotes:
        lines = without_quotes(forwarded(lines))
    if not keep_signatures:
        lines = without_signature(lines)
    joined = "\n".join(line.rstrip() for line in lines).strip("\n")
    return re.sub(r"\n{3,}", "\n\n", joined)


def forwarded(lines: list[str]) -> list[str]:
    """Return the lines with a mail that they pass on as text: its subject is a line, its other headers are none."""
    for _ in range(_FORWARDS):
        place = next((at for at, line in enumerate(lines) if _FORWARDED.fullmatch(line) or _APPLE.fullmatch(line)), -1)
        if place < 0:
            break
        is_quoted = bool(_APPLE.fullmatch(lines[place]))
        rest = [re.sub(r"\A[ \t]*> ?", "", item) if is_quoted else item for item in lines[place + 1 :]]
        begin = next((number for number, item in enumerate(rest[:4]) if item.strip()), 0)
        end = next((number for number in range(begin, len(rest)) if not rest[number].strip()), len(rest))
        headers = [item.strip() for item in rest[begin:end]]
        if sum(bool(_FROM.fullmatch(item) or _SENT.fullmatch(item)) for item in headers) < 2:
            break
        subject = [found[1] for item in headers if (found := _SUBJECT.fullmatch(item)) and found[1]]
        lines = [*lines[:place], "", *subject[:1], *rest[end:]]
    return lines


def without_quotes(lines: list[str]) -> list[str]:
    """Return the lines without quoted ones and the lines that lead to them."""
    kept: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        if _ORIGINAL.fullmatch(line) or _is_header(lines, place):
            if kept and re.fullmatch(r"[ \t]*_{8,}[ \t]*", kept[-1]):
                kept.pop()
            break
        if not _QUOTED.match(line):
            kept.append(line)
            place += 1
            continue
        end = place
        while end < len(lines) and (_QUOTED.match(lines[end]) or (not lines[end].strip() and _goes_on(lines, end))):
            end += 1
        introduced = _attribution(kept)
        block = [item for item in lines[place:end] if item.strip()]
        if not introduced and all(_DOCTEST.match(item) for item in block):
            kept += lines[place:end]  # a session of Python
        else:
            del kept[len(kept) - introduced :]
        place = end
    return kept


def _goes_on(lines: list[str], place: int) -> bool:
    """Say whether a quote goes on behind blank lines."""
    rest = next((line for line in lines[place : place + 4] if line.strip()), "")
    return bool(_QUOTED.match(rest)) and not _DOCTEST.match(rest)


def _attribution(kept: list[str]) -> int:
    """Return how many of the last lines say who wrote what is quoted next, blank ones behind them counted."""
    blank = 0
    while blank < len(kept) and not kept[-1 - blank].strip():
        blank += 1
    for count in (1, 2, 3):
        lines = kept[max(len(kept) - blank - count, 0) : len(kept) - blank]
        if len(lines) < count or not all(line.strip() for line in lines):
            break
        joined = _DIRECTIONS.sub("", " ".join(line.strip() for line in lines))
        if _ATTRIBUTION.fullmatch(joined) or _DATED.fullmatch(joined):
            longer = kept[len(kept) - blank - count - 1 : len(kept) - blank - count]
            begins = re.match(r"(?:On|Am|Le|El|Il|Em|Op|Den|Dne|W dniu|At|In|Quoting|于|在)\b", joined)
            if not begins and longer and re.match(r"(?:On|Am|Le|El|Il|Em|Op|Den|Dne|At)\b.{0,200}\d", longer[0]):
                count += 1
            return blank + count
    return 0


def _is_header(lines: list[str], place: int) -> bool:
    """Say whether the headers of a repeated mail begin here: who, and right below when or to whom."""
    if not _FROM.fullmatch(lines[place].strip()):
        return False
    below = [line.strip() for line in lines[place + 1 : place + 7] if line.strip()][:3]
    return sum(bool(_SENT.fullmatch(line)) for line in below) >= 2


def without_signature(lines: list[str]) -> list[str]:
    """Return the lines without the signature and the footers at their end."""
    lines = _trimmed(lines)
    for place in range(max(len(lines) - _FOOTER, 0), len(lines)):
        if _RULE.fullmatch(lines[place]) and any(_LIST_SIGNS.search(line) for line in lines[place + 1 :]):
            lines = _trimmed(lines[:place])
            break
    for place, line in enumerate(lines):
        rest = len(lines) - place - 1
        if line == "-- " or (line.rstrip() == "--" and rest <= _SIGNATURE):
            lines = _trimmed(lines[:place])
            break
    while lines and (_PHONES.fullmatch(lines[-1].strip()) or lines[-1].strip() in ("--", "—", "___")):
        lines = _trimmed(lines[:-1])
    return lines


def _trimmed(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]


def is_quote(tag: str, attributes: Mapping[str, str]) -> bool:
    """Say whether an element of a page is a quote of another mail, as programs for mail mark it."""
    names = {*attributes.get("class", "").split(), attributes.get("id", "")}
    if tag == "blockquote":
        return attributes.get("type", "").lower() == "cite" or "gmail_quote" in names
    return not names.isdisjoint(_QUOTES)


_QUOTES = frozenset(
    {
        "gmail_quote",
        "gmail_quote_container",
        "gmail_attr",
        "moz-cite-prefix",
        "yahoo_quoted",
        "protonmail_quote",
        "zmail_extra",
    }
)


def is_signature(tag: str, attributes: Mapping[str, str]) -> bool:
    """Say whether an element of a page is a signature, as programs for mail mark it."""
    names = {*attributes.get("class", "").split(), attributes.get("id", ""), attributes.get("data-smartmail", "")}
    return not names.isdisjoint({"gmail_signature", "moz-signature", "Signature", "ms-outlook-mobile-signature"})
