"""The activity history as programs see it: AI actions and changes, newest first (R74, R75)."""

from typing import Annotated

from msgspec import Meta, Struct

from testkase.core.access import Scope
from testkase.core.ledger.credits import format_credits
from testkase.entrypoints.api.fields import NO_CURSOR, Credits, Name, Slug, instant, microseconds
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask, Route
from testkase.entrypoints.api.v1.usage_schemas import Limit, Time
from testkase.foundation.problems import InvalidInput
from testkase.services.audit.history import Event, Kind, Place, Wanted, history_page
from testkase.services.audit.sentences import actor_name, change_sentence, usage_sentence

_Kind = Annotated[Kind, Meta(description="`ai`: AI actions; otherwise what a change was about.")]
_Hash = Annotated[
    str, Meta(description="Of a change: its place in the organization's hash chain, SHA-256 in hexadecimal.")
]


class AuditQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters and page of the history. `since` is included, `until` is not."""

    limit: Limit = 50
    cursor: Annotated[str, Meta(max_length=40, description="`next_cursor` of the page before.")] | None = None
    since: Time | None = None
    until: Time | None = None
    kind: _Kind | None = None
    user: Name | None = None
    use_case: Slug | None = None
    project: Name | None = None


class AuditActor(Struct, frozen=True, kw_only=True):
    """Who did it: `person`, `api_key`, `system`, or the `user` an AI call was made for. `ref` is what `user` filters
    by; `name` is what they were called then."""

    kind: str
    ref: str
    name: str


class AuditItem(Struct, frozen=True, kw_only=True):
    """One event. Metadata only: never content, never a secret. `credits` and `receipt` belong to AI actions, the rest
    down to `hash` to changes."""

    id: str
    at: str
    kind: _Kind
    action: str
    summary: str
    actor: AuditActor
    project: str | None
    use_case: str | None
    credits: Credits | None
    receipt: str | None
    target: str | None
    details: dict[str, str]
    hash: _Hash | None

    @classmethod
    def of(cls, event: Event) -> "AuditItem":
        if event.usage is not None:
            row = event.usage
            return cls(
                id=event.id, at=instant(row.at), kind="ai", action="ai.used",
                summary=f"{row.user} {usage_sentence(row)}",
                actor=AuditActor(kind="user", ref=row.user, name=row.user), project=row.project, use_case=row.use_case,
                credits=format_credits(row.charged), receipt=str(row.seq), target=None,
                details={"outcome": row.outcome}, hash=None,
            )  # fmt: skip
        assert event.change is not None
        change = event.change.record
        return cls(
            id=event.id, at=instant(change.at), kind=change.category, action=change.action,
            summary=f"{actor_name(change)} {change_sentence(change)}",
            actor=AuditActor(kind=change.actor_kind, ref=change.actor_ref, name=change.actor_name),
            project=change.project or None, use_case=change.use_case or None, credits=None, receipt=None,
            target=change.target or None, details=change.details, hash=event.change.hash.hex(),
        )  # fmt: skip


class AuditPage(Struct, frozen=True, kw_only=True):
    """Newest first. `next_cursor` is null on the last page."""

    items: list[AuditItem]
    next_cursor: str | None


async def list_audit(ask: Ask[None]) -> Reply:
    """200 with a page."""
    query = ask.query(AuditQuery)
    wanted = Wanted(
        kind=query.kind,
        user=query.user,
        use_case=query.use_case,
        project=query.project,
        since=microseconds(query.since, "since") if query.since is not None else None,
        until=microseconds(query.until, "until") if query.until is not None else None,
    )
    reading = history_page(ask.org_id, wanted, limit=query.limit, after=_place(query.cursor))
    page = await ask.context.database.run(reading, org_id=ask.org_id)
    following = str(page.next) if page.next else None
    return Reply(AuditPage(items=[AuditItem.of(event) for event in page.events], next_cursor=following))


def _place(cursor: str | None) -> Place | None:
    place = Place.parse(cursor)
    if cursor is not None and place is None:
        raise InvalidInput(NO_CURSOR, field="cursor")
    return place


_CHANGE = {
    "id": "change-4", "at": "2026-11-22T12:00:09.120000Z", "kind": "people", "action": "member.role_changed",
    "summary": "Ana Silva changed Ben Okoro's role from member to admin",
    "actor": {"kind": "person", "ref": "ana@example.com", "name": "Ana Silva"}, "project": None, "use_case": None,
    "credits": None, "receipt": None, "target": "Ben Okoro", "details": {"from": "member", "to": "admin"},
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}  # fmt: skip

ROUTES = (
    Route(
        method="GET", path="/audit", run=list_audit, scope=Scope.AUDIT_READ, tag="Audit",
        summary="List AI actions and changes, newest first", query=AuditQuery,
        description="Everything that used credits, and every change of money, people, settings and keys. Page through"
        " with `next_cursor`; the filters must stay the same from page to page. What happens meanwhile does not move"
        " what is left to read.",
        answer=AuditPage, answer_example={"items": [_CHANGE], "next_cursor": None},
    ),
)  # fmt: skip
