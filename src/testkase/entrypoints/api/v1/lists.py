"""Lists of what people and programs set up, not of what calls leave behind: whole unless a page is asked for."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from testkase.entrypoints.api.fields import NO_CURSOR
from testkase.entrypoints.api.v1.usage_schemas import Limit
from testkase.foundation.problems import InvalidInput

Item = TypeVar("Item")


class ListQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page of a list. Without `limit` it is all of it."""

    limit: Limit | None = None
    cursor: Annotated[str, Meta(max_length=220, description="`next_cursor` of the page before.")] | None = None


def page_of(items: Sequence[Item], query: ListQuery, name: Callable[[Item], str]) -> tuple[list[Item], str | None]:
    """The items behind the cursor, and the cursor of the page after them. `name`: what tells an item from the others.

    Raises InvalidInput where the item at which the page before ended is not there any more.
    """
    first = 0
    if query.cursor is not None:
        names = [name(item) for item in items]
        if query.cursor not in names:
            raise InvalidInput(NO_CURSOR, field="cursor")
        first = names.index(query.cursor) + 1
    end = len(items) if query.limit is None else first + query.limit
    return list(items[first:end]), name(items[end - 1]) if end < len(items) else None
