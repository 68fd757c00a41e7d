"""From what people are told to what endpoints are sent: once, to whom it concerns, until it was taken."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from typing import Any

import psycopg
import pytest

from testkase.entrypoints.worker.webhooks import OF_ONE_ORGANIZATION, OURS, UNREADABLE, Webhooks
from testkase.foundation.database import Database, Operation, SyncDatabase, run
from testkase.foundation.problems import Conflict, NotFound
from testkase.foundation.sealing import Seal
from testkase.services.audit import OPERATOR
from testkase.services.notifications import Notification, notify
from testkase.services.notifications.webhooks import endpoints as at
from testkase.services.notifications.webhooks.deliveries import (
    LEASE_SECONDS,
    MOST_ATTEMPTS,
    PAUSES_SECONDS,
    Delivery,
    Parcel,
    claim,
    deliveries,
    mark_failed,
    send_again,
    send_test,
)
from testkase.services.notifications.webhooks.events import EVENTS
from testkase.services.notifications.webhooks.metrics import WAITING, look
from testkase.services.notifications.webhooks.secrets import MOST_IN_FORCE, PURPOSE
from testkase.services.notifications.webhooks.sending import Outcome
from tests.support.cluster import TestDatabase
from tests.support.team import Team

SEAL = Seal(["a secret key of the installation"], purpose=PURPOSE)
_numbers = itertools.count(1)
NO = Outcome(fault="It answered 500.")
PAID = Notification(
    kind="purchase.paid", event_key="purchase.paid:p1", title="500 credits added", body="$20.00 was paid.",
    link="/settings/billing/purchases/p1", facts={"purchase_id": "p1", "credits": "500.00"},
)  # fmt: skip


class Sent:
    """Takes the place of the sender: remembers what it was given, and says what it is told to."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.says: list[Outcome] = []
        self.said_by: dict[str, Outcome] = {}
        """By address: which of several endpoints is sent to first nobody says."""

    async def send(self, parcel: Parcel) -> Outcome:
        self.parcels.append(parcel)
        if parcel.url in self.said_by:
            return self.said_by[parcel.url]
        return self.says.pop(0) if self.says else Outcome()

    def close(self) -> None:
        pass

    @property
    def kinds(self) -> list[str]:
        return [parcel.message.kind for parcel in self.parcels]


class Hooked(Team):
    """A team with endpoints, and a worker that sends."""

    sent: Sent
    webhooks: Webhooks

    def add(self, place: str = "one", kinds: Iterable[str] = EVENTS) -> str:
        url = f"https://{place}.example/hook?token=abc"
        made, _ = self.run(at.add_endpoint(self.org_id, OPERATOR, url=url, kinds=kinds, seal=SEAL, networks=()))
        return str(made.endpoint_id)

    def tell(self, notification: Notification = PAID) -> int:
        return int(self.run(notify(self.org_id, notification)))

    def events(self) -> int:
        return len(self.rows("SELECT 1 AS one FROM webhook_event WHERE org_id = %(org_id)s"))

    def went(self, endpoint_id: str) -> list[Delivery]:
        found: list[Delivery] = self.run(deliveries(self.org_id, endpoint_id, limit=50)).deliveries
        return found

    def endpoint(self, endpoint_id: str) -> at.Endpoint:
        found: at.Endpoint = self.run(at.endpoint(self.org_id, endpoint_id))
        return found

    def change(self, sql: Any) -> None:
        with self.database.transaction(org_id=self.org_id) as connection:
            connection.execute(sql, {"org_id": self.org_id})

    def hurry(self) -> None:
        self.change("UPDATE webhook_delivery SET due_at = now() WHERE org_id = %(org_id)s AND given_up_at IS NULL")

    def activity(self) -> list[str]:
        rows = self.rows(
            "SELECT action FROM activity WHERE org_id = %(org_id)s AND action LIKE 'webhook.%%' ORDER BY seq"
        )
        return [row["action"] for row in rows]


@pytest.fixture
async def worker(module_database: TestDatabase) -> AsyncIterator[Database]:
    opened = Database(module_database.app_url, max_size=3)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def team(module_database: TestDatabase, worker: Database) -> AsyncIterator[Hooked]:
    """In a database of all tests: nothing of one waits for the next."""
    made = Hooked(SyncDatabase(module_database.app_url), next(_numbers))
    made.sent = Sent()
    made.webhooks = Webhooks(worker, made.sent, SEAL)  # type: ignore[arg-type]
    yield made
    made.change("UPDATE webhook_delivery SET given_up_at = now() WHERE org_id = %(org_id)s")


