"""The simulator itself: its settings, time, ids, faults and records, and what just happened and is to be told."""

from typing import Any

from razorpay_simulator import events
from razorpay_simulator.clock import Clock
from razorpay_simulator.config import Config
from razorpay_simulator.faults import Faults
from razorpay_simulator.ids import Ids
from razorpay_simulator.model import Dispute, Endpoint, Event, Order, Payment, PaymentLink, Refund, Store, Timer


class Simulator:
    """One account of one merchant. Used by one event loop; everything but sending webhooks is synchronous."""

    def __init__(self, config: Config, *, clock: Clock | None = None) -> None:
        self.config = config
        self.url = config.url
        """Where it is found; the server says so when it chose the port itself."""
        self.clock = clock or Clock()
        self.store = Store(config.data)
        self.ids = Ids(config.seed)
        self.faults = Faults()
        self.happened: list[Event] = []
        """Events since the last release, oldest first: those of one action."""
        self._take_up(self.store.meta)
        self.account_id = Ids(config.seed).new("acc")
        self._first_endpoint()

    def announce(
        self,
        name: str,
        *,
        payment: Payment | None = None,
        order: Order | None = None,
        refund: Refund | None = None,
        dispute: Dispute | None = None,
        payment_link: PaymentLink | None = None,
    ) -> Event:
        """Something happened, with the entities as they are at this moment."""
        given = {"payment": payment, "order": order, "refund": refund, "dispute": dispute, "payment_link": payment_link}
        entities = {key: record.entity() for key, record in given.items() if record is not None}
        order_id = payment.order_id if payment is not None else None
        return self.record(name, entities, order_id=order_id, payment_id=payment.id if payment is not None else None)

    def record(
        self,
        name: str,
        entities: dict[str, dict[str, Any]],
        *,
        order_id: str | None = None,
        payment_id: str | None = None,
        account_id: str | None = None,
        seconds_ago: float = 0,
    ) -> Event:
        """An event of these entities, encoded now and never again."""
        skew = self.faults.find("F18", "skew")
        created_at = self.clock.now() - int(seconds_ago) + int((skew and skew.seconds) or 0)
        envelope = events.build(name, entities, account_id=account_id or self.account_id, created_at=created_at)
        body = events.encode(envelope).decode()
        event = Event(
            id=self.ids.new(""),
            name=name,
            body=body,
            created_at=created_at,
            order_id=order_id,
            payment_id=payment_id,
        )
        self.store.save(event)
        self.happened.append(event)
        return event

    def later(self, seconds: float, action: str, target: str, *, since: float | None = None) -> None:
        """Have something happen by itself, so many seconds from now or from an instant."""
        at = (self.clock.exact() if since is None else since) + seconds
        self.store.save(Timer(id=self.ids.new("timer"), at=at, action=action, target=target))

    def keep(self) -> None:
        """Write to the file what changed."""
        self.store.flush({"made": dict(self.ids.made), "offset": self.clock.offset, "frozen_at": self.clock.frozen_at})

    def reset(self) -> None:
        """As newly started: no records, no faults, real time, the first ids again."""
        self.store.clear()
        self.faults.clear()
        self.happened.clear()
        self.ids = Ids(self.config.seed)
        self.clock.offset, self.clock.frozen_at = 0.0, None
        self._first_endpoint()
        self.keep()

    def _take_up(self, meta: dict[str, Any]) -> None:
        self.ids.made.update(meta.get("made", {}))
        self.clock.offset = meta.get("offset", 0.0)
        self.clock.frozen_at = meta.get("frozen_at")

    def _first_endpoint(self) -> None:
        """The one named at the start, enabled, whatever was remembered of it."""
        url, secret = self.config.webhook_url, self.config.webhook_secret
        if url is None:
            return
        known = (endpoint for endpoint in self.store.all(Endpoint).values() if endpoint.configured)
        first = next(known, None)
        if first is None:
            first = Endpoint(id=self.ids.new("wh"), url=url, created_at=self.clock.now(), configured=True)
        first.url, first.secret, first.enabled, first.disabled_at = url, secret, True, None
        self.store.save(first)
