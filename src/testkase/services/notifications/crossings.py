"""When an alert fires: a fold over the journal, without a clock, a database or chance (P12).

The figure that is watched is all an organization can still spend of its own: available and held after each entry, so
that setting credits aside for a call alerts nobody. A threshold fires when the figure has fallen to it, and is armed
again when the figure has risen above it. One entry that falls through several thresholds gives one alert, named after
the lowest, and one crossing for each of them.

While AI is off nothing fires, and crossings are not saved up: what counts is where the balance stands when AI comes on
again. Thresholds it has fallen to meanwhile, and was not known to be at before, then fire as one alert.

At the end of a month the old allowance expires and the new one arrives at the same instant, as two entries. Nobody ever
had the balance between them, so it is not looked at.
"""

from collections.abc import Sequence

import msgspec

from testkase.services.notifications.thresholds import is_low


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the journal, as far as alerts are concerned. Amounts in micro-credits, `at` in microseconds UTC."""

    seq: int
    at: int
    kind: str
    note: str
    available: int
    level: int
    """Available and held after the entry."""


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Where an organization stands: the last entry seen, the balance and the switch after it, and which of its
    thresholds have fired and not been risen above since."""

    seq: int
    level: int
    ai_on: bool
    thresholds: tuple[int, ...]
    crossed: tuple[int, ...]
    crossed_seq: int


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """The balance has fallen to one or more thresholds with one entry. `thresholds`: all of them, highest first."""

    seq: int
    at: int
    level: int
    thresholds: tuple[int, ...]

    @property
    def lowest(self) -> int:
        return self.thresholds[-1]


def watch_on(watch: Watch, readings: Sequence[Reading]) -> tuple[Watch, list[Alert]]:
    """Fold further entries, in the order of the journal, into where an organization stands. Entries of one instant must
    not be split between two calls; entries seen before are passed over."""
    alerts: list[Alert] = []
    between = _between_months(readings)
    for reading in readings:
        if reading.seq <= watch.seq:
            continue
        ai_on = reading.note == "on" if reading.kind == "switch" else watch.ai_on
        level = _own_level(watch, reading)
        watch = msgspec.structs.replace(watch, seq=reading.seq, level=level, ai_on=ai_on)
        if reading.seq not in between:
            watch, fired = _look(watch, reading.at)
            alerts.extend(fired)
    return watch, alerts


def with_thresholds(watch: Watch, thresholds: tuple[int, ...]) -> Watch:
    """The same place under other thresholds, highest first. One that stays keeps what it knows. A new one that the
    balance has already fallen to does not fire now, while somebody looks at the figure: it fires after the next rise
    above it and fall to it, and the banner shows it at once. While AI is off it is due when AI comes on, as any other.
    """
    low = {threshold for threshold in thresholds if is_low(watch.level, threshold)}
    fresh = low - set(watch.thresholds) if watch.ai_on else set()
    crossed = tuple(threshold for threshold in thresholds if threshold in low & set(watch.crossed) | fresh)
    # The banner speaks of something new: who had put the last one away sees it.
    seq = watch.seq if fresh else watch.crossed_seq
    return msgspec.structs.replace(watch, thresholds=thresholds, crossed=crossed, crossed_seq=seq)


def _own_level(watch: Watch, reading: Reading) -> int:
    """Credits that come are available first. Where none are, the figure has risen by what was lent to a call beyond the
    balance (P7): nobody has more credits by that, and the end of each such call is not to be told as running out."""
    return reading.level if reading.available else min(watch.level, reading.level)


def _look(watch: Watch, at: int) -> tuple[Watch, list[Alert]]:
    low = tuple(threshold for threshold in watch.thresholds if is_low(watch.level, threshold))
    still = tuple(threshold for threshold in watch.crossed if threshold in low)
    fallen = tuple(threshold for threshold in low if threshold not in still) if watch.ai_on else ()
    if not fallen:
        return msgspec.structs.replace(watch, crossed=still), []
    alert = Alert(seq=watch.seq, at=at, level=watch.level, thresholds=fallen)
    return msgspec.structs.replace(watch, crossed=low, crossed_seq=watch.seq), [alert]


def _between_months(readings: Sequence[Reading]) -> set[int]:
    """Entries that an allowance follows at the same instant: what ended with the month."""
    found: set[int] = set()
    begun_at: int | None = None
    for reading in reversed(readings):
        if reading.kind == "allowance":
            begun_at = reading.at
        elif reading.kind in ("expire", "lapse", "overage") and reading.at == begun_at:
            found.add(reading.seq)
        else:
            begun_at = None
    return found
