"""Mistakes in what time does: months, expiries, holds that lapse, instants."""

from campaigns.mutants.mutant import Mutant, Patch, rule

OF_TIME = (
    rule("usage-not-reset", "this month's usage goes on into the next month", "issuing.py", ', "period_used": 0}', "}"),
    rule(
        "lapse-order",
        "holds that lapse at one instant do so in another order",
        "passing.py",
        "key=lambda hold: hold.hold_id):\n        if",
        "key=lambda hold: hold.hold_id, reverse=True):\n        if",
    ),
    rule(
        "overage-never-billed",
        "what a month used beyond its balance is not billed",
        "passing.py",
        "        yield from bill(book, instant)\n",
        "",
    ),
    rule(
        "due-date-overlooked",
        "credits that come do not bring their due date",
        "posting.py",
        "lot.expires_at < due_at and lot.available:",
        "lot.expires_at < due_at and not lot.available:",
    ),
    rule(
        "due-a-moment-late",
        "time acts only after the instant at which something is due",
        "decide.py",
        "if now >= book.account.due_at:",
        "if now > book.account.due_at:",
    ),
    rule(
        "clock-goes-back",
        "an entry may be older than the one before it",
        "decide.py",
        "now = max(now, book.account.last_at)",
        "now = min(now, now)",
    ),
    Mutant(
        "anchor-28",
        "an anchor after the 28th becomes the 28th for ever",
        (
            Patch(
                "core/ledger/calendar.py",
                "min(anchor_day, monthrange(year, index + 1)[1])",
                "min(anchor_day, 28)",
            ),
        ),
        ("calendar", "simulate"),
    ),
    Mutant(
        "midnight-utc",
        "months begin at midnight UTC wherever the organization is",
        (
            Patch(
                "core/ledger/calendar.py",
                "time(), tzinfo=ZoneInfo(time_zone)).astimezone(UTC))",
                "time(), tzinfo=UTC))",
            ),
        ),
        ("calendar", "simulate"),
    ),
    Mutant(
        "boundary-belongs-to-the-old-month",
        "a boundary belongs to the month it ends",
        (
            Patch(
                "core/ledger/calendar.py",
                "boundary(anchor_day, time_zone, month) <= now",
                "boundary(anchor_day, time_zone, month) < now",
            ),
        ),
        ("simulate", "calendar"),
    ),
    Mutant(
        "months-chained",
        "a month begins where the last was clamped",
        (
            Patch(
                "core/ledger/issuing.py",
                "period(account.anchor_day, account.time_zone, account.anchor_month, number)",
                "period(min(account.anchor_day, 28 + number % 3), account.time_zone, account.anchor_month, number)",
            ),
        ),
        ("calendar", "simulate"),
    ),
)
