"""`testkase migrate` on a server where nobody has made the roles yet."""

from collections.abc import Iterator

import psycopg
import pytest

from testkase.config.bootstrap import make_database
from testkase.config.postgres.cluster import EmbeddedPostgres
from testkase.config.roles import make_missing_roles

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
