"""All state in one plain object, written through to a file when there is one, so that a restart forgets nothing."""

import sqlite3
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from razorpay_simulator.model.checkout import Checkout
from razorpay_simulator.model.dispute import Dispute
from razorpay_simulator.model.link import PaymentLink
from razorpay_simulator.model.order import Order
from razorpay_simulator.model.payment import Payment
from razorpay_simulator.model.refund import Refund, RefundKey
from razorpay_simulator.model.timer import Timer
from razorpay_simulator.model.webhook import Delivery, Endpoint, Event

KINDS: tuple[type[Any], ...] = (
    Order, Payment, Refund, RefundKey, PaymentLink, Dispute, Endpoint, Event, Delivery, Timer, Checkout,
)  # fmt: skip
T = TypeVar("T")


class Store:
    """Records by kind and id, in the order in which they were made."""

    def __init__(self, path: str | None = None) -> None:
        self._tables: dict[type[Any], dict[str, Any]] = {kind: {} for kind in KINDS}
        self._changed: dict[tuple[str, str], Any] = {}
        self._file = None if path is None else _open(Path(path))
        self.pending: dict[str, Delivery] = {}
        """Messages still on their way, so that the many that arrived need not be looked through."""
        self.meta: dict[str, Any] = {}
        """Counters of ids and the state of the clock, as they were saved."""
        if self._file is not None:
            self._load(self._file)

    def all(self, kind: type[T]) -> dict[str, T]:
        """Every record of a kind, by id."""
        return self._tables[kind]

    def get(self, kind: type[T], record_id: str) -> T | None:
        found: T | None = self._tables[kind].get(record_id)
        return found

    def save(self, record: Any) -> None:
        """Remember a record, or that it changed."""
        self._tables[type(record)][record.id] = record
        self._changed[type(record).__name__, record.id] = record
        if isinstance(record, Delivery):
            self._sort(record)

    def forget(self, record: Any) -> None:
        del self._tables[type(record)][record.id]
        self._changed[type(record).__name__, record.id] = None

    def flush(self, meta: dict[str, Any]) -> None:
        """Write what changed since the last time, in one transaction."""
        changed, self._changed = self._changed, {}
        if self._file is None:
            return
        rows = [(kind, name, msgspec.json.encode(record)) for (kind, name), record in changed.items() if record]
        gone = [key for key, record in changed.items() if record is None]
        with self._file:
            # A record keeps its place when it changes: reading back must give the order of making.
            self._file.executemany(
                "INSERT INTO record VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body", rows
            )
            self._file.executemany("DELETE FROM record WHERE kind = ? AND id = ?", gone)
            self._file.execute("INSERT OR REPLACE INTO meta VALUES (1, ?)", [msgspec.json.encode(meta)])

    def clear(self) -> None:
        """Forget everything."""
        for table in self._tables.values():
            table.clear()
        self.pending.clear()
        self._changed.clear()
        if self._file is not None:
            with self._file:
                self._file.execute("DELETE FROM record")
                self._file.execute("DELETE FROM meta")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def dump(self) -> dict[str, Any]:
        """Everything, as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(
            {kind.__name__: list(table.values()) for kind, table in self._tables.items()}
        )
        return plain

    def _sort(self, delivery: Delivery) -> None:
        if delivery.state == "pending":
            self.pending[delivery.id] = delivery
        else:
            self.pending.pop(delivery.id, None)

    def _load(self, file: sqlite3.Connection) -> None:
        kinds = {kind.__name__: kind for kind in KINDS}
        for kind, name, body in file.execute("SELECT kind, id, body FROM record ORDER BY rowid"):
            self._tables[kinds[kind]][name] = msgspec.json.decode(body, type=kinds[kind])
        for delivery in self.all(Delivery).values():
            self._sort(delivery)
        for (body,) in file.execute("SELECT body FROM meta"):
            self.meta = msgspec.json.decode(body)


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made by the thread that starts the simulator, used only by the one that serves it.
    file = sqlite3.connect(path, check_same_thread=False)
    file.execute("PRAGMA synchronous = OFF")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("CREATE TABLE IF NOT EXISTS record (kind TEXT, id TEXT, body BLOB, UNIQUE (kind, id))")
    file.execute("CREATE TABLE IF NOT EXISTS meta (one INTEGER PRIMARY KEY, body BLOB)")
    file.commit()
    return file
