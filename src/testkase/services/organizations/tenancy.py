"""Django's way to an organization's rows: a transaction that names the organization, and operations run inside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, transaction

from testkase.foundation.database import Operation, run, tenant
from testkase.services.organizations.models import Organization

T = TypeVar("T")


@contextmanager
def tenant_transaction(org_id: int) -> Iterator[None]:
    """A transaction that sees one organization's rows. Nested: the outer organization is seen again after it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.org_id', true)")
            before = cursor.fetchone()[0] or ""
            cursor.execute(tenant(org_id).sql, {"org_id": str(org_id)})
        yield
        with connection.cursor() as cursor:
            cursor.execute(tenant(org_id).sql, {"org_id": before})


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
