"""The nouns of privacy: a kind of content, and the tables it lives in."""

from dataclasses import dataclass
from typing import Literal, LiteralString

Kind = Literal["ai", "work", "passing"]
"""Generated or asked of a model; the organization's own work; what goes by itself within a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentTable:
    """A table of content, and which of its rows an erasure or the retention takes. Conditions are SQL over the alias
    `c` and never name an organization: that is done for them.

    Rows of other tables that fall with these by ON DELETE CASCADE need no declaration. A table without `key` is only
    described, and takes part in nothing.
    """

    name: LiteralString
    key: tuple[LiteralString, ...] = ()
    """Its primary key after org_id."""
    not_exported: tuple[str, ...] = ()
    """Columns that an export leaves out: copies and bytes that say nothing the others do not."""
    blank: LiteralString | None = None
    """What SET writes instead of removing the row, where the row itself is a record that stays."""
    expired: LiteralString | None = None
    """Rows that nobody accepted and that are older than %(before)s; None: the retention does not concern them."""
    default_days: int | None = None
    """Where the organization chooses nothing: rows that are so old go. None: the organization's choice counts."""
    item: LiteralString | None = None
    """Rows of the one thing with the number %(target)s."""
    project: LiteralString | None = None
    """Rows of the project with the id %(target)s."""
    person: LiteralString | None = None
    """Rows of the person with the reference %(target)s."""
    all: LiteralString | None = None
    """Rows that go when everything of this kind goes; 'true' for every row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One kind of content, in words for the page about what is stored. `tables` in the order in which rows go."""

    slug: str
    """Names it in addresses and records: erasing one item has this scope."""
    kind: Kind
    name: str
    why: str
    kept: str
    erased_by: str
    tables: tuple[ContentTable, ...]
    private: bool = False
    """Whether only the person who made it may read it: then it is in no export of the organization's."""
