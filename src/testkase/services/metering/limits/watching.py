"""The runaway guard at work: who burned what lately, what is usual for them, and the pause where it is far more.

Reading costs an organization one look at the rows of its last ten minutes; the past is read only for a burn above the
floor, and only where the days' sums do not already say that it is usual.
"""

from collections import defaultdict

from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.credits import format_credits, grouped_credits
from testkase.core.ledger.limits.queries import pause_of, pauses
from testkase.core.ledger.queries import Balance, balance
from testkase.core.ledger.refusals import TooManyPauses
from testkase.foundation.database import Operation, Statement, named_statements
from testkase.foundation.ids import new_id
from testkase.services.audit import Actor
from testkase.services.features.names import use_case_name
from testkase.services.metering.limits.budgets import pause
from testkase.services.metering.limits.closing import BUDGETS_PAGE
from testkase.services.metering.limits.guard import (
    HISTORY_SECONDS,
    MULTIPLE,
    RECENT_SECONDS,
    WINDOW_SECONDS,
    Burn,
    History,
    explained,
    runs_away,
    suspicious,
)
from testkase.services.metering.limits.setting import guard_enabled
from testkase.services.notifications import Notification, notify
from testkase.services.organizations.names import names_by_ref

_SQL = named_statements("testkase.services.metering.limits.sql", "watching.sql")

GUARD = Actor(kind="system", ref="guard", name="Runaway guard")
SECOND = 1_000_000
_DAY = 86_400
_WINDOWS_A_DAY = _DAY // WINDOW_SECONDS


def now_there() -> Operation[int]:
    """The database's clock, microseconds UTC: the one the journal's instants are taken from."""
    (row,) = yield Statement(_SQL["now"], {})
    return int(row["now"])


def active_accounts(since: int, *, after: int = 0, limit: int = 1_000) -> Operation[list[int]]:
    """Organizations that posted something since an instant, by id. Needs no organization's context."""
    rows = yield Statement(_SQL["active"], {"since": since, "after": after, "limit": limit})
    return [row["org_id"] for row in rows]


def suspects(org_id: int, now: int) -> Operation[list[Burn]]:
    """Whose burn at `now` (microseconds UTC) is worth judging: users first, since one of them may explain a feature.

    Each is judged on its own, in a transaction of its own. Needs the organization's context."""
    burns = yield from burns_since(org_id, now - WINDOW_SECONDS * SECOND)
    if not (found := suspicious(burns)) or not (yield from guard_enabled(org_id)):
        return []
    account = yield from balance(org_id)
    if not account.ai_enabled:
        return []
    return sorted(found, key=lambda burn: burn.kind != "user")


def judge(org_id: int, burn: Burn, now: int) -> Operation[bool]:
    """Pause one suspect if it runs away; whether it is paused now and was not before.

    Where as many are paused as can be, nobody else is: the Owner is told so, once until somebody is resumed."""
    if burn.kind == "use_case":
        recently = {"org_id": org_id, "since": now - HISTORY_SECONDS * SECOND}
        if explained(burn, {row["ref"] for row in (yield Statement(_SQL["stopped_users"], recently))}):
            return False
    account = yield from balance(org_id)
    try:
        return (yield from _look_closer(account, burn, now))
    except TooManyPauses:
        yield from _say_full(org_id)
        return False


def burns_since(org_id: int, since: int) -> Operation[list[Burn]]:
    """What each user and each feature was charged since an instant."""
    rows = yield Statement(_SQL["burns"], {"org_id": org_id, "since": since})
    users: dict[str, int] = defaultdict(int)
    features: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        users[row["user"]] += row["burned"]
        features[row["use_case"]][row["user"]] = row["burned"]
    burns = [Burn(kind="user", ref=user, burned=burned) for user, burned in users.items()]
    for use_case, by_user in features.items():
        top = max(by_user, key=lambda user: by_user[user])
        burned = sum(by_user.values())
        burns.append(Burn(kind="use_case", ref=use_case, burned=burned, top_user=top, top_burned=by_user[top]))
    return burns


