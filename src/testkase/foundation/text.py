"""Text as it may be kept and said, whatever people and programs send."""

import unicodedata

_LEFT_OUT = dict.fromkeys([0x00, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""What PostgreSQL takes for no character, and what turns the direction of all that stands behind it."""
_UNSEEN = frozenset(("Cc", "Cf", "Zs"))
"""Control and format characters, and spaces."""
_JOINERS = dict.fromkeys((0x200C, 0x200D))
"""Words from Persian to Malayalam are spelled with them, emoji put together: not printable only to Python."""


def in_one_line(text: str) -> str:
    """Without line breaks, doubled spaces, what PostgreSQL takes for no character and what would turn the text around
    it. Empty where nothing of it could be seen: a name like that is none."""
    line = " ".join(text.translate(_LEFT_OUT).split())
    return line if any(unicodedata.category(letter) not in _UNSEEN for letter in line) else ""


def visible(text: str) -> str:
    """What programs name somebody or something by, which is kept as it was given: with the numbers of signs that would
    turn the text around it, and of all its signs where nobody could see any."""
    hidden = _LEFT_OUT if in_one_line(text) else {ord(sign) for sign in text}
    return "".join(f"\\u{ord(sign):04x}" if ord(sign) in hidden else sign for sign in text)


def sentence(text: str) -> str:
    """With a full stop where it ends without any: another sentence follows."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def is_printable(text: str) -> bool:
    """Whether all of it can be shown: no control characters, nothing that turns the text around it."""
    return text.translate(_JOINERS).isprintable()
