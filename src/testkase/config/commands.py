"""The processes of the product as commands, beside the commands of operators.

Each command is a process of its own and imports only what that process needs: the supervisor never loads Django, the
model server never loads the database driver. That is why the imports stand inside the functions.
"""

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from testkase.config.supervising.children import die_with_parent
from testkase.config.supervising.console import say
from testkase.entrypoints.cli.app import Installation, app, connect_with
from testkase.foundation import logging as log
from testkase.foundation.clock import rfc3339
from testkase.foundation.problems import Problem
from testkase.foundation.settings import Settings
from testkase.services.billing.provider import Provider

os.environ["DJANGO_SETTINGS_MODULE"] = "testkase.config.settings"  # whatever somebody's shell has set


@app.command()
def run() -> None:
    """Start everything on this machine: database, application, worker, embedded model. Ctrl-C stops it."""
    from testkase.config.supervising.supervisor import Supervisor

    raise SystemExit(Supervisor(Settings.from_environ()).run())


@app.command()
def migrate() -> None:
    """Bring the database of DATABASE_URL up to date, as its owner."""
    from testkase.config.migrate import migrate_from_environment

    migrate_from_environment(Settings.from_environ())


@app.command()
def distribute(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Do it, on a Citus coordinator.")] = False,
    shards: Annotated[int, typer.Option(min=1, max=1024, help="Pieces the organizations are hashed into.")] = 32,
) -> None:
    """Print the plan that spreads the books of DATABASE_URL over many servers with Citus; --apply carries it out."""
    from testkase.config.distribute import distribute_from_environment

    distribute_from_environment(Settings.from_environ(), shards=shards, apply=apply)


@app.command(hidden=True)
def prepare() -> None:
    """Migrate, and make the demo organization where it is wanted: what `run` does before it serves."""
    from testkase.config.prepare import prepare as prepare_database

    prepare_database(Settings.from_environ())


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet; it will hold secrets.")],
) -> None:
    """Save the database and the data folder, while the product works or stands still."""
    from testkase.config.backups.backup import back_up

    manifest = back_up(Settings.from_environ(), folder.absolute())
    size = sum(content.size for content in manifest.contents) / 1_000_000
    say(f"{folder}: {size:.1f} MB, with everything that was acknowledged before {rfc3339(manifest.begun_at)}.")
    if not manifest.own_secret_key:
        say("TESTKASE_SECRET_KEY is not in it: keep it beside the backup, or two-step sign-in is lost.")


@app.command()
def restore(folder: Annotated[Path, typer.Argument(help="The backup.")]) -> None:
    """Make an installation from a backup in an empty TESTKASE_DATA (and an empty DATABASE_URL), and verify it; exit
    code 1 if anything deviates."""
    from testkase.config.backups.restore import restore as restore_backup

    settings = Settings.from_environ()
    code = restore_backup(settings, folder.absolute())
    say(f"Restored into {settings.data}. Start it as before; nothing of the old installation may run on.")
    say("Everybody signs in again. What happened after the backup is not in it: docs/operations.md says what to do.")
    raise typer.Exit(code)


@app.command()
def serve() -> None:
    """The application: pages, API and gateway on one port."""
    from testkase.config.serving.server import serve as serve_app

    settings = Settings.from_environ()
    _check_may_start(settings)
    serve_app(settings)
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
    _check_may_start(settings)
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


def _check_may_start(settings: Settings) -> None:
    from testkase.config.data_folder import make_folder, refuse_half_restored
    from testkase.config.secrets_file import check_secret_key

    make_folder(settings.data)
    refuse_half_restored(settings.data)
    check_secret_key()


def _database_url() -> str:
    from testkase.config.operator_database import operator_database_url
    from testkase.config.supervising.supervisor import DATABASE

    return operator_database_url(DATABASE)


def _check_schema(connection: psycopg.Connection[Any]) -> None:
    from testkase.config.upgrading.schema_state import check_schema
    from testkase.config.upgrading.session import check_session

    check_session(connection)
    check_schema(connection)


def _provider() -> Provider | None:
    from testkase.config.secrets_file import with_kept_secret
    from testkase.config.supervising.simulator import beside_demonstration
    from testkase.services.billing.providers.choose import provider_from

    return provider_from(with_kept_secret(beside_demonstration(Settings.from_environ())))


def _add_operators_commands() -> None:
    """Only where one is asked for: what `run` starts, and itself, has no use for them."""
    import testkase.entrypoints.cli.books  # - these register their commands
    import testkase.entrypoints.cli.campaign
    import testkase.entrypoints.cli.payments
    import testkase.entrypoints.cli.people
    import testkase.entrypoints.cli.replay  # noqa: F401

    connect_with(Installation(database_url=_database_url, check=_check_schema, provider=_provider))


def main() -> None:
    """Run a command. A problem is one sentence on standard error and exit code 1, never a traceback."""
    try:
        if sys.argv[1:2] not in (["run"], ["serve"], ["worker"], ["model-server"], ["prepare"]):
            _add_operators_commands()
        app()
    except Problem as problem:
        print(f"testkase: {problem.detail}", file=sys.stderr)
        raise SystemExit(1) from problem
    except PermissionError as error:
        if error.filename is None:
            raise
        print(
            f"testkase: {os.fsdecode(error.filename)} cannot be used ({error.strerror}):"
            " run this as the user who runs the product.",
            file=sys.stderr,
        )
        raise SystemExit(1) from error
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
