"""Django's way to an organization's rows: a transaction that names the organization, and operations run inside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, transaction

from testkase.foundation.database import SET_TENANT, Operation, run
from testkase.services.organizations.models import Organization

T = TypeVar("T")


@contextmanager
def tenant_transaction(org_id: int) -> Iterator[None]:
    """A transaction that sees one organization's rows. Nested: the outer organization is seen again after it; otherwise
    the end of the transaction forgets it."""
    nested = connection.in_atomic_block
    with transaction.atomic():
        before = _seen() if nested else ""
        _see(str(org_id))
        yield
        if nested:
            _see(before)


def _seen() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.org_id', true)")
        return cursor.fetchone()[0] or ""


def _see(org_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SET_TENANT.sql, {"org_id": org_id})


@contextmanager
def people_locked(organization: Organization) -> Iterator[None]:
    """A transaction in which nobody else changes who belongs to the organization, as what, or with which keys."""
    with transaction.atomic():
        # Not FOR UPDATE: rows that merely refer to the organization may be written meanwhile.
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        yield


def run_here(operation: Operation[T]) -> T:
    """Run an operation on Django's connection, inside the open transaction: it commits or rolls back with the rest."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An operation needs an open transaction.")
    connection.ensure_connection()
    return run(connection.connection, operation)
