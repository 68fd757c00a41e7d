"""Runs migrations so that they can be killed at any point and never stand in anybody's way for long.

Each migration and its mark in the history are one transaction: whoever repeats a killed run goes on behind the last
whole one. A statement that waits for a table lock makes everybody who comes after it wait as well, so it gives up soon,
and is tried again a little later.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError
from psycopg.errors import DeadlockDetected, LockNotAvailable

from testkase.config.failures import CannotStart

LOCK_SECONDS = 2
"""How long calls may queue behind a migration that waits for its lock."""
UNHURRIED = "SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)"
"""A limit that somebody gave the owner for all sessions is for questions, not for tables that are written anew."""
TRIES = 60
PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class WholeMigrations(MigrationExecutor):
    """Django marks some migrations as done only after their commit; a kill between the two would leave a database that
    can be neither used nor migrated."""

    def apply_migration(self, state: Any, migration: Any, fake: bool = False, fake_initial: bool = False) -> Any:
        if not migration.atomic:
            return super().apply_migration(state, migration, fake, fake_initial)
        with transaction.atomic(using=self.connection.alias):
            return super().apply_migration(state, migration, fake, fake_initial)


def run_migrations(alias: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Everything this code brings, on that connection of Django's. Raises CannotStart when a table stays locked."""
    connection = connections[alias]
    emit_pre_migrate_signal(verbosity=0, interactive=False, db=alias)
    for attempt in range(1, TRIES + 1):
        with connection.cursor() as cursor:  # again each time: what failed may have waited without a limit
            cursor.execute(UNHURRIED)
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_SECONDS}s"])
        # Made anew: it reads what is done already, and what it keeps in memory is of no use after a failure.
        executor = WholeMigrations(connection)
        executor.loader.check_consistent_history(connection)
        try:
            state = executor.migrate(executor.loader.graph.leaf_nodes())
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                raise
            _log.info("a migration gave way to whoever holds its table", attempt=attempt)
            sleep(PAUSE_SECONDS)
        else:
            emit_post_migrate_signal(verbosity=0, interactive=False, db=alias, apps=state.apps)
            return
    raise CannotStart(
        "A migration needs a table that somebody keeps locked: see pg_stat_activity for long transactions, then run"
        " `testkase migrate` again. What is done stays done."
    )
