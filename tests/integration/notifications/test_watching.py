"""The watch over a real journal: exactly one alert a crossing, however often it is interrupted and by however many."""

import random
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from testkase.core.ledger import commands as ask
from testkase.core.ledger.credits import MICRO, grouped_credits
from testkase.core.ledger.forecast import Forecast
from testkase.core.ledger.outlook import expected, own_credits, past_days
from testkase.core.ledger.queries import balance, lots
from testkase.core.pricing import load_price_books
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, SyncDatabase, run
from testkase.services.audit import Actor
from testkase.services.billing.overage.allowing import set_overage
from testkase.services.billing.settings import set_purchase_roles
from testkase.services.notifications import watching
from testkase.services.notifications.banner import dismiss, low_credits
from testkase.services.notifications.beyond import tell_of_cap
from testkase.services.notifications.foresight import foresee, running_out
from testkase.services.notifications.telling import Notification, notify
from tests.support.cluster import TestDatabase
from tests.support.team import SUBJECT, Team

THRESHOLDS = (60 * MICRO, 15 * MICRO, 0)
OWNER = Actor(kind="person", ref="owner@example.com", name="Owner")


@pytest.fixture(scope="module")
def database(module_database: TestDatabase) -> Iterator[SyncDatabase]:
    opened = SyncDatabase(module_database.app_url, max_size=6)
    yield opened
    opened.close()


@pytest.fixture
def team(database: SyncDatabase, numbers: Iterator[int]) -> Team:
    return Team(database, next(numbers))


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return iter(range(1, 1_000))


@pytest.mark.requirement("R55", "P12")
def test_owner_and_admins_are_told_once_and_members_are_not(team: Team) -> None:
    team.use(245)
    for _ in range(3):
        team.watch()
    assert team.told("owner") == team.told("admin") == ["AI credits are low: 55.00 left"]
    assert team.told("member") == []
    mails = team.rows("SELECT count(*) AS mails FROM mail_queue WHERE org_id = %(org_id)s")
    assert mails == [{"mails": 2}]


@pytest.mark.requirement("P12", "P17")
def test_credits_set_aside_alert_nobody(team: Team) -> None:
    team.do(ask.OpenHold(org_id=team.org_id, hold_id="h", amount=300 * MICRO, ttl_seconds=300, subject=SUBJECT))
    team.watch()
    assert team.told() == []
    team.do(ask.SettleHold(org_id=team.org_id, hold_id="h", credits=300 * MICRO))
    team.watch()
    assert team.told() == ["AI credits are used up"]


@pytest.mark.requirement("P12", "P10")
def test_who_owes_is_told_that_new_credits_cover_the_debt_first(team: Team) -> None:
    team.do(ask.Grant(org_id=team.org_id, grant_id="bought", amount=25 * MICRO, paid=True))
    team.use(325)
    team.do(ask.Reverse(org_id=team.org_id, reversal_id="refund", grant_id="bought", clawed=25 * MICRO))
    team.watch()
    [told] = team.rows("SELECT DISTINCT body FROM notification WHERE org_id = %(org_id)s AND kind = 'credits.used_up'")
    assert "Bought credits cover the debt of 25.00 credits first" in told["body"]


@pytest.mark.requirement("P12")
def test_while_ai_is_off_nobody_is_told(team: Team) -> None:
    team.switch(on=False)
    team.do(ask.Adjust(org_id=team.org_id, adjustment_id="a", amount=-290 * MICRO, note="correction"))
    team.watch()
    assert team.told() == []
    team.switch(on=True)
    team.watch()
    assert team.told() == ["AI credits are low: 10.00 left"]
    assert [threshold for _, threshold in team.crossings()] == [60 * MICRO, 15 * MICRO]


@pytest.mark.requirement("P12")
def test_thresholds_of_ones_own_replace_the_default_ones_and_can_be_reset(team: Team) -> None:
    team.use(50)
    stand = team.run(watching.choose_thresholds(team.org_id, [200 * MICRO, 280 * MICRO], None))
    assert (stand.custom, stand.watch.thresholds) == (True, (280 * MICRO, 200 * MICRO))
    team.use(60)
    team.watch()
    assert team.told() == ["AI credits are low: 190.00 left"]
    assert [threshold for _, threshold in team.crossings()] == [200 * MICRO]
    stand = team.run(watching.choose_thresholds(team.org_id, None, 3))
    assert (stand.custom, stand.watch.thresholds, stand.forecast_days) == (False, THRESHOLDS, 3)
    team.use(150)
    team.watch()
    assert team.told()[1:] == ["AI credits are low: 40.00 left"]


