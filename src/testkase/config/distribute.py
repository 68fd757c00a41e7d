"""`testkase distribute`: the plan for many servers on standard output, as SQL one can read, keep, or run by hand."""

import psycopg
import typer

from testkase.config.bootstrap import check_server
from testkase.config.failures import CannotStart
from testkase.foundation.settings import Settings
from testkase.schema.distribution import Plan, distribute, make_plan, pinned_functions, read_tables


def distribute_from_environment(settings: Settings, *, shards: int, apply: bool) -> None:
    """Raises CannotStart without DATABASE_URL, NotDistributable where the plan cannot be carried out."""
    if not settings.owner_database_url:
        raise CannotStart("Set DATABASE_URL to the database to spread, as a superuser of the Citus coordinator.")
    check_server(settings.owner_database_url)
    with psycopg.connect(settings.owner_database_url, autocommit=True) as connection:
        tables = read_tables(connection)
        if not tables:
            raise CannotStart("The database of DATABASE_URL holds no books yet: testkase migrate comes first.")
        plan = make_plan(tables, pinned_functions(connection), shards=shards)
        _show(plan)
        if apply or plan.obstacles:
            distribute(connection, plan)


def _show(plan: Plan) -> None:
    typer.echo(
        f"-- {len(plan.spread)} tables are spread by organization; {len(plan.staying)} stay on the first server."
    )
    for name, reason in plan.staying:
        typer.echo(f"--   stays: {name} ({reason})")
    for obstacle in plan.obstacles:
        typer.echo(f"-- IN THE WAY: {obstacle}")
    for statement in plan.statements:
        typer.echo(f"{statement};")
