"""The processes of the product as commands, beside the commands of operators.

Each command is a process of its own and imports only what that process needs: the supervisor never loads Django, the
model server never loads the database driver. That is why the imports stand inside the functions.
"""

import logging
import os
import signal
import sys

from testkase.config.children import die_with_parent
from testkase.entrypoints.cli.app import Installation, app, connect_with
from testkase.foundation import logging as log
from testkase.foundation.problems import Problem
from testkase.foundation.settings import Settings
from testkase.services.billing.provider import Provider

os.environ["DJANGO_SETTINGS_MODULE"] = "testkase.config.settings"  # whatever somebody's shell has set


@app.command()
def run() -> None:
    """Start everything on this machine: database, application, worker, embedded model. Ctrl-C stops it."""
    from testkase.config.supervisor import Supervisor

    raise SystemExit(Supervisor(Settings.from_environ()).run())


@app.command()
def migrate() -> None:
    """Bring the database of DATABASE_URL up to date, as its owner."""
    from testkase.config.migrate import migrate_from_environment

    migrate_from_environment(Settings.from_environ())


@app.command(hidden=True)
def prepare() -> None:
    """Migrate, and make the demo organization where it is wanted: what `run` does before it serves."""
    from testkase.config.prepare import prepare as prepare_database

    prepare_database(Settings.from_environ())


@app.command()
def serve() -> None:
    """The application: pages, API and gateway on one port."""
    from testkase.config.server import serve as serve_app

    serve_app(Settings.from_environ())
    # Everything is closed. The server's own threads may still be ending, and would abort the process where they met an
    # interpreter that is being taken down.
    logging.shutdown()
    os._exit(0)


@app.command()
def worker() -> None:
    """The worker: jobs and schedules."""
    from testkase.config.upgrading.check_database import check_database
    from testkase.entrypoints.worker.process import work

    settings = Settings.from_environ()
    if settings.app_database_url:
        check_database(settings.app_database_url)
    work(settings)


@app.command("model-server")
def model_server() -> None:
    """The embedded model, as an OpenAI-compatible server on loopback. It ends with the process that started it."""
    die_with_parent()
    from testkase.services.features.generation.prompting import small_beginnings
    from testkase.services.inference.embedded import serve as serve_model

    settings = Settings.from_environ()
    log.configure("model", settings.log_level)
    serve_model(
        port=settings.model_port,
        api_key=settings.model_api_key,
        model_path=settings.model_path,
        warm_up=small_beginnings(),
    )


def _database_url() -> str:
    from testkase.config.operator_database import operator_database_url
    from testkase.config.supervisor import DATABASE

    return operator_database_url(DATABASE)


def _provider() -> Provider | None:
    from testkase.config.simulator import beside_demonstration
    from testkase.services.billing.providers.choose import provider_from

    return provider_from(beside_demonstration(Settings.from_environ()))


def _add_operators_commands() -> None:
    """Only where one is asked for: a child process has no use for them."""
    import testkase.entrypoints.cli.books  # - these register their commands
    import testkase.entrypoints.cli.campaign
    import testkase.entrypoints.cli.payments
    import testkase.entrypoints.cli.people
    import testkase.entrypoints.cli.replay  # noqa: F401

    connect_with(Installation(database_url=_database_url, provider=_provider))


def main() -> None:
    """Run a command. A problem is one sentence on standard error and exit code 1, never a traceback."""
    try:
        if sys.argv[1:2] not in (["serve"], ["worker"], ["model-server"], ["prepare"]):
            _add_operators_commands()
        app()
    except Problem as problem:
        print(f"testkase: {problem.detail}", file=sys.stderr)
        raise SystemExit(1) from problem
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