async def test_what_those_in_charge_are_told_is_sent_to_each_endpoint_that_wants_it(team: Hooked) -> None:
    every, money, other = team.add("every"), team.add("money", ["purchase.paid"]), team.add("other", ["guard.paused"])
    off = team.add("off")
    team.run(at.switch_endpoint(team.org_id, OPERATOR, off, on=False))
    assert team.tell() == 2
    await team.webhooks.send_due()
    assert {parcel.url.split("/")[2] for parcel in team.sent.parcels} == {"every.example", "money.example"}
    first, second = (parcel.message for parcel in team.sent.parcels)
    assert first == second
    assert (first.title, first.facts) == (PAID.title, PAID.facts)
    assert [one.delivered_at is not None for one in team.went(every) + team.went(money)] == [True, True]
    assert team.went(other) == team.went(off) == []
    assert team.endpoint(every).last_delivered_at is not None


async def test_an_event_is_written_down_once_for_its_key_whoever_is_told_later(team: Hooked) -> None:
    endpoint_id = team.add()
    team.tell()
    team.tell()
    team.change("DELETE FROM notification WHERE org_id = %(org_id)s")  # as where everybody told has left since
    assert (team.tell(), team.events()) == (2, 1)
    team.change("DELETE FROM webhook_event WHERE org_id = %(org_id)s")  # as after thirty days
    team.change("UPDATE membership SET role = 'admin' WHERE org_id = %(org_id)s AND role = 'member'")
    assert team.tell() == 1
    assert (team.events(), team.went(endpoint_id)) == (0, [])


@pytest.mark.parametrize("state", ["nobody wants it", "off", "for its people alone", "not in the list"])
async def test_nothing_is_written_down_that_no_endpoint_is_to_be_sent(team: Hooked, state: str) -> None:
    notification = PAID
    endpoint_id = team.add("one", ["guard.paused"] if state == "nobody wants it" else EVENTS)
    if state == "off":
        team.run(at.switch_endpoint(team.org_id, OPERATOR, endpoint_id, on=False))
    if state == "for its people alone":
        notification = Notification(
            kind="purchase.paid", event_key="k", title="t", roles=(), people=(team.people["member"],)
        )
    if state == "not in the list":
        notification = Notification(kind="two_step.ended", event_key="k", title="t")
    assert team.tell(notification) > 0
    assert team.events() == 0


async def test_what_is_rolled_back_was_not_told(team: Hooked) -> None:
    team.add()

    def undone() -> Operation[None]:
        yield from notify(team.org_id, PAID)
        raise Conflict("Something else went wrong.")

    with pytest.raises(Conflict):
        team.run(undone())
    assert team.events() == 0


async def test_what_was_not_taken_is_sent_again_after_longer_and_longer_pauses_under_one_id(team: Hooked) -> None:
    endpoint_id = team.add()
    team.tell()
    for attempt in range(1, MOST_ATTEMPTS + 1):
        team.sent.says = [NO]
        await team.webhooks.send_due()
        (went,) = team.went(endpoint_id)
        assert (went.attempts, went.fault, went.delivered_at) == (attempt, NO.fault, None)
        if attempt < MOST_ATTEMPTS:
            assert went.given_up_at is None
            (left,) = team.rows(
                "SELECT extract(epoch FROM due_at - now())::float8 AS left FROM webhook_delivery"
                " WHERE org_id = %(org_id)s"
            )
            usual = PAUSES_SECONDS[attempt - 1]
            assert usual * 0.9 - 5 < left["left"] <= usual * 1.1
        team.hurry()
    assert went.given_up_at is not None
    await team.webhooks.send_due()
    assert len(team.sent.parcels) == MOST_ATTEMPTS
    assert len({parcel.message.message_id for parcel in team.sent.parcels}) == 1


