"""Operators and people: who may open the pages for staff, and whose sessions end now."""

from typing import Annotated

import typer
from rich.console import Console

from testkase.entrypoints.cli.app import app, database
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import NotFound

_MARK = """
UPDATE app_user SET is_staff = %(is_staff)s, is_superuser = %(is_staff)s
WHERE email = %(email)s AND (is_active OR NOT %(is_staff)s) RETURNING id
"""

_SIGN_OUT = """
WITH person AS (SELECT id FROM app_user WHERE email = %(email)s),
     known AS (DELETE FROM usersessions_usersession WHERE user_id IN (SELECT id FROM person) RETURNING session_key),
     ended AS (DELETE FROM django_session WHERE session_key IN (SELECT session_key FROM known) RETURNING 1)
SELECT (SELECT count(*) FROM person) AS people, (SELECT count(*) FROM ended) AS sessions
"""

_out = Console(highlight=False)


@app.command("staff")
def mark_as_staff(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="The e-mail address of an account that exists.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take it away instead.")] = False,
) -> None:
    """Make somebody who has an account a member of staff, or take that away."""
    email = address.strip().lower()
    with database(context) as writing:
        writing.run(_mark(email, is_staff=not remove))
    _out.print(f"{email} is {'no longer' if remove else 'now'} a member of staff.")


@app.command("sign-out")
def sign_out(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="The e-mail address of an account that exists.")],
) -> None:
    """End every session of an account. Its password and its API keys go on working."""
    email = address.strip().lower()
    with database(context) as writing:
        ended = writing.run(_end_sessions(email))
    _out.print(f"{email} is signed out everywhere: {ended} session{'' if ended == 1 else 's'} ended.")


def _end_sessions(email: str) -> Operation[int]:
    (row,) = yield Statement(_SIGN_OUT, {"email": email})
    if not row["people"]:
        raise NotFound(f"Nobody has an account with the address {email}.", field="address")
    return int(row["sessions"])


def _mark(email: str, *, is_staff: bool) -> Operation[None]:
    if not (yield Statement(_MARK, {"email": email, "is_staff": is_staff})):
        raise NotFound(f"Nobody has an account with the address {email}.", field="address")
