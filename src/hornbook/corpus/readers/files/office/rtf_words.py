"""What the words of RTF stand for (Microsoft, Rich Text Format 1.9.1)."""

from __future__ import annotations

import re

CHARSETS = {0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "cp950",
             161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251",
             222: "cp874", 238: "cp1250", 255: "cp437"}  # fmt: skip
SIGNS = {
    "tab": "\t", "line": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’",
    "ldblquote": "“", "rdblquote": "”", "emspace": "\u2003", "enspace": "\u2002", "qmspace": "\u2005",
    "zwj": "\u200d", "zwnj": "\u200c", "ltrmark": "\u200e", "rtlmark": "\u200f", "nestcell": " ", "nestrow": " ",
}  # fmt: skip
ESCAPED = {b"~": "\u00a0", b"_": "\u2011", b"\\": "\\", b"{": "{", b"}": "}", b"\t": "\t"}
# Groups that are no text of the document.
_NAMES = """
    aftncn aftnsep aftnsepc annotation atnauthor atndate atnicn atnid atnparent atnref atntime atrfend atrfstart
    author bkmkend bkmkstart buptim category colorschememapping colortbl comment company creatim datafield datastore
    do doccomm docvar dptxbxtext0 factoidname falt filetbl fldinst fontemb fontfile fonttbl footer footerf footerl
    footerr footnotesep ftncn ftnsep ftnsepc generator gridtbl header headerf headerl headerr hlinkbase info keycode
    keywords latentstyles listname listoverridetable listpicture listtable mailmerge manager mmathpr nextfile
    nonesttables nonshppict objalias objclass objdata objname oldcprops oldpprops oldsprops oldtprops operator
    panose password pgp pgptbl picprop pict pnseclvl printim private protusertbl pxe revtbl revtim rsidtbl rxe
    shppict sn sp stylesheet subject sv svb tc template themedata title ud userprops wgrffmtfilter windowcaption
    writereservation xe xmlnstbl
"""
UNSEEN = frozenset(_NAMES.split())
# Groups behind \* that hold text all the same; all others behind it are unknown and passed over.
SEEN = frozenset({"shpinst", "shptxt", "shprslt", "fldrslt", "pntext", "listtext", "footnote", "mmath", "moMath", "mr"})


def codec_of(page: int) -> str:
    """Return the codec of a code page, Windows' own for one that is unknown."""
    name = {65001: "utf-8", 936: "gbk", 10000: "mac_roman", 1361: "johab"}.get(page, f"cp{page}")
    try:
        "".encode(name)
    except LookupError:
        return "cp1252"
    return name


def lettered(text: str) -> str:
    """Return text without the signs of fonts of pictures, which are no letters; the bullet of the font Symbol stays."""
    return re.sub("[\uf000-\uf0ff]", "", text.replace("\uf0b7", "•"))
