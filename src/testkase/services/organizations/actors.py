"""Changes of an organization in its activity history, as Django's side records them."""

from testkase.services.audit import Activity, Actor, record
from testkase.services.organizations.models import User
from testkase.services.organizations.tenancy import run_here, tenant_transaction


def person(user: User) -> Actor:
    """A person, under the reference that usage is recorded under too, so that one filter finds both."""
    return Actor(kind="person", ref=user.ref, name=user.name)


def record_here(org_id: int, activity: Activity, *, event_id: str | None = None) -> None:
    """Record a change inside the open transaction, whichever organization it sees."""
    with tenant_transaction(org_id):
        run_here(record(org_id, activity, event_id=event_id))
