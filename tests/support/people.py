"""The demo organization in a test database, its people, and strangers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.model import Outcome, Subject
from testkase.core.ledger.terms import Tokens
from testkase.foundation.settings import Settings

if TYPE_CHECKING:
    from django.test import Client


@dataclass(frozen=True, slots=True)
class Demo:
    """What `seed_demo` made."""

    org_id: int
    emails: dict[str, str]
    passwords: dict[str, str]


def staged_demo() -> Demo:
    """Seed the demo organization into the database Django is connected to."""
    from testkase.services.organizations.demo import seed_demo

    seed = seed_demo(Settings.from_environ({}))
    return Demo(
        org_id=seed.org_id,
        emails={role: user.email for role, user in seed.users.items()},
        passwords={role: user.password or "" for role, user in seed.users.items()},
    )


def sign_in(demo: Demo, role: str) -> "Client":
    """A client with the session of one of the demo people."""
    from django.test import Client

    from testkase.services.organizations.models import User

    client = Client()
    client.force_login(User.objects.get(email=demo.emails[role]))
    return client


def use_credits(demo: Demo, usage_id: str, *, tokens: Tokens | None = None, outcome: Outcome = "completed") -> int:
    """One metered interaction of the demo member on the demo model; answers its receipt."""
    from testkase.entrypoints.web.offer import current_prices
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    command = RecordUsage(
        org_id=demo.org_id,
        usage_id=usage_id,
        subject=Subject(use_case="test_generation", user=demo.emails["member"], project="SHOP", model="testkase-demo"),
        tokens=tokens or Tokens(input=900, cached_input=400, output=600),
        terms=current_prices().terms("testkase-demo"),
        outcome=outcome,
    )
    with tenant_transaction(demo.org_id):
        return run_here(ledger.execute_one(command)).entry.seq