async def test_a_taken_message_ends_the_failing(team: Hooked) -> None:
    endpoint_id = team.add()
    team.tell()
    team.sent.says = [NO]
    await team.webhooks.send_due()
    assert team.endpoint(endpoint_id).failing_since is not None
    other = team.add("other", ["guard.paused"])
    team.change("UPDATE webhook_endpoint SET failing_since = now() WHERE org_id = %(org_id)s")
    team.hurry()
    await team.webhooks.send_due()
    assert team.endpoint(endpoint_id).failing_since is None
    assert team.endpoint(other).failing_since is not None
    assert team.went(endpoint_id)[0].fault == ""
    team.hurry()
    await team.webhooks.send_due()
    assert len(team.sent.parcels) == 2  # what was taken is not sent again by itself


@pytest.mark.parametrize("why", ["five days", "gone"])
async def test_an_endpoint_that_takes_nothing_is_switched_off_and_people_are_told_once(team: Hooked, why: str) -> None:
    endpoint_id, well = team.add(), team.add("well")
    team.tell()
    if why == "five days":
        team.change(
            f"UPDATE webhook_endpoint SET failing_since = now() - interval '121 hours' WHERE org_id = %(org_id)s"
            f" AND endpoint_id = '{endpoint_id}'"
        )
        team.change(f"UPDATE webhook_delivery SET attempts = {MOST_ATTEMPTS - 1} WHERE org_id = %(org_id)s")
    url = team.endpoint(endpoint_id).url
    team.sent.said_by[url] = NO if why == "five days" else Outcome(fault="It answered 410.", gone=True)
    await team.webhooks.send_due()
    assert (team.endpoint(endpoint_id).state, team.endpoint(well).state) == ("failed", "on")
    assert [title for title in team.told() if "Webhooks" in title] == ["Webhooks to one.example were switched off"]
    (told,) = team.rows("SELECT DISTINCT body FROM notification WHERE org_id = %(org_id)s AND kind = 'webhook.failed'")
    assert "What happens until then is not kept for it." in told["body"]
    team.tell(Notification(kind="credits.low", event_key="credits.low:meanwhile", title="Low"))
    assert team.activity()[-1] == "webhook.failed"
    assert "token" not in str(team.rows("SELECT title, body, link FROM notification WHERE org_id = %(org_id)s"))
    assert "token" not in str(team.rows("SELECT target, details FROM activity WHERE org_id = %(org_id)s"))
    (missed,) = team.went(endpoint_id)
    assert missed.given_up_at is not None
    with pytest.raises(Conflict):
        team.run(send_again(team.org_id, endpoint_id, missed.delivery_id))
    team.run(at.switch_endpoint(team.org_id, OPERATOR, endpoint_id, on=True))
    assert team.endpoint(endpoint_id).failing_since is None
    del team.sent.said_by[url]
    team.run(send_again(team.org_id, endpoint_id, missed.delivery_id))
    await team.webhooks.send_due()
    assert team.went(endpoint_id)[0].delivered_at is not None


@pytest.mark.parametrize(("hours", "attempts"), [(119, MOST_ATTEMPTS), (30 * 24, 1)])
async def test_it_stays_on_an_hour_short_of_five_days_or_where_a_month_later_something_fails_once(
    team: Hooked, hours: int, attempts: int
) -> None:
    """Nothing may have been sent in that month: it failed before it, and is down for a minute now."""
    endpoint_id = team.add()
    team.tell()
    team.change(
        f"UPDATE webhook_endpoint SET failing_since = now() - interval '{hours} hours' WHERE org_id = %(org_id)s"
    )
    team.change(f"UPDATE webhook_delivery SET attempts = {attempts - 1} WHERE org_id = %(org_id)s")
    team.sent.says = [NO]
    await team.webhooks.send_due()
    assert team.endpoint(endpoint_id).state == "on"


async def test_people_are_told_each_time_an_endpoint_says_that_it_is_gone(team: Hooked) -> None:
    """The same delivery, sent again by hand, has the same first attempt. What waits for its time is given up."""
    endpoint_id = team.add()
    team.tell()
    team.change("UPDATE webhook_delivery SET due_at = now() + interval '1 hour' WHERE org_id = %(org_id)s")
    team.tell(Notification(kind="credits.low", event_key="k", title="Low"))
    for time in range(1, 3):
        team.sent.says = [Outcome(fault="It answered 410.", gone=True)]
        await team.webhooks.send_due()
        assert [title for title in team.told() if "switched off" in title] == [
            "Webhooks to one.example were switched off"
        ] * time
        assert [one.given_up_at is not None for one in team.went(endpoint_id)] == [True, True]
        team.run(at.switch_endpoint(team.org_id, OPERATOR, endpoint_id, on=True))
        team.run(send_again(team.org_id, endpoint_id, team.went(endpoint_id)[0].delivery_id))