def _look_closer(account: Balance, burn: Burn, now: int) -> Operation[bool]:
    """Whether this one is paused now."""
    org_id = account.org_id
    if not (yield Statement(_SQL["alone"], {"org_id": org_id}))[0]["enabled"]:
        return False
    forgiven, earlier = 0, (yield from pause_of(org_id, burn.kind, burn.ref))
    if earlier is not None:
        resumed_at = earlier.resumed_at
        if resumed_at is None:
            return False
        if resumed_at > now - HISTORY_SECONDS * SECOND:
            forgiven = earlier.burned
        if resumed_at > now - WINDOW_SECONDS * SECOND:
            since = yield from burns_since(org_id, resumed_at)
            burn = next((one for one in since if (one.kind, one.ref) == (burn.kind, burn.ref)), None) or Burn(
                kind=burn.kind, ref=burn.ref, burned=0
            )
    history = yield from _history(account, burn, now, forgiven)
    if not runs_away(burn, history):
        return False
    yield from _pause(org_id, burn, history)
    return True


def _history(account: Balance, burn: Burn, now: int, forgiven: int) -> Operation[History]:
    """The past week's busiest ten minutes: at least a day's 144th part, which mostly settles it without reading on."""
    org_id, zone = account.org_id, account.time_zone
    whom = {"user": burn.ref if burn.kind == "user" else None, "use_case": None if burn.kind == "user" else burn.ref}
    first_day = local_day(zone, now - HISTORY_SECONDS * SECOND)
    asked = {"org_id": org_id, **whom, "first_day": first_day, "today": local_day(zone, now)}
    (days,) = yield Statement(_SQL["days"], asked)
    least = days["busiest"] // _WINDOWS_A_DAY
    if burn.burned <= MULTIPLE * max(least, forgiven):
        return History(busiest=least, days=days["days"], forgiven=forgiven)
    span = {"since": now - HISTORY_SECONDS * SECOND, "until": now - RECENT_SECONDS * SECOND}
    (found,) = yield Statement(_SQL["busiest"], {"org_id": org_id, **whom, **span, "window": WINDOW_SECONDS * SECOND})
    return History(busiest=max(found["busiest"], least), days=days["days"], forgiven=forgiven)


def _pause(org_id: int, burn: Burn, history: History) -> Operation[None]:
    went = f"{grouped_credits(burn.burned)} credits went in ten minutes"
    usual = f"; at most {grouped_credits(history.usual)} did in any ten minutes of the past week"
    nothing = ", and there was nothing before to compare it with"
    reason, event = f"{went}{usual if history.usual else nothing}.", new_id("guard")
    yield from pause(
        org_id, GUARD, kind=burn.kind, ref=burn.ref, reason=reason, change_id=event, burned=burn.burned,
        usual=history.usual,
    )  # fmt: skip
    whose = yield from _whose(org_id, burn)
    yield from notify(
        org_id,
        Notification(
            kind="guard.paused", event_key=f"guard.paused:{event}",
            title=f"AI use {whose} is paused",
            body=f"{reason} New calls are refused until you resume them; everybody else goes on as before.",
            link=BUDGETS_PAGE, link_label="Look and resume",
            facts={"kind": burn.kind, "ref": burn.ref, "burned": format_credits(burn.burned)},
        ),
    )  # fmt: skip


def _say_full(org_id: int) -> Operation[None]:
    in_force = [pause for pause in (yield from pauses(org_id)) if pause.resumed_at is None]
    latest = max((pause.paused_at for pause in in_force), default=0)
    yield from notify(
        org_id,
        Notification(
            kind="guard.full", event_key=f"guard.full:{latest}", title="The runaway guard can pause nobody else",
            body=f"{len(in_force)} users and features are paused, which is the most at once, and others burn far more"
            " than usual. Resume those that are in order, or switch AI off for everybody.",
            link=BUDGETS_PAGE, link_label="Look and resume", roles=("owner",),
        ),
    )  # fmt: skip


def _whose(org_id: int, burn: Burn) -> Operation[str]:
    """As people know who or what it is: a program's user who is no member is called as it called them."""
    if burn.kind == "use_case":
        return f"for {use_case_name(burn.ref)}"
    named = yield from names_by_ref(org_id, [burn.ref])
    return f"of {named.get(burn.ref, burn.ref)}"
