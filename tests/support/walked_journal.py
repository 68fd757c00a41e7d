"""The real ledger's journal, walked as it grows: what it adds up to, and what must hold of every entry."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from testkase.core.ledger.model import Account, Entry


@dataclass
class WalkedJournal:
    """Sums of everything posted so far."""

    entries: list[Entry] = field(default_factory=list)
    available: int = 0
    held: int = 0
    lent: int = 0
    overage_limit: int = 0
    ai_enabled: bool = False
    ends: list[int] = field(default_factory=list)
    """When each billing month ends."""
    held_by: Counter[str] = field(default_factory=Counter)
    hashes: set[bytes] = field(default_factory=set)

    def walk(self, fresh: list[Entry], account: Account) -> None:
        """Further entries, and the account after the last of them."""
        for entry in fresh:
            self._entry(entry, account)
        self._agrees_with(account)

    def _entry(self, entry: Entry, account: Account) -> None:
        before = self.entries[-1] if self.entries else None
        self.entries.append(entry)
        self.hashes.add(entry.hash)
        assert entry.seq == len(self.entries), "no gaps"
        assert before is None or entry.at >= before.at, "no steps back in time"
        assert entry.deltas.total() == 0, "I1"
        assert entry.deltas.used >= 0, "I7: nothing is minted"
        self.available += entry.deltas.available
        self.held += entry.deltas.held
        self.lent -= entry.deltas.overage
        assert (entry.available_after, entry.held_after) == (self.available, self.held), "I2"
        if entry.hold_id is not None:
            self.held_by[entry.hold_id] += entry.deltas.held
        self._switch(entry, account)
        self._cap(entry)
        if entry.kind == "allowance":
            self._month(entry)

    def _switch(self, entry: Entry, account: Account) -> None:
        if entry.kind == "switch":
            self.ai_enabled = entry.note == "on"
        elif entry.kind == "open":
            self.ai_enabled = account.ai_enabled
        assert self.ai_enabled or not entry.deltas.used, "I14"

    def _cap(self, entry: Entry) -> None:
        """Whatever is lent, all that is lent by then and not yet billed is within the cap in force."""
        if entry.kind == "overage_limit":
            self.overage_limit = int(entry.note)
        assert entry.deltas.overage >= 0 or self.lent <= self.overage_limit, "P7: never beyond the cap"

    def _month(self, entry: Entry) -> None:
        assert not self.ends or entry.at == self.ends[-1], "I9: periods are contiguous, and none comes twice"
        assert entry.expires_at is not None
        assert entry.expires_at > entry.at
        self.ends.append(entry.expires_at)

    def _agrees_with(self, account: Account) -> None:
        last = self.entries[-1]
        assert (account.last_seq, account.last_at, account.last_hash) == (len(self.entries), last.at, last.hash)
        assert (account.available, account.held) == (self.available, self.held), "I2"
        assert len(self.hashes) == len(self.entries), "I12"

    def check_chain(self) -> None:
        """Every entry's hash follows its predecessor's, computed here from what the journal says (I12)."""
        previous = bytes(32)
        for entry in self.entries:
            said = msgspec.json.encode(msgspec.structs.replace(entry, hash=b""))
            previous = hashlib.sha256(previous + said).digest()
            assert entry.hash == previous, "I12"
