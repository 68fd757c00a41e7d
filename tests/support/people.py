"""The demo organization in a test database, its people, and strangers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import Grant, OpenHold, RecordUsage
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Measurement, Outcome, Subject
from testkase.core.ledger.terms import Tokens
from testkase.foundation.database import Operation, Statement
from testkase.foundation.ids import new_id
from testkase.foundation.settings import Settings
from testkase.services.workspace.model import CaseContent

if TYPE_CHECKING:
    from django.test import Client


@dataclass(frozen=True, slots=True)
class Demo:
    """What `seed_demo` made."""

    org_id: int
    emails: dict[str, str]
    passwords: dict[str, str]


def models() -> Any:
    """The directory's models. They can be imported only once Django is set up, which the fixtures do."""
    from testkase.services.organizations import models as found

    return found


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


def use_credits(
    demo: Demo, usage_id: str, *, tokens: Tokens | None = None, outcome: Outcome = "completed",
    use_case: str = "test_generation", model: str = "testkase-demo", measurement: Measurement = "exact",
) -> int:  # fmt: skip
    """One metered interaction of the demo member; answers its receipt."""
    from testkase.entrypoints.web.offer import current_prices
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    command = RecordUsage(
        org_id=demo.org_id,
        usage_id=usage_id,
        subject=Subject(use_case=use_case, user=demo.emails["member"], project="SHOP", model=model),
        tokens=tokens or Tokens(input=900, cached_input=400, output=600),
        terms=current_prices().terms(model),
        outcome=outcome,
        measurement=measurement,
    )
    with tenant_transaction(demo.org_id):
        return run_here(ledger.execute_one(command)).entry.seq


def grant(demo: Demo, grant_id: str, amount: int, *, expires_at: int | None = None) -> None:
    """Credits for the demo organization; None: they never expire."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(demo.org_id):
        run_here(ledger.execute_one(Grant(org_id=demo.org_id, grant_id=grant_id, amount=amount, expires_at=expires_at)))


def stranger(organization: str | None = "Elsewhere Ltd") -> "Client":
    """Somebody signed in who has nothing to do with the demo organization; None: with no organization at all."""
    from django.test import Client

    from testkase.entrypoints.web.offer import account_terms
    from testkase.services.organizations.models import User
    from testkase.services.organizations.operations import create_organization

    email = f"{new_id('stranger')}@elsewhere.example"
    person = User.objects.create_user(email, "a long password", display_name="Sam Stranger")
    if organization is not None:
        create_organization(organization, person, ai_enabled=True, **account_terms())
    client = Client()
    client.force_login(person)
    return client


def empty_the_balance(demo: Demo) -> None:
    """Spend all but a cent's worth of the demo organization's credits."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    command = RecordUsage(
        org_id=demo.org_id,
        usage_id="everything",
        subject=Subject(use_case="chat", user=demo.emails["admin"]),
        credits=299_990_000,
    )
    with tenant_transaction(demo.org_id):
        run_here(ledger.execute_one(command))


def set_aside(demo: Demo, credits: int) -> None:
    """Hold so many of the demo organization's credits for a call that is under way."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    subject = Subject(use_case="chat", user=demo.emails["admin"])
    command = OpenHold(
        org_id=demo.org_id, hold_id="under-way", amount=credits * MICRO, ttl_seconds=600, subject=subject
    )
    with tenant_transaction(demo.org_id):
        run_here(ledger.execute_one(command))


def project_role(demo: Demo, role: str, *, may_generate: bool = False) -> None:
    """Give the demo member another role in the demo project."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(demo.org_id):
        run_here(_set_role(demo.org_id, role, may_generate))


def with_draft(demo: Demo, content: CaseContent) -> str:
    """A finished generation of the demo member with one draft; answers the draft's address."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(demo.org_id):
        generation_id = run_here(_insert_draft(demo, content))
    return f"/projects/SHOP/generations/{generation_id}/drafts/1"


def _set_role(org_id: int, role: str, may_generate: bool) -> Operation[None]:
    sql = "UPDATE project_member SET role = %(role)s, may_generate = %(may_generate)s WHERE org_id = %(org_id)s"
    yield Statement(sql, {"org_id": org_id, "role": role, "may_generate": may_generate})


def _insert_draft(demo: Demo, content: CaseContent) -> Operation[int]:
    rows = yield Statement(
        "INSERT INTO generation (org_id, project_id, user_ref, project_ref, requirement, options, state, charged,"
        " finished_at) SELECT org_id, project_id, %(user)s, key, 'Anything', '{\"model\": \"testkase-demo\"}',"
        " 'succeeded', 1240000, now() FROM project WHERE org_id = %(org_id)s RETURNING generation_id",
        {"org_id": demo.org_id, "user": demo.emails["member"]},
    )
    generation_id = int(rows[0]["generation_id"])
    yield Statement(
        "INSERT INTO draft_case (org_id, generation_id, position, content)"
        " VALUES (%(org_id)s, %(generation_id)s, 1, %(content)s::jsonb)",
        {"org_id": demo.org_id, "generation_id": generation_id, "content": msgspec.json.encode(content).decode()},
    )
    return generation_id


def add_to(demo: Demo, client: "Client") -> None:
    """Make whoever is signed in a plain member of the demo organization as well."""
    directory = models()
    person = directory.User.objects.get(pk=client.session["_auth_user_id"])
    directory.Membership.objects.create(user=person, organization_id=demo.org_id, role="member")