async def test_what_was_given_up_while_it_was_under_way_stays_so(team: Hooked) -> None:
    """Its endpoint is switched off and on again before the attempt fails: events are sent from then on."""
    endpoint_id = team.add()
    team.tell()

    async def meanwhile(parcel: Parcel) -> Outcome:
        for on in (False, True):
            team.run(at.switch_endpoint(team.org_id, OPERATOR, endpoint_id, on=on))
        return NO

    team.sent.send = meanwhile  # type: ignore[method-assign]
    await team.webhooks.send_due()
    (went,) = team.went(endpoint_id)
    assert (went.given_up_at is not None, went.fault) == (True, at.SWITCHED_OFF)


async def test_who_stood_still_marks_nothing_that_another_worker_has_taken_over(team: Hooked, worker: Database) -> None:
    endpoint_id = team.add()
    team.tell()
    first = await worker.run(claim())
    team.hurry()
    second = await worker.run(claim())
    assert first is not None
    assert second is not None
    (under_way,) = team.went(endpoint_id)
    team.run(mark_failed(first, NO.fault))
    assert team.went(endpoint_id) == [under_way]


async def test_what_waits_for_an_endpoint_that_is_switched_off_or_removed_is_not_sent(team: Hooked) -> None:
    off, gone, on = team.add("off"), team.add("gone"), team.add("on")
    team.tell(Notification(kind="credits.low", event_key="k", title="Taken before"))
    await team.webhooks.send_due()
    team.sent.parcels.clear()
    team.tell()
    team.run(at.switch_endpoint(team.org_id, OPERATOR, off, on=False))
    team.run(at.remove_endpoint(team.org_id, OPERATOR, gone))
    await team.webhooks.send_due()
    assert [parcel.url for parcel in team.sent.parcels] == [team.endpoint(on).url]
    assert [one.fault for one in team.went(off)] == [at.SWITCHED_OFF, ""]
    assert len(team.went(on)) == 2
    assert team.rows("SELECT 1 AS one FROM webhook_secret WHERE org_id = %(org_id)s") == [{"one": 1}] * 2


@pytest.mark.parametrize("change", ["DELETE FROM webhook_endpoint", "UPDATE webhook_endpoint SET state = 'off'"])
async def test_what_was_told_while_its_endpoint_was_being_removed_is_dropped(team: Hooked, change: str) -> None:
    """The delivery is written down a moment later."""
    endpoint_id = team.add()
    team.tell()
    team.change(f"{change} WHERE org_id = %(org_id)s")
    await team.webhooks.send_due()
    assert team.sent.parcels == []
    assert team.went(endpoint_id)[0].given_up_at is not None


async def test_an_endpoint_has_one_under_way_and_a_dead_workers_is_taken_over(team: Hooked, worker: Database) -> None:
    slow, other = team.add("slow"), team.add("other")
    for number in range(2):
        team.tell(Notification(kind="credits.low", event_key=f"credits.low:{number}", title="Low"))
    first = await worker.run(claim())
    assert first is not None
    if first.endpoint_id != slow:  # of one event, either may come first
        slow, other = other, slow
    assert first.endpoint_id == slow
    second = await worker.run(claim(busy=[slow]))
    assert second is not None
    assert second.endpoint_id == other
    assert await worker.run(claim(busy=[slow, other])) is None
    team.change(
        f"UPDATE webhook_delivery SET due_at = due_at - interval '{LEASE_SECONDS + 1} seconds'"
        " WHERE org_id = %(org_id)s"
    )
    again = await worker.run(claim())
    assert again is not None
    assert again.attempts == 1  # those nobody has begun come first, being due longer
    assert [(await worker.run(claim())) is not None for _ in range(4)] == [True, True, True, False]


async def test_two_workers_never_take_the_same(team: Hooked, worker: Database) -> None:
    team.add("one")
    team.add("two")
    team.tell()
    with team.database.transaction() as connection:
        first = run(connection, claim())
        async with asyncio.timeout(10):
            second, third = await worker.run(claim()), await worker.run(claim())
    assert first is not None
    assert second is not None
    assert (first.endpoint_id != second.endpoint_id, third) == (True, None)
    team.run(send_again(team.org_id, first.endpoint_id, first.delivery_id))
    assert await worker.run(claim()) is None  # it is under way
    team.change("UPDATE webhook_delivery SET due_at = now() + interval '5 minutes' WHERE org_id = %(org_id)s")
    team.run(send_again(team.org_id, first.endpoint_id, first.delivery_id))
    assert await worker.run(claim()) == first  # it waited for its time


