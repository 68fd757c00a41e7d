"""How much a JSON text asks of whoever decodes it, told from its bytes.

Eight megabytes of `[]` are three million lists, which take seconds to make, to walk and to free, and meanwhile nobody
else is answered. Their number and their depth are known before, for a few milliseconds a megabyte of any text.
"""

from itertools import accumulate, count
from operator import sub

_OPENINGS, _CLOSINGS = b"[{", b"]}"
_STEPS = bytes.maketrans(_OPENINGS + _CLOSINGS, b"\x02\x02\x00\x00")
_NO_BRACKETS = bytes(set(range(256)) - {*_OPENINGS, *_CLOSINGS})


def outgrows(content: bytes, *, values: int, levels: int) -> str | None:
    """What there is too much of, in words; None where it stays within both. A text that is no JSON is judged up to
    where it stops being any."""
    if _marks(content) < values and content.count(b"[") + content.count(b"{") <= levels:
        return None  # most requests, whose commas are within their texts
    bare = content.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in content else content
    if bare.count(b'"') > 4 * values:  # two a string, of which half at most are names
        return f"more than {values:,} values"
    outside = b"".join(bare.split(b'"')[::2])
    if _marks(outside) >= values:
        return f"more than {values:,} values"
    steps = outside.translate(_STEPS, _NO_BRACKETS)
    if max(map(sub, accumulate(steps), count(1)), default=0) > levels:
        return f"more than {levels} lists and objects in one another"
    return None


def _marks(content: bytes) -> int:
    """Every value but the first stands after a comma or an opening bracket."""
    return content.count(b",") + content.count(b"[") + content.count(b"{")
