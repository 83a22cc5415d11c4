"""The font that stands for every font of Chinese, Japanese and Korean that a PDF names and does not hold.

pdfium leaves out text whose characters have no extent, and takes what it draws for a missing font from the machine.
So the text of a PDF would depend on the fonts of the machine that reads it. With this one, which has a square for each
character, all of it is there, the same everywhere. For other scripts pdfium has fonts of its own.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from typing import Any

import pypdfium2.raw as pdfium

_CHARSETS = frozenset({128, 129, 134, 136})  # of Windows: Japanese, Korean, Chinese in China and in Taiwan
_EM, _ASCENT, _DESCENT = 1000, 880, -120


@functools.cache
def square_font() -> bytes:
    """Return a TrueType font whose one glyph, a square, is that of every character (OpenType 1.9)."""
    corners = [(0, _DESCENT), (0, _ASCENT), (_EM, _ASCENT), (_EM, _DESCENT)]
    glyph = struct.pack(">hhhhhHH4B", 1, 0, _DESCENT, _EM, _ASCENT, 3, 0, 1, 1, 1, 1)
    for axis in (0, 1):
        places = [corner[axis] for corner in corners]
        glyph += struct.pack(">4h", *(a - b for a, b in zip(places, [0, *places[:-1]], strict=True)))
    glyph += b"\0" * (-len(glyph) % 4)
    every = struct.pack(">HHIII", 13, 0, 28, 0, 1) + struct.pack(">III", 0x20, 0x10FFFF, 1)  # many to one
    box = (0, _DESCENT, _EM, _ASCENT)
    tables = {
        b"cmap": struct.pack(">HHHHI", 0, 1, 3, 10, 12) + every,
        b"glyf": glyph * 2,
        b"head": struct.pack(">IIIIHHQQ4hHHhhh", 0x10000, 0, 0, 0x5F0F3CF5, 0, _EM, 0, 0, *box, 0, 8, 2, 1, 0),
        b"hhea": struct.pack(">IhhhH", 0x10000, _ASCENT, _DESCENT, 0, _EM) + struct.pack(">11hH", *[0] * 11, 1),
        b"hmtx": struct.pack(">HhH", _EM, 0, 0),
        b"loca": struct.pack(">3I", 0, len(glyph), 2 * len(glyph)),
        b"maxp": struct.pack(">IH13H", 0x10000, 2, 4, 1, *[0] * 11),
    }
    head, body = struct.pack(">IHHHH", 0x10000, len(tables), 64, 2, 16 * len(tables) - 64), b""
    for name, data in tables.items():
        place = 12 + 16 * len(tables) + len(body)
        head += struct.pack(">4sIII", name, 0, place, len(data))
        body += data + b"\0" * (-len(data) % 4)
    return head + body


@functools.cache
def use_square_font() -> Any:
    """Make pdfium use it, and no font of the machine. What is returned must live as long as pdfium does."""
    data = square_font()

    def font_data(_: Any, font: Any, table: int, buffer: Any, size: int) -> int:
        if table:
            return 0
        if buffer and size >= len(data):
            ctypes.memmove(buffer, data, len(data))
        return len(data)

    answers = {
        "MapFont": lambda _, weight, italic, charset, pitch, face, exact: 1 if charset in _CHARSETS else None,
        "GetFontData": font_data,
        "GetFontCharset": lambda _, font: 1,
        "GetFaceName": lambda _, font, buffer, size: 0,
        "GetFont": lambda _, face: None,
        "EnumFonts": lambda _, mapper: None,
        "DeleteFont": lambda _, font: None,
        "Release": lambda _: None,
    }
    info = pdfium.FPDF_SYSFONTINFO()
    kinds = dict(info._fields_)
    info.version = 1
    for name, answer in answers.items():
        setattr(info, name, kinds[name](answer))
    pdfium.FPDF_SetSystemFontInfo(ctypes.byref(info))
    return info