@pytest.mark.parametrize("fault", [RuntimeError("something nobody thought of"), psycopg.OperationalError("gone")])
async def test_what_breaks_one_delivery_keeps_no_other(team: Hooked, fault: Exception) -> None:
    broken, well = team.add("broken"), team.add("well")
    team.tell()

    async def send(parcel: Parcel) -> Outcome:
        if "broken" in parcel.url:
            raise fault
        return Outcome()

    team.sent.send = send  # type: ignore[method-assign]
    await team.webhooks.send_due()
    assert [team.went(one)[0].delivered_at is not None for one in (broken, well)] == [False, True]


async def test_a_fault_of_ours_is_tried_so_often_and_blames_no_endpoint(team: Hooked) -> None:
    endpoint_id = team.add()
    team.tell()

    async def send(parcel: Parcel) -> Outcome:
        raise RuntimeError("something nobody thought of")

    team.sent.send = send  # type: ignore[method-assign]
    for _ in range(MOST_ATTEMPTS):
        assert team.went(endpoint_id)[0].given_up_at is None
        await team.webhooks.send_due()
        team.hurry()
    (went,) = team.went(endpoint_id)
    assert (went.attempts, went.fault, went.given_up_at is None) == (MOST_ATTEMPTS, OURS, False)
    assert team.endpoint(endpoint_id).failing_since is None


async def test_a_worker_that_is_told_to_stop_waits_for_nobodys_answer(team: Hooked) -> None:
    """Nor does it have two of an endpoint under way."""
    endpoint_id, asked = team.add(), asyncio.Event()
    team.tell()
    team.tell(Notification(kind="credits.low", event_key="k", title="Low"))

    async def send(parcel: Parcel) -> Outcome:
        team.sent.parcels.append(parcel)
        asked.set()
        await asyncio.Event().wait()
        return Outcome()

    team.sent.send = send  # type: ignore[method-assign]
    working = asyncio.create_task(team.webhooks.run())
    await asyncio.wait_for(asked.wait(), 20)
    await asyncio.sleep(0.1)
    assert len(team.sent.parcels) == 1
    working.cancel()
    done, _ = await asyncio.wait([working], timeout=5)
    assert done == {working}
    assert [(one.attempts, one.fault) for one in team.went(endpoint_id)] == [(0, ""), (1, "")]


async def test_how_long_an_endpoint_waits_for_a_worker_is_measured_since_it_was_last_tried(
    team: Hooked, worker: Database
) -> None:
    """Of one that is told much and answers slowly, something is always late: that raised an alert by itself."""

    async def waits() -> float:
        await worker.run(look())
        return float(WAITING._value.get())

    flooded = team.add("flooded")
    for number in range(3):
        team.tell(Notification(kind="credits.low", event_key=f"credits.low:{number}", title="Low"))
    late = "UPDATE webhook_delivery SET due_at = now() - interval '1 hour' WHERE org_id = %(org_id)s"
    assert await waits() < 60
    team.change(late)
    assert 3_600 <= await waits() < 3_700
    team.run(claim())
    assert await waits() < 60, "a worker is at it"
    quiet = team.add("quiet")
    team.tell()
    team.change(f"{late} AND endpoint_id = '{quiet}'")
    assert 3_600 <= await waits() < 3_700
    assert len([one for one in team.went(flooded) if one.attempts]) == 1
    await team.webhooks.send_due()
    assert await waits() == 0


