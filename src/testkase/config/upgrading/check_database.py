"""What the application and the worker ask of their database before they start."""

import psycopg

from testkase.config.databases import check_address
from testkase.config.failures import CannotStart
from testkase.config.upgrading.schema_state import check_schema
from testkase.config.upgrading.session import check_session, check_writes
from testkase.foundation.database import run
from testkase.schema.isolation import check_isolation


def check_database(app_url: str) -> None:
    """Raises CannotStart or IsolationInert unless this code can work with the database as it is."""
    check_address(app_url, "TESTKASE_APP_DATABASE_URL")
    try:
        with psycopg.connect(app_url, connect_timeout=10) as connection:
            check_session(connection)
            check_writes(connection)
            check_schema(connection)
            run(connection, check_isolation())
    except psycopg.OperationalError as error:
        raise CannotStart(f"The database cannot be reached: {' '.join(str(error).split())}") from error
