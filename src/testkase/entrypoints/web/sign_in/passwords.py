"""Passwords that come to mind first because of where one is: the product's own words, alone or with a number behind."""

import re

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError

WORDS = frozenset(
    {
        "testkase", "testcase", "testcases", "testcredits", "aicredits", "credits", "password", "passphrase", "welcome",
        "administrator", "admin", "owner", "member", "generation", "organization", "northwind", "northwindlabs",
    }
)  # fmt: skip
"""What documents call the context-specific list (docs/security.md)."""

_NO_LETTERS = re.compile(r"[^a-z]+")


class NotTheProduct:
    """Refuses a password that is nothing but one or two of these words, whatever digits and signs stand between."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        parts = [part for part in _NO_LETTERS.split(password.lower()) if part]
        joined = "".join(parts)
        if joined and (joined in WORDS or set(parts) <= WORDS):
            raise ValidationError("That is easy to guess here. Unrelated words make a better one.", code="context")

    def get_help_text(self) -> str:
        return "Not made of this product's own words."
