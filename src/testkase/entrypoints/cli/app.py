"""Commands of operators, run beside the product or without it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import typer
from psycopg.conninfo import conninfo_to_dict
from rich.console import Console

from testkase.foundation.database import SyncDatabase
from testkase.foundation.problems import Unavailable
from testkase.services.billing.model import NotSetUp
from testkase.services.billing.provider import Provider

app = typer.Typer(
    name="testkase",
    help="AI credits for TestKase: run it, migrate it, check it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

out = Console(highlight=False, markup=False, emoji=False)
"""Where commands write. Nothing in a line is markup: customers name their organizations, and "[/b]" is a name too."""


@dataclass(frozen=True, slots=True)
class Installation:
    """How commands find what they work on; asked only by commands that need it."""

    database_url: Callable[[], str]
    check: Callable[[psycopg.Connection[Any]], None]
    """Raises a Problem where this code cannot work with the database as it is."""
    provider: Callable[[], Provider | None]


@contextmanager
def database(context: typer.Context) -> Iterator[SyncDatabase]:
    """The installation's database as the application role; `connect_with` says where. Raises Unavailable, also
    where the database goes away meanwhile, or what the installation's check does."""
    installation = _installation(context)
    where = installation.database_url()
    try:
        with psycopg.connect(where, connect_timeout=10) as connection:
            installation.check(connection)
    except psycopg.OperationalError as error:
        raise Unavailable(_silence(where, str(error))) from error
    opened = SyncDatabase(where, max_size=1)
    try:
        yield opened
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise Unavailable("The database only reads, as a replica does: name the primary. Nothing was done.") from error
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"The database broke off: {' '.join(str(error).split())}. Run the command again, a change with the same"
            " id: what was done is not done twice."
        ) from error
    finally:
        opened.close()


def _silence(where: str, error: str) -> str:
    """Whether nobody is there, or somebody who says why not: a wrong password is mended by no start."""
    _, answered, reason = error.partition("FATAL:")
    if answered:
        return f"The database does not let anybody in: {' '.join(reason.split())}."
    if str(conninfo_to_dict(where).get("host") or "/").startswith("/"):  # a socket, as the embedded one's is
        return "The database does not answer. Is the product running? Start it with `make run`."
    return f"The database does not answer: {' '.join(error.split())}"


def provider(context: typer.Context) -> Provider:
    """Where the installation sells credits. Raises NotSetUp."""
    found = _installation(context).provider()
    if found is None:
        raise NotSetUp("No payment provider is set up: set RAZORPAY_KEY_ID and its fellows as the product has them.")
    return found


def connect_with(installation: Installation) -> None:
    """Tell the commands where they work."""

    @app.callback()
    def connect(context: typer.Context) -> None:
        context.obj = installation


def _installation(context: typer.Context) -> Installation:
    found: Installation = context.find_root().obj
    return found


def counted(number: int, noun: str) -> str:
    """ "1 session", "2,000 sessions"."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"
