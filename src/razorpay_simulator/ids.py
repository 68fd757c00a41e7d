"""Ids as Razorpay writes them, `order_` and 14 letters and digits, but the same for the same seed."""

import hashlib
from collections import Counter

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
LENGTH = 14


class Ids:
    """Counts per prefix, so that one more refund does not change the id of the next order."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.made: Counter[str] = Counter()

    def new(self, prefix: str) -> str:
        """The next id of a prefix; without one, the bare 14 characters."""
        self.made[prefix] += 1
        return f"{prefix}_{self._text(prefix)}" if prefix else self._text(prefix)

    def number(self, purpose: str, digits: int) -> str:
        """So many decimal digits, for references of banks."""
        self.made[purpose] += 1
        return str(self._value(purpose) % 10**digits).zfill(digits)

    def _text(self, prefix: str) -> str:
        value = self._value(prefix)
        letters = []
        for _ in range(LENGTH):
            value, place = divmod(value, len(_ALPHABET))
            letters.append(_ALPHABET[place])
        return "".join(letters)

    def _value(self, prefix: str) -> int:
        text = f"{self.seed}:{prefix}:{self.made[prefix]}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])