async def test_an_organization_whose_endpoints_are_all_slow_keeps_no_other_waiting(
    team: Hooked, module_database: TestDatabase
) -> None:
    """Each of its endpoints has one to itself, and what waits for them has waited longer."""
    for number in range(at.MOST_ENDPOINTS):
        team.add(f"slow-{number}")
    for number in range(2):
        team.tell(Notification(kind="credits.low", event_key=f"credits.low:{number}", title="Low"))
    other = Hooked(SyncDatabase(module_database.app_url), next(_numbers))
    other.add("quick")
    other.tell()
    over, taken = asyncio.Event(), asyncio.Event()

    async def send(parcel: Parcel) -> Outcome:
        team.sent.parcels.append(parcel)
        await (over.wait() if "slow" in parcel.url else asyncio.sleep(0))
        if "quick" in parcel.url:
            taken.set()
        return Outcome()

    team.sent.send = send  # type: ignore[method-assign]
    working = asyncio.create_task(team.webhooks.run())
    async with asyncio.timeout(20):
        await taken.wait()
        while len(team.sent.parcels) < 1 + OF_ONE_ORGANIZATION:  # each looks up what to send before it does
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # in which others would be begun
    assert len(team.sent.parcels) == 1 + OF_ONE_ORGANIZATION
    over.set()
    async with asyncio.timeout(20):
        while len(team.sent.parcels) < 1 + 2 * at.MOST_ENDPOINTS:
            await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    other.change("UPDATE webhook_delivery SET given_up_at = now() WHERE org_id = %(org_id)s")


async def test_a_secret_signs_for_a_day_beside_the_next(team: Hooked) -> None:
    endpoint_id = team.add()
    renewed = [team.run(at.renew_secret(team.org_id, OPERATOR, endpoint_id, SEAL)) for _ in range(2)]
    team.run(send_test(team.org_id, endpoint_id, request_id="t1"))
    await team.webhooks.send_due()
    assert len(team.sent.parcels[0].secrets) == 3
    assert team.sent.parcels[0].secrets[:2] == (renewed[1], renewed[0])
    assert "whsec_" not in repr(team.sent.parcels[0])
    assert "whsec_" not in str(team.rows("SELECT sealed FROM webhook_secret WHERE org_id = %(org_id)s"))
    team.change(
        "UPDATE webhook_secret SET ends_at = ends_at - interval '24 hours'"
        " WHERE org_id = %(org_id)s AND ends_at > now()"
    )
    team.run(send_test(team.org_id, endpoint_id, request_id="t2"))
    await team.webhooks.send_due()
    assert team.sent.parcels[1].secrets == (renewed[1],)


async def test_only_so_many_secrets_are_in_force_at_once(team: Hooked) -> None:
    endpoint_id = team.add()
    for _ in range(MOST_IN_FORCE - 1):
        team.run(at.renew_secret(team.org_id, OPERATOR, endpoint_id, SEAL))
    with pytest.raises(Conflict):
        team.run(at.renew_secret(team.org_id, OPERATOR, endpoint_id, SEAL))
    team.change(
        "UPDATE webhook_secret SET ends_at = now() + (number - 2) * interval '1 hour'"
        " WHERE org_id = %(org_id)s AND ends_at > now()"
    )
    team.run(at.renew_secret(team.org_id, OPERATOR, endpoint_id, SEAL))
    left = team.rows(
        "SELECT round(extract(epoch FROM ends_at - now()) / 3600)::int AS hours FROM webhook_secret"
        " WHERE org_id = %(org_id)s ORDER BY number"
    )
    assert [row["hours"] for row in left] == [1, 2, 24, None]  # those that had an end keep it


@pytest.mark.parametrize("by", ["another key", "another row", "another endpoint"])
async def test_a_secret_that_cannot_be_read_is_said_and_nothing_is_sent_unsigned(team: Hooked, by: str) -> None:
    endpoint_id = team.add()
    if by == "another row":
        team.run(at.renew_secret(team.org_id, OPERATOR, endpoint_id, SEAL))
        team.change(
            "UPDATE webhook_secret AS s SET sealed = o.sealed FROM webhook_secret AS o WHERE s.org_id = %(org_id)s"
            " AND o.org_id = s.org_id AND o.number = 1 AND s.number = 2"
        )
    elif by == "another endpoint":
        other = team.add("other", ["guard.paused"])
        team.change(
            "UPDATE webhook_secret AS s SET sealed = o.sealed FROM webhook_secret AS o WHERE s.org_id = %(org_id)s"
            f" AND o.org_id = s.org_id AND o.endpoint_id = '{other}' AND s.endpoint_id = '{endpoint_id}'"
        )
    else:
        team.webhooks._seal = Seal(["a new one"], purpose=PURPOSE)
    team.tell()
    await team.webhooks.send_due()
    assert team.sent.parcels == []
    assert team.went(endpoint_id)[0].fault == UNREADABLE


