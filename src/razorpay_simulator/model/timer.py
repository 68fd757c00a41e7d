"""Something that will happen by itself when the clock gets there."""

import msgspec


class Timer(msgspec.Struct, kw_only=True):
    """`action` is a name in rules/timers.py, `target` the id of what it happens to."""

    id: str
    at: float
    action: str
    target: str
