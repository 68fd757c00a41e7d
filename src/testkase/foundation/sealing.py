"""Short secrets encrypted for the database: AES-256-GCM under a key derived from the installation's own.

What is sealed names its owner as associated data. Whoever can write the table, but does not have the key, can neither
read a secret nor move it to another owner.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = "v1."
_NONCE_BYTES = 12


class CannotOpen(Exception):  # noqa: N818 - named after what happened
    """The text is damaged, belongs to another owner, or was sealed under another key."""


class Seal:
    """Seals for one purpose. `keys`: the first seals, all of them open, so that the installation's key can change."""

    def __init__(self, keys: Sequence[str], *, purpose: str) -> None:
        self._keys = [_derive(key, purpose) for key in keys]

    def close(self, text: str, *, owner: str) -> str:
        """The text, encrypted for this owner."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._keys[0]).encrypt(nonce, text.encode(), owner.encode())
        return _VERSION + urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *, owner: str) -> str:
        """The text. Raises CannotOpen."""
        try:
            raw = urlsafe_b64decode(sealed.removeprefix(_VERSION).encode())
        except ValueError as error:
            raise CannotOpen("This is no sealed text.") from error
        if not sealed.startswith(_VERSION) or len(raw) <= _NONCE_BYTES:
            raise CannotOpen("This is no sealed text.")
        for key in self._keys:
            try:
                return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode()).decode()
            except InvalidTag:
                continue
        raise CannotOpen("Sealed under another key, for another owner, or changed since.")


def _derive(key: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"testkase {purpose}".encode()).derive(key.encode())
