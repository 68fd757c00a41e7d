"""`testkase migrate` on a server where nobody has made the roles yet, and as a user who cannot."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from testkase.config.bootstrap import check_owner, make_database, prepare_roles
from testkase.config.failures import CannotStart
from testkase.config.postgres.cluster import EmbeddedPostgres
from testkase.config.roles import make_missing_roles
from testkase.config.supervising.ports import free_port
from tests.support.installation import NO_MODEL, operate

OF_MY_OWN = "of my own"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    folder = tmp_path_factory.mktemp("server")
    running = EmbeddedPostgres(folder / "postgres", password="owner", log=folder / "log", settings={"fsync": "off"})
    running.start()
    yield running
    running.stop()


def test_missing_roles_are_made_with_the_password_of_the_applications_url(server: EmbeddedPostgres) -> None:
    owner_url = make_database(server.url(), "testkase")
    app_url = server.url(user="testkase_app", password=OF_MY_OWN, database="testkase")
    make_missing_roles(owner_url, app_url)
    psycopg.connect(app_url).close()

    # A role that is there is its operator's: no other password is set.
    make_missing_roles(owner_url, server.url(user="testkase_app", password="another", database="testkase"))
    psycopg.connect(app_url).close()


def somebody(server: EmbeddedPostgres, database: str) -> str:
    """A user who was granted everything in a database, as people do, and does not own it."""
    make_database(server.url(), database)
    with psycopg.connect(server.url(database=database), autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = 'somebody'").fetchone() is None:
            connection.execute("CREATE ROLE somebody LOGIN CREATEROLE PASSWORD 'else'")
        connection.execute(sql.SQL("GRANT ALL ON DATABASE {} TO somebody").format(sql.Identifier(database)))
    return server.url(user="somebody", password="else", database=database)


def test_a_user_who_may_not_make_tables_is_told_before_anything_is_made(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    url = somebody(server, "not_mine")
    words = 'make it the owner, ALTER DATABASE "not_mine" OWNER TO "somebody".'
    with psycopg.connect(server.url()) as connection:
        passwords = "SELECT rolname, rolpassword FROM pg_authid ORDER BY 1"
        before = connection.execute(passwords).fetchall()
        code, said = operate(tmp_path / "var", "run", DATABASE_URL=url, PORT=str(free_port()), **NO_MODEL)
        assert (code, words in said, "Traceback" in said) == (1, True, False), said
        assert connection.execute(passwords).fetchall() == before
    app_url = server.url(user="testkase_app", password=OF_MY_OWN, database="not_mine")
    code, said = operate(tmp_path, "migrate", DATABASE_URL=url, TESTKASE_APP_DATABASE_URL=app_url)
    assert (code, words in said, "Traceback" in said) == (1, True, False), said


def test_a_user_who_does_not_own_the_tables_is_told_whose_they_are(server: EmbeddedPostgres) -> None:
    url = somebody(server, "another_s")
    with psycopg.connect(server.url(database="another_s")) as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO somebody")
        connection.execute("CREATE TABLE django_migrations ()")
    with pytest.raises(CannotStart, match=r"The tables of another_s belong to testkase_owner: name that user"):
        check_owner(url)


@pytest.mark.parametrize("command", ["migrate", "serve", "worker", "verify"])
def test_an_address_of_the_application_that_is_none_is_named_and_not_repeated(
    server: EmbeddedPostgres, tmp_path: Path, command: str
) -> None:
    environ = {"DATABASE_URL": server.url(), "TESTKASE_SECRET_KEY": "any", "TESTKASE_APP_DATABASE_URL": "my:hidden@db"}
    code, said = operate(tmp_path, command, **environ)
    sentence = "is not a PostgreSQL address: write postgresql://user:password@host:5432/database."
    assert (code, said) == (1, f"testkase: TESTKASE_APP_DATABASE_URL {sentence}\n")


def test_the_applications_password_is_tried_before_anything_is_migrated(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    owner_url = make_database(server.url(), "testkase")
    make_missing_roles(owner_url, server.url(user="testkase_app", password=OF_MY_OWN, database="testkase"))
    app_url = server.url(user="testkase_app", password="wrong", database="testkase")
    code, said = operate(tmp_path, "migrate", DATABASE_URL=owner_url, TESTKASE_APP_DATABASE_URL=app_url)
    assert (code, "TESTKASE_APP_DATABASE_URL does not lead to a database" in said) == (1, True), said
    assert "Traceback" not in said
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT to_regclass('public.django_migrations')").fetchone() == (None,)


def test_nobody_who_works_is_shut_out_by_another_start(server: EmbeddedPostgres) -> None:
    owner_url = make_database(server.url(), "shared")
    with psycopg.connect(prepare_roles(owner_url, app_password="of the first")):
        prepare_roles(owner_url, app_password="of the first")  # as another database of the same installation may
        with pytest.raises(CannotStart, match="Somebody works on this server as testkase_app"):
            prepare_roles(owner_url, app_password=OF_MY_OWN)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        while connection.execute("SELECT FROM pg_stat_activity WHERE usename = 'testkase_app'").fetchone():
            time.sleep(0.05)
    psycopg.connect(prepare_roles(owner_url, app_password=OF_MY_OWN)).close()  # replaced while nobody works
