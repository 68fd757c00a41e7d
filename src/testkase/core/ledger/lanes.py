"""Which lane of the engine an organization's commands take, where lanes stand for servers.

On many servers there are as many lanes as the ledger has shards: then every batch is about one shard, and one server
commits it alone. The hash is PostgreSQL's own of a bigint, and the lanes are equal ranges of it, which is how Citus
lays out shards; a test compares it with the database's `hashint8`. On one server there is one.
"""

from functools import lru_cache

_MASK = 0xFFFF_FFFF
_START = (0x9E37_79B9 + 4 + 3_923_095) & _MASK
_LOWEST = 1 << 31


@lru_cache(maxsize=65_536)
def lane_of(org_id: int, lanes: int) -> int:
    """0 ≤ lane < lanes. Remembered, as it is asked for every command."""
    return 0 if lanes == 1 else ((hash_of(org_id) + _LOWEST) * lanes) >> 32


def hash_of(org_id: int) -> int:
    """PostgreSQL's hash of a bigint ≥ 0, from -2³¹ to 2³¹ - 1: Jenkins' final mix of its two halves."""
    a = (_START + ((org_id ^ (org_id >> 32)) & _MASK)) & _MASK
    b = c = _START
    c = ((c ^ b) - _rotated(b, 14)) & _MASK
    a = ((a ^ c) - _rotated(c, 11)) & _MASK
    b = ((b ^ a) - _rotated(a, 25)) & _MASK
    c = ((c ^ b) - _rotated(b, 16)) & _MASK
    a = ((a ^ c) - _rotated(c, 4)) & _MASK
    b = ((b ^ a) - _rotated(a, 14)) & _MASK
    c = ((c ^ b) - _rotated(b, 24)) & _MASK
    return c - (1 << 32) if c >= _LOWEST else c


def _rotated(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (32 - bits))) & _MASK
