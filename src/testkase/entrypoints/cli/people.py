"""Operators and people: who may open the pages for staff."""

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


def _mark(email: str, *, is_staff: bool) -> Operation[None]:
    if not (yield Statement(_MARK, {"email": email, "is_staff": is_staff})):
        raise NotFound(f"Nobody has an account with the address {email}.", field="address")
