"""The font of documents, and names written with the letters it has.

Noto Sans (SIL Open Font License, beside this file) writes Latin, Greek and Cyrillic letters, and ₹. A name it cannot
write gives way to what the person or project is recorded under, an address or a key, rather than to a row of
boxes.
"""

import unicodedata
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD = "NotoSans-Regular", "NotoSans-SemiBold"
_SHAPED = range(0x0900, 0x0980)
"""Devanagari has its glyphs in the font, but nobody here joins and orders them: unjoined they are misspelt."""
_FONTS = Path(__file__).parent / "fonts"


@cache
def register_fonts() -> None:
    """Makes the fonts known, once in a process."""
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(_FONTS / f"{name}.ttf")))


def written(name: str, reference: str) -> str:
    """The name, without accents the font lacks; where letters are missing, the reference; else a ? for each."""
    for text in (name, _plain(name), reference, _plain(reference)):
        if text and not _missing(text):
            return text
    return "".join("?" if _missing(letter) else letter for letter in _plain(reference or name))


def can_write(text: str) -> bool:
    """Whether all of it can be written, accents apart."""
    return not _missing(_plain(text))


def _plain(text: str) -> str:
    decomposed = (unicodedata.normalize("NFKD", letter) if _missing(letter) else letter for letter in text)
    return "".join(letter for part in decomposed for letter in part if not unicodedata.combining(letter))


def _missing(text: str) -> bool:
    register_fonts()
    known = pdfmetrics.getFont(BOLD).face.charToGlyph
    return any(ord(letter) not in known or ord(letter) in _SHAPED for letter in text)
