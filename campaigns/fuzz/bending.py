"""What is changed by hand around the body: its bytes, headers, address, query, method."""

import random
from collections.abc import Callable
from urllib.parse import quote

from campaigns.fuzz import oddities
from campaigns.fuzz.json_text import TEXTS, bend, written
from campaigns.fuzz.request import Request

Bend = Callable[[Request, random.Random], str]


def bent_bytes(request: Request, dice: random.Random) -> str:
    """The body's own bytes."""
    body = request.body or b""
    kind = dice.choice(
        ("truncated", "utf-16", "utf-32", "bom", "latin-1", "flipped", "tail", "none", "nul", "zeros", "twice")
    )
    text = body.decode("utf-8", "replace")
    cut, flipped = dice.randrange(len(body) + 1), bytearray(body or b"{}")
    flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
    request.body = {
        "truncated": body[:cut], "utf-16": text.encode("utf-16"), "utf-32": text.encode("utf-32"),
        "bom": b"\xef\xbb\xbf" + body, "latin-1": body.replace(b'":"', b'":"\xe4', 1),
        "flipped": bytes(flipped), "tail": body + b"}", "none": None, "nul": body + b"\x00", "zeros": b"\x00" * 40,
        "twice": body * 2,
    }[kind]  # fmt: skip
    return f"{kind} bytes"


def bent_length(request: Request, dice: random.Random) -> str:
    """More is declared than comes, less, or no number: the connection ends in the middle."""
    request.malformed = True  # but for the one whole body below
    if dice.random() < 0.6:
        request.body = request.body or b"{}"
        request.length = len(request.body) + dice.choice((1, 100, 10**6))
        return "cut off"
    kind = dice.choice(("chunked", "bad chunk", "both", "negative", "two"))
    if kind in ("chunked", "bad chunk"):
        request.set("Transfer-Encoding", b"chunked")
        request.malformed = kind == "bad chunk"
        request.body = (
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(request.body or b""), request.body or b"")
            if kind == "chunked"
            else b"zz\r\n{}"
        )
    elif kind == "both":
        request.set("Transfer-Encoding", b"chunked")
        request.headers.append(("Content-Length", b"3"))
        request.body = b"0\r\n\r\n"
    elif kind == "negative":
        request.length = -1
    else:
        request.headers.append(("Content-Length", b"1"))
    return f"length: {kind}"


def bent_type(request: Request, dice: random.Random) -> str:
    """Another content type than the body's, or none."""
    kind = dice.choice((None, *oddities.TYPES))
    request.set("Content-Type", kind)
    return f"content type {kind!r}"


def bent_header(request: Request, dice: random.Random) -> str:
    """A header nobody sends so, or very many."""
    if dice.random() < 0.05:
        request.headers += [(f"X-Many-{number}", b"x") for number in range(dice.choice((60, 95, 120)))]
        return "many headers"
    name = dice.choice(oddities.HEADERS)
    value = dice.choice(oddities.COOKIES if name == "Cookie" else oddities.VALUES)
    if name == "Cookie" and dice.random() < 0.7:
        value = (request.header("Cookie") or b"") + b"; " + value
    request.set(name, value)
    return f"{name}: {value[:40]!r}"


def bent_key(request: Request, dice: random.Random) -> str:
    """An Idempotency-Key that is no id."""
    value = dice.choice(oddities.KEYS)
    request.set("Idempotency-Key", value)
    return f"Idempotency-Key {value[:30]!r}"


def bent_method(request: Request, dice: random.Random) -> str:
    """Another method at the same address."""
    request.method = dice.choice([method for method in oddities.METHODS if method != request.method])
    request.operation = None
    return f"method {request.method[:10]}"


def bent_path(request: Request, dice: random.Random) -> str:
    """One part of the address is another."""
    parts = request.path.split("/")
    first = 1 if request.door == "pages" else 2  # another beginning is another door
    place = dice.randrange(first, len(parts)) if dice.random() < 0.3 else len(parts) - 1
    parts[place] = (
        dice.choice(oddities.SEGMENTS)
        if dice.random() < 0.8
        else quote(dice.choice(TEXTS).encode("utf-8", "replace")[:3_000], safe="")
    )
    request.path = "/".join(parts) + dice.choice(("", "", "", "/", "//"))
    request.operation = None
    return f"path part {place}"


def bent_query(request: Request, dice: random.Random) -> str:
    """A query that cannot be meant."""
    query = dice.choice(oddities.QUERIES)
    request.query = f"{request.query}&{query}" if request.query and dice.random() < 0.5 else query
    return f"query {query[:40]}"


def bent_value(request: Request, dice: random.Random) -> str:
    """Something in the JSON is another."""
    request.value, told = bend(request.value, dice)
    request.body = written(request.value)
    return told


def bent_depth(request: Request, dice: random.Random) -> str:
    """Huge: more than any route takes, or deeper than any parser likes."""
    request.body = dice.choice(
        (b"[" * 100_000, b" " * 2_200_000 + b"{}", b'{"a":' * 100_000, b'["' + b"x" * 9_000_000 + b'"]', b"9" * 500_000)
    )
    return f"huge: {len(request.body):,} bytes"
