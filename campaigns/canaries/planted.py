"""What is planted: a text that stands nowhere else, of what kind it is, and where alone it may be found."""

import base64
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass

_LETTERS = string.ascii_lowercase + string.digits
_PERSON = ("letter", "table ledger.*", "table public.[!p]*", "table public.pu*", "table public.project*")
"""A name or an address may stand in any table of ours, but for jobs and the payment provider's reports."""
NOWHERE: tuple[str, ...] = ()
BELONGS: dict[str, tuple[str, ...]] = {
    "the model provider's key": NOWHERE,
    "the other model provider's key": NOWHERE,
    "the payment provider's key secret": NOWHERE,
    "the webhook's secret": NOWHERE,
    "the secret of sessions": NOWHERE,
    "the database's password": NOWHERE,
    "an API key": NOWHERE,
    "an API key that is none": NOWHERE,
    "a session": ("table public.django_session", "table public.usersessions_usersession"),
    "a password": NOWHERE,
    "a wrong password": NOWHERE,
    "an invitation's token": ("letter", "table public.mail_queue"),
    "a card's number": NOWHERE,
    "a prompt": NOWHERE,
    "a model's answer": NOWHERE,
    "a question": ("table public.chat_turn", "table public.chat_thread"),
    "a requirement": ("table public.generation",),
    "guidelines": ("table public.team_guidelines",),
    "a test case": (
        "table public.test_case",
        "table public.case_change",
        "table public.generation",
        "table public.report",
    ),
    "an imported file": NOWHERE,
    "what stands in a query": NOWHERE,
    "a person": _PERSON,
}
"""By kind: tables and letters in which it may stand. Logs, metrics, answers to others and processes' names: never."""


@dataclass(frozen=True, slots=True)
class Canary:
    """One planted text."""

    kind: str
    text: str

    @property
    def belongs(self) -> tuple[str, ...]:
        """Where it may be found."""
        return BELONGS[self.kind]

    def forms(self) -> Iterator[bytes]:
        """As it might be written: plain, as hexadecimal digits, in the three ways base64 can begin with it."""
        plain = self.text.encode()
        yield plain
        yield plain.hex().encode()
        for before in range(3):
            encoded = base64.b64encode(b"\x00" * before + plain).rstrip(b"=")
            yield encoded[(before * 8 + 5) // 6 : -1]


LEARNT = {"an API key", "a session", "an invitation's token"}
"""The product makes these itself."""


def planted(dice: random.Random) -> dict[str, Canary]:
    """One of each kind whose text we choose; the others are made by the product and learnt on the way."""
    canaries = {
        kind: Canary(kind, "q" + "".join(dice.choices(_LETTERS, k=23))) for kind in BELONGS if kind not in LEARNT
    }
    canaries["a person"] = Canary("a person", "p" + "".join(dice.choices(string.ascii_lowercase, k=17)))
    canaries["a card's number"] = Canary("a card's number", _card(dice))
    return canaries


def _card(dice: random.Random) -> str:
    """Sixteen digits whose last is right."""
    digits = [4, *(dice.randrange(10) for _ in range(14))]
    doubled = [sum(divmod(digit * 2, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits)]
    return "".join(map(str, [*digits, -sum(doubled) % 10]))
