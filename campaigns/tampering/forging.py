"""A forger who knows how the books are made: the whole journal hashed anew after a change, its end cut off cleanly,
what was used on a day raised wherever it is summed up, or what is due put off.

Within the database a journal can be made to agree with itself; the heads published outside of it do not. Sums are held
against the calls they are of.
"""

import random
from typing import Any

import psycopg

from campaigns.tampering.tampers import NoChange
from testkase.core.ledger.posting import GENESIS, entry_hash
from testkase.core.ledger.verify import entry_of, journal_page
from testkase.foundation.database import Operation, Statement, run

Connection = psycopg.Connection[Any]

_CUT = """
WITH gone AS (DELETE FROM ledger.entry WHERE org_id = %(org)s AND seq > %(left)s RETURNING seq),
ids AS (DELETE FROM ledger.operation WHERE org_id = %(org)s AND seq > %(left)s)
UPDATE ledger.account AS a SET last_seq = e.seq, last_at = e.at, last_hash = e.hash
FROM ledger.entry AS e WHERE a.org_id = %(org)s AND e.org_id = a.org_id AND e.seq = %(left)s
"""
_NOTES = """
UPDATE ledger.entry SET note = note || ' ' WHERE org_id = %s AND seq = %s AND kind IN ('grant', 'adjust', 'write_off')
"""
_FINGERPRINTS = "UPDATE ledger.entry SET fingerprint = sha256(fingerprint) WHERE org_id = %s AND seq = %s"

_SUMS = """
WITH one AS (
    SELECT d.use_case, d.day FROM ledger.usage_day AS d
    JOIN ledger.usage_closed AS c ON c.org_id = d.org_id AND d.day < c.before
    WHERE d.org_id = %(org)s ORDER BY md5(d.day::text || d.use_case || %(salt)s) LIMIT 1
), days AS (
    UPDATE ledger.usage_part_day AS p SET charged = p.charged + 10000 FROM one
    WHERE p.org_id = %(org)s AND p.day = one.day AND (p.by, p.part) IN (('all', ''), ('use_case', one.use_case))
)
UPDATE ledger.usage_part_period AS p SET charged = p.charged + 10000 FROM one
WHERE p.org_id = %(org)s AND (p.by, p.part) = ('use_case', one.use_case)
  AND p.first_day = (SELECT max(m.first_day) FROM ledger.usage_part_period AS m
                     WHERE m.org_id = p.org_id AND m.first_day <= one.day)
"""

_LATER = """
UPDATE ledger.account AS a SET due_at = 1 + least(
    a.period_end,
    (SELECT min(l.expires_at) FROM ledger.lot AS l WHERE l.org_id = a.org_id AND l.available > 0),
    (SELECT min(h.expires_at) FROM ledger.open_hold AS h WHERE h.org_id = a.org_id)
) WHERE a.org_id = %s
"""


def rewrite(owner: Connection, org_id: int, dice: random.Random, last_seq: int) -> str:
    """Change an entry, then every hash from there on, and the account's."""
    seq = dice.randint(1, last_seq)
    changed = dice.choice((_NOTES, _FINGERPRINTS))
    if not owner.execute(changed.encode(), [org_id, seq]).rowcount:
        owner.execute(_FINGERPRINTS.encode(), [org_id, seq])
    run(owner, _hash_anew(org_id))
    return f"entry {seq} changed and the journal hashed anew"


def cut(owner: Connection, org_id: int, dice: random.Random, last_seq: int) -> str:
    """Take the newest entries away, and let the account end before them."""
    left = dice.randint(max(1, last_seq - 5), last_seq - 1)
    owner.execute(_CUT.encode(), {"org": org_id, "left": left})
    return f"the journal cut off after {left}"


def raise_sums(owner: Connection, org_id: int, dice: random.Random, last_seq: int) -> str:
    """Let a feature have used more on a day that is over, in the sums of that day and in its month's."""
    if not owner.execute(_SUMS.encode(), {"org": org_id, "salt": str(dice.random())}).rowcount:
        raise NoChange
    return "what a feature used on a day raised in all sums"


def put_off(owner: Connection, org_id: int, _dice: random.Random, _last_seq: int) -> str:
    """Let nothing be due until a moment after something is: credits outlive their time, holds stay."""
    owner.execute(_LATER.encode(), [org_id])
    return "what is due put off"


def _hash_anew(org_id: int) -> Operation[None]:
    digest = GENESIS
    seqs, hashes = [], []
    for row in (yield from journal_page(org_id, after=0, limit=100_000)):
        digest = entry_hash(digest, entry_of(org_id, row))
        seqs.append(row["seq"])
        hashes.append(digest)
    yield Statement(
        "UPDATE ledger.entry AS e SET hash = made.hash FROM unnest(%(seqs)s::bigint[], %(hashes)s::bytea[])"
        " AS made (seq, hash) WHERE e.org_id = %(org_id)s AND e.seq = made.seq",
        {"org_id": org_id, "seqs": seqs, "hashes": hashes},
    )
    yield Statement(
        "UPDATE ledger.account SET last_hash = %(hash)s WHERE org_id = %(org_id)s", {"org_id": org_id, "hash": digest}
    )