class Killed(Exception):
    """Stands for a worker that dies before its transaction ends."""


def dying_worker(team: Team, stop: threading.Event, seed: int, finished: list[int]) -> None:
    """Watches the team again and again; of five times it dies twice before it has committed."""
    dice = random.Random(seed)
    while not stop.is_set():
        try:
            with team.database.transaction(team.org_id) as connection:
                if dice.random() < 0.5:
                    run(connection, watching.pass_quiet(within_seconds=60, limit=100))
                else:
                    run(connection, watching.watch_organization(team.org_id))
                if dice.random() < 0.4:
                    raise Killed
        except Killed:
            continue
        stop.wait(dice.random() * 0.02)
    finished.append(seed)


def wander(team: Team, chance: random.Random, steps: int) -> None:
    """A balance that falls through its thresholds and rises above them again, while AI goes off and on."""
    level, ai_on = 300, True
    for _ in range(steps):
        step = chance.random()
        if step < 0.08 or (not ai_on and step < 0.5):
            ai_on = not ai_on
            team.switch(on=ai_on)
        elif ai_on and level and (level > 120 or step < 0.75):
            amount = min(level, chance.randrange(1, 80))
            team.use(amount)
            level -= amount
        else:
            amount = chance.randrange(1, 120)
            team.grant(amount)
            level += amount


@pytest.mark.requirement("R55", "P12")
def test_a_random_walk_watched_by_workers_that_die_and_race_gives_one_alert_a_crossing(team: Team) -> None:
    stop, finished = threading.Event(), list[int]()
    workers = [threading.Thread(target=dying_worker, args=(team, stop, seed, finished)) for seed in range(2)]
    for thread in workers:
        thread.start()
    wander(team, random.Random(7), 160)
    stop.set()
    for thread in workers:
        thread.join()
    assert sorted(finished) == [0, 1]  # neither met anything but its own death
    team.watch()
    assert team.crossings() == expected_crossings(team)
    assert len(team.told("owner")) == len(team.told("admin")) == len({seq for seq, _ in team.crossings()}) > 20


