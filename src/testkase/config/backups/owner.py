"""The database as its owner, for whoever saves or restores all of it: beside a running product, or without it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from testkase.config.bootstrap import check_server, make_database
from testkase.config.data_folder import DataFolder
from testkase.config.databases import with_database
from testkase.config.failures import CannotStart
from testkase.config.postgres.cluster import EmbeddedPostgres
from testkase.config.secrets_file import Secrets, load_or_make
from testkase.config.supervising.supervisor import DATABASE
from testkase.foundation.settings import Settings

_SEES_EVERYTHING = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"


@contextmanager
def owned_database(settings: Settings) -> Iterator[str]:
    """The URL as the owner. An embedded server that does not run is started for as long as this lasts."""
    if settings.owner_database_url:
        check_server(settings.owner_database_url)
        yield settings.owner_database_url
        return
    if not (settings.data / "postgres/PG_VERSION").exists():
        raise CannotStart(
            f"There is no database in {settings.data}: name its folder with TESTKASE_DATA=…, or the database with"
            " DATABASE_URL=… where it is a server of yours."
        )
    postgres = embedded(settings.data, load_or_make(settings.data))
    url = with_database(postgres.url(), DATABASE)
    if _answers(url):
        yield url
        return
    with DataFolder(settings.data) as data:
        data.wait_for_earlier_children()
        data.refuse_half_restored()
        with started(postgres):
            yield make_database(postgres.url(), DATABASE)


def embedded(data: Path, secrets: Secrets) -> EmbeddedPostgres:
    """The server of a data folder; not started."""
    return EmbeddedPostgres(data / "postgres", password=secrets.owner_password, log=data / "log/postgres.log")


@contextmanager
def started(postgres: EmbeddedPostgres) -> Iterator[None]:
    """Running meanwhile."""
    try:
        postgres.start()
        yield
    finally:
        postgres.stop()


def check_sees_everything(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Row-level security holds for the owner too. Raises CannotStart where it would hide rows from a backup."""
    if connection.execute(_SEES_EVERYTHING).fetchone() != (True,):
        raise CannotStart(
            "The user of DATABASE_URL does not see every organization's rows: run ALTER ROLE … BYPASSRLS for it,"
            " or save the database with the means of its server."
        )


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
