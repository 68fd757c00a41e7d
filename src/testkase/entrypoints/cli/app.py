"""Commands of operators, run beside the product or without it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import typer

from testkase.foundation.database import SyncDatabase
from testkase.foundation.problems import Unavailable

app = typer.Typer(
    name="testkase",
    help="AI credits for TestKase: run it, migrate it, check it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@contextmanager
def database(context: typer.Context) -> Iterator[SyncDatabase]:
    """The installation's database as the application role; `connect_with` says where. Raises Unavailable."""
    url: Callable[[], str] = context.find_root().obj
    where = url()
    try:
        psycopg.connect(where, connect_timeout=10).close()
    except psycopg.OperationalError as error:
        raise Unavailable("The database does not answer. Is the product running? Start it with `make run`.") from error
    opened = SyncDatabase(where, max_size=1)
    try:
        yield opened
    finally:
        opened.close()


def connect_with(url: Callable[[], str]) -> None:
    """Tell the commands how to find the database; asked only by commands that need one."""

    @app.callback()
    def connect(context: typer.Context) -> None:
        context.obj = url