async def test_a_new_secret_signs_at_once_where_the_one_before_cannot_be_read(team: Hooked) -> None:
    """After a change of the installation's key this is what people are asked to do."""
    endpoint_id, later = team.add(), Seal(["a new one"], purpose=PURPOSE)
    made = team.run(at.renew_secret(team.org_id, OPERATOR, endpoint_id, later))
    team.webhooks._seal = later
    team.tell()
    await team.webhooks.send_due()
    assert [parcel.secrets for parcel in team.sent.parcels] == [(made,)]


async def test_a_test_goes_to_its_endpoint_alone_and_once_for_its_form(team: Hooked) -> None:
    tried, other = team.add("tried", ["guard.paused"]), team.add("other")
    for _ in range(2):
        team.run(send_test(team.org_id, tried, request_id="form-1"))
    await team.webhooks.send_due()
    assert team.sent.kinds == ["webhook.test"]
    assert team.went(other) == []


async def test_what_was_taken_can_be_sent_again_under_the_same_id(team: Hooked) -> None:
    endpoint_id = team.add()
    team.tell()
    await team.webhooks.send_due()
    (went,) = team.went(endpoint_id)
    for _ in range(2):
        team.run(send_again(team.org_id, endpoint_id, went.delivery_id))
    assert team.went(endpoint_id)[0].attempts == 0
    await team.webhooks.send_due()
    assert [parcel.message.message_id for parcel in team.sent.parcels] == [team.sent.parcels[0].message.message_id] * 2
    with pytest.raises(NotFound):
        team.run(send_again(team.org_id, endpoint_id, went.delivery_id + 1))


async def test_an_address_has_one_endpoint_and_an_organization_so_many(team: Hooked) -> None:
    first, second = team.add("one"), team.add("two")
    with pytest.raises(Conflict, match="already"):
        team.add("one")
    with pytest.raises(Conflict, match="already"):
        team.run(
            at.change_endpoint(
                team.org_id, OPERATOR, second, url=team.endpoint(first).url, kinds=EVENTS, networks=()
            )
        )  # fmt: skip
    for number in range(at.MOST_ENDPOINTS - 2):
        team.add(f"more-{number}")
    with pytest.raises(Conflict, match="most"):
        team.add("too-many")


async def test_two_forms_at_once_make_one_endpoint(team: Hooked) -> None:
    """The second waits for the first, and is told."""

    def adding() -> Operation[Any]:
        url = "https://one.example/"
        return at.add_endpoint(team.org_id, OPERATOR, url=url, kinds=EVENTS, seal=SEAL, networks=())

    with team.database.transaction(org_id=team.org_id) as connection:
        run(connection, adding())
        second = asyncio.create_task(asyncio.to_thread(team.run, adding()))
        await asyncio.sleep(0.2)
        assert not second.done()
    with pytest.raises(Conflict, match="already"):
        await asyncio.wait_for(second, 20)


async def test_a_new_address_has_failed_nothing_yet_and_with_other_events_it_goes_on_failing(team: Hooked) -> None:
    endpoint_id = team.add()
    team.change("UPDATE webhook_endpoint SET failing_since = now() WHERE org_id = %(org_id)s")
    failing = []
    for url in (team.endpoint(endpoint_id).url, "https://new.example/"):
        team.run(at.change_endpoint(team.org_id, OPERATOR, endpoint_id, url=url, kinds=["guard.full"], networks=()))
        failing.append(team.endpoint(endpoint_id).failing_since is not None)
    assert failing == [True, False]


async def test_what_changes_nothing_is_not_recorded(team: Hooked) -> None:
    endpoint_id = team.add()
    url = team.endpoint(endpoint_id).url
    for kinds in (list(EVENTS), ["credits.low"], ["credits.low"]):
        team.run(at.change_endpoint(team.org_id, OPERATOR, endpoint_id, url=url, kinds=kinds, networks=()))
    for on in (True, False, False):
        team.run(at.switch_endpoint(team.org_id, OPERATOR, endpoint_id, on=on))
    assert team.activity() == ["webhook.added", "webhook.changed", "webhook.switched_off"]
    assert team.endpoint(endpoint_id).kinds == ("credits.low",)
    assert team.endpoint(endpoint_id).wants("credits.low")
    assert not team.endpoint(endpoint_id).wants("guard.full")