def expected_crossings(team: Team) -> list[tuple[int, int]]:
    """From the journal alone, threshold by threshold: each fall to it while AI is on, each switching on below it."""
    rows = team.rows(
        "SELECT seq, kind, note, available_after + held_after AS level FROM ledger.entry WHERE org_id = %(org_id)s"
        " ORDER BY seq"
    )
    found = []
    for threshold in THRESHOLDS:
        ai_on, known = True, False
        for row in rows:
            ai_on = {"on": True, "off": False}[row["note"]] if row["kind"] == "switch" else ai_on
            low = row["level"] < max(threshold + 1, MICRO // 100)
            if low and ai_on and not known:
                found.append((row["seq"], threshold))
            known = low and (known or ai_on)
    return sorted(found, key=lambda crossing: (crossing[0], -crossing[1]))


@pytest.mark.requirement("P12")
def test_what_is_passed_at_once_leaves_every_watch_as_reading_it_would(
    team: Team, database: SyncDatabase, numbers: Iterator[int]
) -> None:
    def passed() -> int:
        found: int = database.run(watching.pass_quiet(within_seconds=None, limit=1_000))
        return found

    def stands() -> list[dict[str, Any]]:
        return [one.rows("SELECT seq, level, ai_on, crossed, crossed_seq FROM alert_watch")[0] for one in teams]

    spender, faller, switcher, returner, forgotten = teams = [team, *(Team(database, next(numbers)) for _ in range(4))]
    for one in teams:
        one.use(100)
        one.watch()
        one.rows("UPDATE alert_watch SET forecast_at = now() RETURNING org_id")
    passed()
    spender.use(139)
    faller.use(140)
    switcher.switch(on=False)
    returner.use(150)
    returner.grant(200)
    forgotten.rows("UPDATE alert_watch SET forecast_at = now() - interval '2 hours' RETURNING org_id")
    forgotten.use(1)
    before = stands()
    assert passed() == 1
    assert [now == then for now, then in zip(stands(), before, strict=True)] == [False, True, True, True, True]
    after = stands()[0]
    spender.rows("UPDATE alert_watch SET seq = 3, level = 200000000 RETURNING org_id")
    spender.watch()
    assert stands()[0] == after


@pytest.mark.requirement("P12")
def test_a_long_journal_is_read_in_pieces(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "READ_AT_ONCE", 3)
    for _ in range(3):
        team.use(80)
    team.use(50)
    team.grant(100)
    stand = team.watch()
    assert stand is not None
    assert stand.behind
    while stand is not None and stand.behind:
        stand = team.watch()
    assert [threshold for _, threshold in team.crossings()] == [60 * MICRO, 15 * MICRO]


@pytest.mark.requirement("P12", "I13")
def test_only_organizations_with_something_new_are_named(team: Team, database: SyncDatabase) -> None:
    def waiting() -> list[int]:
        found: list[int] = database.run(watching.unwatched(within_seconds=60, limit=1_000))
        return found

    assert team.org_id in waiting()
    team.watch()
    assert team.org_id not in waiting()
    team.use(1)
    assert team.org_id in waiting()


@pytest.mark.requirement("P12")
def test_an_event_is_told_once_to_each_and_newcomers_hear_of_it_when_it_is_told_again(team: Team) -> None:
    paused = Notification(kind="guard.paused", event_key="guard:1", title="Paused", roles=("owner",), email=False)
    assert team.run(notify(team.org_id, paused)) == 1
    assert team.run(notify(team.org_id, paused)) == 0
    member = Notification(
        kind="guard.paused", event_key="guard:1", title="x" * 500, people=(team.people["member"],), email=False
    )
    assert team.run(notify(team.org_id, member)) == 2  # the admin and the member
    assert len(team.told("member")[0]) == 200
    nobody = Notification(kind="guard.paused", event_key="guard:2", title="Paused", roles=(), people=(10**9,))
    assert team.run(notify(team.org_id, nobody)) == 0


DAY = 86_400_000_000


@pytest.fixture
def spending_team(database: SyncDatabase, numbers: Iterator[int], module_database: TestDatabase) -> Team:
    """30 credits a day for four weeks, as the table of days remembers it, and twenty days to the reset."""
    team = Team(database, next(numbers))
    with psycopg.connect(module_database.owner_url) as connection:
        connection.execute(
            "INSERT INTO ledger.usage_day SELECT %s, current_date - back, 'chat', 'mira@example.com', '', 1, 30000000,"
            " 0, 0 FROM generate_series(1, 28) AS back",
            [team.org_id],
        )
        for moved in (
            "UPDATE ledger.account SET period_end",
            "UPDATE ledger.lot SET expires_at",
        ):
            connection.execute(
                f"{moved} = (extract(epoch FROM current_date + 20) * 1000000)::bigint WHERE org_id = %s", [team.org_id]
            )
    return team


def look_ahead(team: Team, *, again: bool = True) -> bool:
    if again:
        team.rows("UPDATE alert_watch SET forecast_at = NULL WHERE org_id = %(org_id)s RETURNING org_id")

    def operation() -> Operation[bool]:
        stand = yield from watching.watch_organization(team.org_id)
        assert stand is not None
        book = load_price_books().at(utc_now())
        return (yield from foresee(team.org_id, stand, book, now=int(utc_now().timestamp() * 1_000_000)))

    told: bool = team.run(operation())
    return told


@pytest.mark.requirement("B7", "R56")
def test_who_may_buy_is_told_before_the_credits_run_out_once_until_the_forecast_recovers(spending_team: Team) -> None:
    team = spending_team
    assert not look_ahead(team)  # 300 credits at 30 a day last ten days
    team.use(180)
    team.watch()
    assert not look_ahead(team, again=False)  # an hour has not passed
    assert look_ahead(team)
    assert not look_ahead(team)
    assert team.told("owner") == ["AI credits will likely run out in 4 days"]
    assert team.told("admin") == []
    team.grant(5_000)
    assert not look_ahead(team)
    team.use(5_000)
    assert look_ahead(team)
    assert len(team.told("owner")) == 2


@pytest.mark.requirement("R36", "R37", "R56")
def test_admins_whom_the_owner_lets_buy_are_told_in_time_too(spending_team: Team) -> None:
    team = spending_team
    team.run(set_purchase_roles(team.org_id, OWNER, "owner_and_admins"))
    team.use(180)
    team.watch()
    assert look_ahead(team)
    assert team.told("admin") == team.told("owner") == ["AI credits will likely run out in 4 days"]


@pytest.mark.requirement("B7")
def test_the_forecast_is_quiet_while_ai_is_off_and_where_it_is_not_wanted(spending_team: Team) -> None:
    team = spending_team
    team.use(180)
    team.run(watching.choose_thresholds(team.org_id, None, 0))
    assert not look_ahead(team)
    team.run(watching.choose_thresholds(team.org_id, None, 5))
    team.switch(on=False)
    assert not look_ahead(team)
    team.switch(on=True)
    assert look_ahead(team)


@pytest.mark.requirement("B7")
def test_the_letter_offers_for_a_gap_what_the_page_offers(spending_team: Team) -> None:
    """Three Starters cost less than the one bundle that is large enough; and a forecast promises no hundredths."""
    team = spending_team
    team.use(180)
    account = team.run(balance(team.org_id))
    book = load_price_books().at(utc_now())
    found = Forecast(low=0, likely=2, high=None, resets_in=20, need_low=MICRO, need_likely=MICRO, need_high=MICRO,
                     short=2_345_678_901, short_high=0, weeks=4)  # fmt: skip
    body = running_out(found, account, book, seq=1, purchase_roles="owner").body
    assert (
        "120.00 credits are left. At the pace of the past weeks they last about 2 days, perhaps less than a day" in body
    )
    assert body.endswith("about 2,346 credits are missing: 3 × Starter ($30.00, 3,000 credits) covers that.")
    even = replace(found, short=0, short_high=1_500 * MICRO)  # half of the futures run dry, and half do not
    body = running_out(even, account, book, seq=1, purchase_roles="owner").body
    assert body.endswith("about 1,500 credits are missing: 2 × Starter ($20.00, 2,000 credits) covers that.")


@pytest.mark.requirement("B7", "R56")
def test_nobody_is_told_in_advance_of_what_has_happened(spending_team: Team) -> None:
    team = spending_team
    team.use(300)
    team.watch()
    assert not look_ahead(team)
    assert team.told("owner") == ["AI credits are used up"]
    team.grant(50)
    assert look_ahead(team)


@pytest.mark.requirement("B7", "R8")
def test_nobody_runs_out_of_a_month_that_is_over(spending_team: Team, module_database: TestDatabase) -> None:
    """The next allowance is not posted yet: what is left of the old one is gone, and the new one is missing."""
    team = spending_team
    with psycopg.connect(module_database.owner_url) as connection:
        over = "(extract(epoch FROM current_date) * 1000000)::bigint WHERE org_id = %s"
        connection.execute(f"UPDATE ledger.account SET due_at = {over}", [team.org_id])
        connection.execute(f"UPDATE ledger.account SET period_end = {over}", [team.org_id])
        connection.execute(f"UPDATE ledger.lot SET expires_at = {over}", [team.org_id])
    assert not look_ahead(team)
    assert team.told("owner") == []


@pytest.mark.requirement("B7", "P10")
def test_while_a_debt_stops_ai_no_pace_is_told(spending_team: Team) -> None:
    """A refund of credits that were used leaves a debt, whatever else is left."""
    team = spending_team
    team.grant(100)
    team.use(380)
    team.grant(40)
    team.do(ask.Reverse(org_id=team.org_id, grant_id="g1", clawed=100 * MICRO, frozen=False, reversal_id="r", note="x"))
    owing = team.run(balance(team.org_id))
    assert owing.debt
    assert owing.available
    team.watch()
    assert not look_ahead(team)
    body = team.rows("SELECT body FROM notification WHERE org_id = %(org_id)s ORDER BY notification_id DESC")[0]["body"]
    assert f"AI rests until the {grouped_credits(owing.debt)} credits that are owed are covered." in body


@pytest.mark.requirement("B7", "P7")
def test_what_is_lent_to_calls_under_way_lasts_nobody_any_longer(team: Team) -> None:
    team.do(ask.SetOverage(org_id=team.org_id, setting_id="cap", limit=50 * MICRO))
    team.use(300)
    team.do(ask.OpenHold(org_id=team.org_id, hold_id="h", amount=40 * MICRO, ttl_seconds=60, subject=SUBJECT))
    account, having = team.run(balance(team.org_id)), team.run(lots(team.org_id))
    assert own_credits(account) == 0
    now = int(utc_now().timestamp() * 1_000_000)
    busy = dict.fromkeys(past_days(account, now), 30 * MICRO)
    found = expected(account, busy, having, now=now)
    assert found is not None
    assert found.high == 0


@pytest.mark.requirement("P7", "R55")
def test_where_use_goes_on_beyond_the_balance_nobody_is_told_that_ai_has_stopped(team: Team) -> None:
    team.do(ask.SetOverage(org_id=team.org_id, setting_id="cap", limit=50 * MICRO))
    team.use(290)
    team.watch()
    team.use(22.35)
    team.watch()
    assert team.told() == ["AI credits are low: 10.00 left", "AI credits are used up, and AI goes on beyond them"]
    low, used_up = (row["body"] for row in team.rows(
        "SELECT DISTINCT ON (event_key) body FROM notification WHERE org_id = %(org_id)s ORDER BY event_key"
    ))  # fmt: skip
    assert "When it is used up, AI goes on beyond it, up to the cap." in low
    assert "37.65 extra credits can still be used in this billing month" in used_up
    team.use(37.65)
    team.grant(100)
    team.use(100)
    team.watch()
    assert team.told()[-1] == "AI credits are used up"


def look_at_cap(team: Team) -> list[str]:
    """What the Owner has been told of the cap, after the worker has looked."""

    def operation() -> Operation[None]:
        stand = yield from watching.watch_organization(team.org_id)
        assert stand is not None
        yield from tell_of_cap(team.org_id, stand)

    team.run(operation())
    return [title for title in team.told() if title.startswith("Use beyond the balance")]


@pytest.mark.requirement("P7", "R55", "R56")
def test_those_in_charge_are_told_once_that_the_cap_is_near_and_once_that_it_is_reached(team: Team) -> None:
    """From then on calls are refused, and nobody had heard why."""
    team.run(
        set_overage(
            team.org_id, OWNER, setting_id="cap", cap_cents=2_000, book=load_price_books().at(utc_now()), billable=True
        )
    )
    team.use(347)
    assert look_at_cap(team) == []
    hold = ask.OpenHold(org_id=team.org_id, hold_id="h", amount=3 * MICRO, ttl_seconds=60, subject=SUBJECT)
    team.do(hold)
    assert look_at_cap(team) == [], "what is set aside for a call mostly comes back"
    team.do(ask.SettleHold(org_id=team.org_id, hold_id="h", credits=MICRO))
    near = ["Use beyond the balance is near its cap: 2.00 extra credits left"]
    assert [look_at_cap(team) for _ in range(2)] == [near, near]
    team.use(2)
    reached = [*near, "Use beyond the balance has reached its cap"]
    assert [look_at_cap(team) for _ in range(2)] == [reached, reached]
    assert team.told("admin") == team.told("owner")
    assert "Use beyond" not in " ".join(team.told("member"))
    [told] = team.rows("SELECT DISTINCT body FROM notification WHERE org_id = %(org_id)s AND kind = 'overage.used_up'")
    assert "All 50.00 extra credits that your cap of $20.00 a month allows have been used" in told["body"]
    team.do(ask.SetOverage(org_id=team.org_id, setting_id="higher", limit=60 * MICRO))
    team.use(10)
    assert look_at_cap(team) == [*reached, reached[-1]]


@pytest.mark.requirement("P7", "P12")
def test_whoever_put_the_banner_away_sees_it_again_when_the_cap_is_reached(team: Team) -> None:
    """It had said that AI goes on; members get no letter, and would not have heard that it has stopped."""
    team.do(ask.SetOverage(org_id=team.org_id, setting_id="cap", limit=50 * MICRO))
    member = team.people["member"]

    def banner() -> bool:
        return team.run(low_credits(team.run(balance(team.org_id)), member)) is not None

    seen = []
    for credits in (310, 40, 0):
        team.use(credits)
        look_at_cap(team)
        seen.append(banner())
        stand = team.watch()
        team.run(dismiss(team.org_id, member, stand.watch.crossed_seq if stand else 0))
    assert seen == [True, True, False]


@pytest.mark.requirement("P7", "P12")
@pytest.mark.parametrize("why", ["AI is off", "bought credits are left", "there is no cap"])
def test_nobody_is_told_of_a_cap_that_stops_nobody(team: Team, why: str) -> None:
    team.do(ask.SetOverage(org_id=team.org_id, setting_id="cap", limit=50 * MICRO))
    team.use(350)
    if why == "AI is off":
        team.switch(on=False)
    elif why == "bought credits are left":
        team.grant(100)
    else:
        team.do(ask.SetOverage(org_id=team.org_id, setting_id="off", limit=0))
    assert look_at_cap(team) == []


@pytest.mark.requirement("P7", "P12")
def test_calls_beyond_the_balance_are_not_told_one_by_one(team: Team) -> None:
    team.do(ask.SetOverage(org_id=team.org_id, setting_id="cap", limit=50 * MICRO))
    team.use(300)
    team.watch()
    for number in range(3):
        hold_id, subject = f"h{number}", SUBJECT
        team.do(ask.OpenHold(org_id=team.org_id, hold_id=hold_id, amount=7 * MICRO, ttl_seconds=60, subject=subject))
        team.watch()
        team.do(ask.SettleHold(org_id=team.org_id, hold_id=hold_id, credits=MICRO))
        team.watch()
    assert team.told() == ["AI credits are used up, and AI goes on beyond them"]
