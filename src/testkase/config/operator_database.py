"""Where an operator's command finds the database: the one in the environment, or the one of the data folder."""

from testkase.config.databases import check_address, with_database, with_login
from testkase.config.failures import CannotStart
from testkase.config.postgres.cluster import EmbeddedPostgres
from testkase.config.roles import APP
from testkase.config.secrets_file import load_or_make
from testkase.foundation.settings import Settings


def operator_database_url(database: str) -> str:
    """The URL as the application role. Raises CannotStart where no installation has been started yet."""
    settings = Settings.from_environ()
    if settings.app_database_url:
        check_address(settings.app_database_url, "TESTKASE_APP_DATABASE_URL")
        return settings.app_database_url
    if not (settings.data / "secrets.json").exists():
        raise CannotStart(
            f"Nothing was ever started in {settings.data}: name its folder with TESTKASE_DATA=…, or run `make run`."
        )
    secrets = load_or_make(settings.data)
    if settings.owner_database_url:
        check_address(settings.owner_database_url, "DATABASE_URL")
        return with_login(settings.owner_database_url, user=APP, password=secrets.app_password)
    embedded = EmbeddedPostgres(settings.data / "postgres", password=secrets.app_password, log=settings.data / "unused")
    return with_database(embedded.url(user=APP), database)
