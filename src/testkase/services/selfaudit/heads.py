"""Where every organization's chains end, written outside the database once a day.

A file a day, `2026-11-28.jsonl`: first the day, and the SHA-256 of the file before it, so that the files are a chain
too; then a line an organization. A file is written once and never changed. Whoever cuts off or rewrites a journal,
checkpoint and head included, cannot also change copies of these files that are kept elsewhere.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import msgspec

from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput
from testkase.services.selfaudit.standing import SQL


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a file. `previous`: SHA-256 of the file of `previous_day`; both empty in the very first."""

    day: str
    previous_day: str
    previous: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where one organization's journal and activity history end; number 0: nothing is in it yet. Hashes in hex."""

    org_id: int
    seq: int
    hash: str
    activity_seq: int
    activity_hash: str


Heads = dict[int, dict[str, set[tuple[int, str]]]]
"""By organization and chain (`entry`, `activity`): numbers, and the hash that was published for each."""

_encode = msgspec.json.Encoder().encode
_opening = msgspec.json.Decoder(Opening).decode
_head = msgspec.json.Decoder(Head).decode


def head_of(org_id: int) -> Operation[Head | None]:
    """Where an organization's chains end. Needs its context."""
    rows = yield Statement(SQL["heads"], {"org_id": org_id})
    if not rows:
        return None
    row = rows[0]
    return Head(
        org_id=org_id, seq=row["seq"], hash=bytes(row["hash"]).hex(), activity_seq=row["activity_seq"],
        activity_hash=bytes(row["activity_hash"]).hex(),
    )  # fmt: skip


def file_of(folder: Path, day: date) -> Path:
    """Where the heads of a day are."""
    return folder / f"{day.isoformat()}.jsonl"


def publish(folder: Path, day: date, heads: Iterable[Head]) -> tuple[int, bytes] | None:
    """Write a day's file; answers how many organizations it names and its SHA-256. None: it was there already."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = file_of(folder, day)
    before = max((path for path in folder.glob("*.jsonl") if path.name < target.name), default=None)
    opening = Opening(
        day=day.isoformat(),
        previous_day=before.stem if before else "",
        previous=_digest(before).hex() if before else "",
    )
    part = folder / f".{target.name}.{os.getpid()}"
    count = 0
    try:
        with part.open("wb") as file:
            file.write(_encode(opening) + b"\n")
            for head in heads:
                file.write(_encode(head) + b"\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o400)
        os.link(part, target)  # unlike a rename, never over a file that is there
    except FileExistsError:
        return None
    finally:
        part.unlink(missing_ok=True)
    return count, _digest(target)


def read_published(folder: Path) -> tuple[Heads, list[str]]:
    """Everything that was ever published, and what is wrong with the files themselves. Raises InvalidInput."""
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise InvalidInput(
            f"There are no published heads in {folder}: name the folder with files such as 2026-11-28.jsonl."
        )
    heads: Heads = defaultdict(lambda: {"entry": set(), "activity": set()})
    faults: list[str] = []
    before: Path | None = None
    for path in paths:
        try:
            opening, *lines = path.read_bytes().splitlines()
            faults += _out_of_chain(path, _opening(opening), before)
            for head in map(_head, lines):
                heads[head.org_id]["entry"].add((head.seq, head.hash))
                heads[head.org_id]["activity"].add((head.activity_seq, head.activity_hash))
        except (ValueError, msgspec.MsgspecError):
            faults.append(f"{path.name} cannot be read")
        before = path
    return heads, faults


def compare(org_id: int, heads: Heads) -> Operation[list[tuple[str, int]]]:
    """Published heads of an organization that no longer stand: chain and number. Needs its context."""
    said = heads[org_id]
    numbers = {chain: [seq for seq, _ in said[chain]] for chain in said}
    rows = yield Statement(
        SQL["hashes"], {"org_id": org_id, "seqs": numbers["entry"], "activity_seqs": numbers["activity"]}
    )
    standing = {(row["chain"], row["seq"]): bytes(row["hash"]).hex() for row in rows}
    return sorted(_missing(said, standing))


def _missing(said: dict[str, set[tuple[int, str]]], standing: dict[tuple[str, int], str]) -> Iterator[tuple[str, int]]:
    for chain, published in said.items():
        for seq, digest in published:
            if seq and standing.get((chain, seq)) != digest:
                yield chain, seq


def _out_of_chain(path: Path, opening: Opening, before: Path | None) -> list[str]:
    if opening.day != path.stem:
        return [f"{path.name} says it is of {opening.day}"]
    if before is None:
        return []  # older files may have been put away
    if opening.previous_day != before.stem:
        return [f"{path.name} follows {opening.previous_day or 'nothing'}, not {before.name}"]
    return (
        []
        if opening.previous == _digest(before).hex()
        else [f"{before.name} was changed after {path.name} was written"]
    )


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
