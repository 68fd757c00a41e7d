"""A file of fixed pages, one for each call in flight, mapped into memory.

A write is a copy of a few dozen bytes, and the kernel has it: `kill -9` of the process loses nothing, only a crash of
the machine does (the hold lapses then, and what was delivered is free). Whoever writes the file holds its lock, so a
file that can be locked belongs to nobody who lives. It holds ids and counts, never what was said.
"""

import fcntl
import logging
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

from testkase.core.ledger.model import Measurement
from testkase.core.ledger.terms import Terms, Tokens
from testkase.foundation.ids import new_id
from testkase.services.metering.charge import within
from testkase.services.metering.request import Bounds
from testkase.services.metering.settle import OpenedHold

log = logging.getLogger(__name__)

SUFFIX, YOUNG_SUFFIX = ".calls", ".new"
"""Of a file, and of one that is being made."""
PAGE_BYTES = 4_096
PAGES = 2_048
"""Calls beyond so many at once are not written down."""

_HEAD = struct.Struct("<BH")
"""Which of the two counts is the newest (0: the page is free), and how long the call's description is."""
_COUNT = struct.Struct("<B5Q")
"""Index of the measurement, and the tokens by kind."""
_COUNTS = (_HEAD.size, _HEAD.size + _COUNT.size)
_ABOUT = _HEAD.size + 2 * _COUNT.size
_MEASUREMENTS: tuple[Measurement, ...] = ("partial", "estimated", "exact")


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Which call it is, and what settling it takes."""

    hold: OpenedHold
    opened_seq: int
    bounds: tuple[int, int]
    """Input and output tokens it can come to at most."""
    terms: Terms | None = None
    """Of another model than the hold was opened for, where that one answered."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a page: the call, and what it had delivered. No tokens: nothing."""

    about: About
    tokens: Tokens
    measurement: Measurement


class Page:
    """The place of one call. `note` may be called for every event: it costs about a microsecond."""

    def __init__(self, pages: "Pages", number: int, about: About) -> None:
        self._pages = pages
        self._start = number * PAGE_BYTES
        self._about = about
        self._newest = 0
        self.number = number

    def describe(self, bounds: Bounds, terms: Terms | None) -> bool:
        """Write down what is being asked; again when another model is. False when it does not fit a page."""
        about = msgspec.structs.replace(self._about, bounds=(bounds.input_tokens, bounds.output_tokens), terms=terms)
        text = msgspec.msgpack.encode(about)
        if len(text) > PAGE_BYTES - _ABOUT:
            return False
        self._about = about
        memory, start = self._pages.memory, self._start
        _HEAD.pack_into(memory, start, 0, len(text))
        memory[start + _ABOUT : start + _ABOUT + len(text)] = text
        self._newest = 0
        self.note(Tokens(), "partial")
        return True

    def note(self, tokens: Tokens, measurement: Measurement) -> None:
        """What has been delivered so far. The older of the two counts is overwritten, then made the newest by a single
        byte, so that there is a whole one at every instant."""
        memory, start = self._pages.memory, self._start
        newest = 2 if self._newest == 1 else 1
        _COUNT.pack_into(
            memory, start + _COUNTS[newest - 1], _MEASUREMENTS.index(measurement),
            tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning,
        )  # fmt: skip
        memory[start] = self._newest = newest

    def conclude(self, tokens: Tokens, measurement: Measurement, terms: Terms | None) -> None:
        """What the ledger is about to be told, which may take as long as the database is away."""
        if self._pages.memory.closed:
            return
        if self._covers(tokens, terms) or self.describe(_size(tokens), terms):
            self.note(tokens, measurement)

    def _covers(self, tokens: Tokens, terms: Terms | None) -> bool:
        """Whether the description that stands there leads to the same charge."""
        if not self._newest:
            return False
        inputs, outputs = self._about.bounds
        fits = within(tokens, Bounds(input_tokens=inputs, output_tokens=outputs)) == tokens
        return tokens == Tokens() or (fits and terms == self._about.terms)

    def free(self) -> None:
        """The ledger has been told."""
        if not self._pages.memory.closed:
            self._pages.memory[self._start] = 0
        self._pages.give_back(self.number)


class Pages:
    """The file of this process. Its lock is held until it is closed, or the process is gone."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.memory = mmap.mmap(descriptor, PAGES * PAGE_BYTES)
        self._descriptor = descriptor
        self._free = list(range(PAGES - 1, -1, -1))

    @classmethod
    def create(cls, folder: Path) -> Self:
        """A new file, locked before it bears the name by which files are found. Raises OSError."""
        path = folder / f"{new_id('process')}{SUFFIX}"
        young = path.with_suffix(YOUNG_SUFFIX)
        descriptor = os.open(young, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.posix_fallocate(descriptor, 0, PAGES * PAGE_BYTES)  # a disk that fills up later must not matter
            pages = cls(path, descriptor)
            young.rename(path)
        except BaseException:
            os.close(descriptor)
            young.unlink(missing_ok=True)
            raise
        return pages

    def take(self, hold: OpenedHold, opened_seq: int) -> Page | None:
        """A free page; None when there is none."""
        if not self._free:
            return None
        return Page(self, self._free.pop(), About(hold=hold, opened_seq=opened_seq, bounds=(0, 0)))

    def give_back(self, number: int) -> None:
        self._free.append(number)

    def close(self) -> None:
        """The file goes when everything in it has been told; else it stays for whoever comes next."""
        if len(self._free) == PAGES:
            self.path.unlink(missing_ok=True)
        self.memory.close()
        os.close(self._descriptor)


def read(descriptor: int) -> Iterator[Delivered]:
    """The calls that were in flight when the file's process ended. A page nobody can read is left out, with a word in
    the log."""
    if os.fstat(descriptor).st_size != PAGES * PAGE_BYTES:
        return
    with mmap.mmap(descriptor, PAGES * PAGE_BYTES, access=mmap.ACCESS_READ) as memory:
        for start in range(0, PAGES * PAGE_BYTES, PAGE_BYTES):
            newest, length = _HEAD.unpack_from(memory, start)
            if newest not in (1, 2):
                continue
            measurement, *tokens = _COUNT.unpack_from(memory, start + _COUNTS[newest - 1])
            try:
                about = msgspec.msgpack.decode(memory[start + _ABOUT : start + _ABOUT + length], type=About)
                yield Delivered(about=about, tokens=_tokens(tokens), measurement=_MEASUREMENTS[measurement])
            except (msgspec.MsgspecError, IndexError):
                log.exception("a call of a process that ended cannot be read; its hold lapses")


def _size(tokens: Tokens) -> Bounds:
    return Bounds(
        input_tokens=tokens.input + tokens.cached_input + tokens.cache_write,
        output_tokens=tokens.output + tokens.reasoning,
    )


def _tokens(counts: list[int]) -> Tokens:
    plain, cached, written, output, reasoning = counts
    return Tokens(input=plain, cached_input=cached, cache_write=written, output=output, reasoning=reasoning)
