"""Operators and people: which number an organization has, who may open the pages for staff, whose sessions end now, who
lost their second step."""

from typing import Annotated, LiteralString

import typer

from testkase.entrypoints.cli.app import app, counted, database, out
from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import NotFound
from testkase.services.notifications import Notification, notify

_MOST = 100
"""Organizations shown at once."""

_FIND = """
SELECT o.id, o.name, to_char(o.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS since, owner.email AS owner,
       (SELECT count(*) FROM membership AS m WHERE m.org_id = o.id) AS members
FROM organization AS o
LEFT JOIN membership AS owning ON owning.org_id = o.id AND owning.role = 'owner'
LEFT JOIN app_user AS owner ON owner.id = owning.user_id
WHERE strpos(lower(o.name), lower(%(text)s)) > 0 OR o.id::text = %(text)s OR EXISTS (
    SELECT FROM membership AS m JOIN app_user AS u ON u.id = m.user_id
    WHERE m.org_id = o.id AND lower(u.email) = lower(%(text)s))
ORDER BY o.id LIMIT %(limit)s
"""

_MARK = """
UPDATE app_user SET is_staff = %(is_staff)s, is_superuser = %(is_staff)s
WHERE email = %(email)s AND (is_active OR NOT %(is_staff)s) RETURNING id
"""

_SIGN_OUT = """
WITH person AS (SELECT id FROM app_user WHERE email = %(email)s),
     known AS (DELETE FROM usersessions_usersession WHERE user_id IN (SELECT id FROM person) RETURNING session_key),
     ended AS (DELETE FROM django_session WHERE session_key IN (SELECT session_key FROM known) RETURNING 1)
SELECT (SELECT count(*) FROM person) AS people, (SELECT count(*) FROM ended) AS ended
"""

_END_TWO_STEP = """
WITH person AS (SELECT id FROM app_user WHERE email = %(email)s),
     ended AS (DELETE FROM mfa_authenticator WHERE user_id IN (SELECT id FROM person) RETURNING id)
SELECT (SELECT count(*) FROM person) AS people, count(*) AS ended, max(id) AS last FROM ended
"""

_MEMBER = """
SELECT u.id AS user_id, min(m.org_id) AS org_id
FROM app_user AS u LEFT JOIN membership AS m ON m.user_id = u.id
WHERE u.email = %(email)s GROUP BY u.id
"""

_Address = Annotated[str, typer.Argument(help="The e-mail address of an account that exists.")]


@app.command("organizations")
def find_organizations(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="A part of its name, or the e-mail address of a member.")] = "",
) -> None:
    """Say which number an organization has, which other commands want: all of them, or those a name or address fits."""
    with database(context) as reading:
        found = reading.run(_found(text.strip()))
    for row in found[:_MOST]:
        members = counted(row["members"], "member")
        owner = row["owner"] or "nobody"
        out.print(f"{row['id']}  {row['name']}, owned by {owner}, {members}, since {row['since']}", soft_wrap=True)
    if len(found) > _MOST:
        out.print(f"There are more than these {_MOST}: name a part of the name, or a member's address.")
    else:
        out.print(f"{counted(len(found), 'organization')}.")


@app.command("staff")
def mark_as_staff(
    context: typer.Context,
    address: _Address,
    remove: Annotated[bool, typer.Option("--remove", help="Take it away instead.")] = False,
) -> None:
    """Make somebody who has an account a member of staff, or take that away."""
    email = address.strip().lower()
    with database(context) as writing:
        writing.run(_mark(email, is_staff=not remove))
    out.print(f"{email} is {'no longer' if remove else 'now'} a member of staff.")


@app.command("sign-out")
def sign_out(
    context: typer.Context,
    address: _Address,
) -> None:
    """End every session of an account. Its password and its API keys go on working."""
    email = address.strip().lower()
    with database(context) as writing:
        ended = writing.run(_ended(_SIGN_OUT, email))
    out.print(f"{email} is signed out everywhere: {counted(ended, 'session')} ended.")


@app.command("end-two-step")
def end_two_step(
    context: typer.Context,
    address: _Address,
) -> None:
    """Take app, passkeys and recovery codes from an account nobody can open with them any more: they are lost, or the
    secret key they were sealed under has changed. Make sure who asks: from then on the password alone opens it."""
    email = address.strip().lower()
    with database(context) as writing:
        org_id, user_id = writing.run(_member(email))
        ended = writing.run(_end_two_step(email, org_id, user_id), org_id=org_id)
    if not ended:
        out.print(f"{email} has no two-step sign-in.")
        return
    told = "a letter says so" if org_id is not None else "no letter says so, since they are in no organization"
    out.print(f"{email} signs in by password alone now; {told}.", soft_wrap=True)


def _found(text: str) -> Operation[list[Row]]:
    """One more than are shown. Raises NotFound where none fits."""
    rows = yield Statement(_FIND, {"text": text, "limit": _MOST + 1})
    if not rows:
        raise NotFound("No organization has that in its name, and nobody in one has that address.", field="text")
    return rows


def _ended(statement: LiteralString, email: str) -> Operation[int]:
    """How many of what the statement ends there were. Raises NotFound where nobody has the address."""
    (row,) = yield Statement(statement, {"email": email})
    if not row["people"]:
        raise _nobody(email)
    return int(row["ended"])


def _member(email: str) -> Operation[tuple[int | None, int]]:
    """The first organization somebody is in, None where there is none, and who they are. Raises NotFound."""
    rows = yield Statement(_MEMBER, {"email": email})
    if not rows:
        raise _nobody(email)
    return rows[0]["org_id"], rows[0]["user_id"]


def _end_two_step(email: str, org_id: int | None, user_id: int) -> Operation[bool]:
    """Whether there was any. Whoever had it is told: else somebody who knows the password, and asked the operator in
    their name, would be in without their hearing of it."""
    (row,) = yield Statement(_END_TWO_STEP, {"email": email})
    if not row["ended"]:
        return False
    if org_id is not None:
        yield from notify(org_id, _without_two_step(user_id, row["last"]))
    return True


def _without_two_step(user_id: int, last: int) -> Notification:
    return Notification(
        kind="two_step.ended",
        event_key=f"two_step.ended:{last}",
        title="Your two-step sign-in was taken away by the operator",
        body="From now on your password alone opens your account. If you did not ask for this, choose a new password at"
        " once and tell whoever runs this installation. Else set two-step sign-in up again.",
        link="/accounts/2fa/",
        link_label="Open two-step sign-in",
        roles=(),
        people=(user_id,),
    )


def _mark(email: str, *, is_staff: bool) -> Operation[None]:
    if not (yield Statement(_MARK, {"email": email, "is_staff": is_staff})):
        raise _nobody(email)


def _nobody(email: str) -> NotFound:
    return NotFound(f"Nobody has an account with the address {email}.", field="address")
