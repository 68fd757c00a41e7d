"""What a PDF says: its streams unpacked, its codes looked up in the fonts' own tables of letters."""

import base64
import re
import zlib
from collections.abc import Iterator

_MOVES = re.compile(
    rb"(?P<keep>\bq\b)|(?P<back>\bQ\b)|(?P<move>1 0 0 1 (?P<by>[-\d.]+) [-\d.]+ cm)"
    rb"|(?P<line>1 0 0 1 (?P<at>[-\d.]+) [-\d.]+ Tm)|(?P<text>\((?:\\.|[^\\)])*\) Tj)",
    re.DOTALL,
)
"""What moves the place where text begins, of all that these files do."""


def pdf_text(content: bytes) -> str:
    """Every piece of text, one a line, in the order in which the file draws them."""
    objects = {int(n): body for n, body in re.findall(rb"(\d+) 0 obj\s(.*?)endobj", content, re.DOTALL)}
    fonts = {
        name[1]: _letters(_stream(objects[int(table[1])]).decode())
        for body in objects.values()
        if (table := re.search(rb"/ToUnicode (\d+) 0 R", body)) and (name := re.search(rb"/Name /(\S+)", body))
    }
    said, letters = [], dict[int, str]()
    for body in objects.values():
        for font, text in re.findall(rb"/(F\S+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", _stream(body), re.DOTALL):
            if font:
                letters = fonts.get(font, {})
            else:
                said.append("".join(letters.get(code, chr(code)) for code in _codes(text)))
    return "\n".join(said)


def pdf_lefts(content: bytes, *texts: str) -> set[int]:
    """Where on the page some of its texts begin, in whole points from the left."""
    found: set[int] = set()
    for said, left in _placed(content):
        if said in texts:
            found.add(round(left))
    return found


def _placed(content: bytes) -> Iterator[tuple[str, float]]:
    said = iter(pdf_text(content).split("\n"))
    for body in re.findall(rb"\d+ 0 obj\s(.*?)endobj", content, re.DOTALL):
        left, kept, inside, drawn = 0.0, list[float](), 0.0, _stream(body)
        for token in _MOVES.finditer(drawn) if b" Tj" in drawn else ():
            match token.lastgroup:
                case "keep":
                    kept.append(left)
                case "back":
                    left = kept.pop()
                case "move":
                    left += float(token["by"])
                case "line":
                    inside = float(token["at"])
                case _:
                    yield next(said), left + inside


def _stream(body: bytes) -> bytes:
    if b"stream" not in body:
        return b""
    raw = body.split(b"stream", 1)[1].rsplit(b"endstream", 1)[0].strip(b"\r\n")
    if b"/ASCII85Decode" in body:
        raw = base64.a85decode(raw.strip().removesuffix(b"~>"))
    return zlib.decompress(raw) if b"/FlateDecode" in body else raw


def _letters(table: str) -> dict[int, str]:
    """Code → letter, from the ranges of a ToUnicode table."""
    found: dict[int, str] = {}
    for first, letters in re.findall(r"<(\w\w)> <\w\w>\s*\[([^\]]*)\]", table):
        for offset, letter in enumerate(re.findall(r"<(\w{4})>", letters)):
            found[int(first, 16) + offset] = chr(int(letter, 16))
    return found


def _codes(text: bytes) -> bytes:
    """A PDF string without its escapes."""
    return re.sub(
        rb"\\([0-7]{3}|.)",
        lambda found: bytes([int(found[1], 8)]) if len(found[1]) == 3 else found[1],
        text,
        flags=re.DOTALL,
    )
