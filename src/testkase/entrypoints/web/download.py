"""CSV and other downloads that are read while they are sent, whatever their length."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import tzinfo
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections, connection
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from testkase.services.organizations.tenancy import tenant_transaction

P = TypeVar("P")
Row = tuple[str, ...]

CHUNK = 499
"""Rows read at once: one more shows whether there are others, and 500 is the most a page may have."""


def csv_response(request: HttpRequest, chunks: Iterator[bytes], *, name: str) -> StreamingHttpResponse:
    """A download called `name`-2026-11-22.csv, sent piece by piece."""
    return file_response(request, chunks, name=name, ending="csv", kind="text/csv")


def file_response(
    request: HttpRequest, chunks: Iterator[bytes], *, name: str, ending: str, kind: str
) -> StreamingHttpResponse:
    """The same for any text, with the ending of its name and its kind."""
    response = StreamingHttpResponse(
        _awaited(chunks) if isinstance(request, ASGIRequest) else chunks, content_type=f"{kind}; charset=utf-8"
    )
    day = timezone.localdate().isoformat()
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{day}.{ending}"'
    response.headers["X-Accel-Buffering"] = "no"
    return response


@contextmanager
def in_its_own_transaction(org_id: int) -> Iterator[None]:
    """For one piece: a slow download holds neither a connection nor old rows."""
    try:
        with tenant_transaction(org_id):
            yield
    finally:
        if not connection.in_atomic_block:  # else it is somebody's whose transaction goes on
            close_old_connections()


def paged(org_id: int, headings: Row, read: Callable[[P | None], tuple[list[Row], P | None]]) -> Iterator[bytes]:
    """A CSV whose rows are read page by page, each in a transaction of its own. `read` answers the rows from a place on
    (None: the first) and the next place (None: that was all)."""
    # The view's zone, asked for while the view runs: a generator's first line runs when the first bytes are sent.
    return _pages(timezone.get_current_timezone(), org_id, headings, read)


def _pages(
    zone: tzinfo, org_id: int, headings: Row, read: Callable[[P | None], tuple[list[Row], P | None]]
) -> Iterator[bytes]:
    yield written([headings])
    place: P | None = None
    while True:
        with timezone.override(zone), in_its_own_transaction(org_id):
            rows, place = read(place)
        if rows:
            yield written(rows)
        if place is None:
            return


def written(rows: Iterable[Row]) -> bytes:
    """Rows as CSV in UTF-8. No byte-order mark before the first, though Excel asks for one when a file is opened by a
    click: programs take it for a part of the first heading."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


async def _awaited(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same for an asynchronous server, which would otherwise collect everything before it sends the first byte."""
    following = sync_to_async(lambda: next(chunks, None))
    while (chunk := await following()) is not None:
        yield chunk
