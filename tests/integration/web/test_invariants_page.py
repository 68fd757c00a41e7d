"""Staff's page on the books."""

from datetime import date

import pytest

from testkase.core.ledger.checkpoint import Checkpoint
from testkase.foundation.database import Operation
from testkase.services.selfaudit.model import RULES, Outcome
from testkase.services.selfaudit.standing import enrol, keep, keep_published
from tests.integration.web.conftest import Visitors
from tests.support.people import models, stranger

PAGE = "/staff/invariants"


def found(org_id: int) -> Operation[None]:
    """A check that found something, and heads that were published."""
    yield from enrol([org_id])
    yield from keep(Outcome(org_id=org_id, whole=True, found=(("I2", 4_711),), reached=Checkpoint()))
    yield from keep_published(date(2026, 11, 28), 7, bytes(range(32)))


@pytest.mark.requirement("B4", "I13")
def test_nobody_but_staff_finds_the_page(visitors: Visitors) -> None:
    for role in ("owner", "admin", "member"):
        assert visitors.client_of(role).get(PAGE).status_code == 404
    assert stranger().get(PAGE).status_code == 404


@pytest.mark.requirement("B4")
def test_staff_see_each_invariant_what_deviates_and_the_published_heads(visitors: Visitors) -> None:
    from testkase.entrypoints.web.billing.till import transact

    models().User.objects.filter(email=visitors.demo.emails["owner"]).update(is_staff=True)
    owner = visitors.client_of("owner")
    assert "no deviation was ever found" in owner.get(PAGE).content.decode()
    transact(found(visitors.demo.org_id), org_id=None)
    page = owner.get(PAGE)
    text = page.content.decode()
    for part in ("1 of 1 organizations", "4711", "Does not hold", "2026-11-28", bytes(range(32)).hex()):
        assert part in text, part
    for rule in RULES:
        assert rule.sentence.replace("'", "&#x27;") in text
    assert page.headers["Cache-Control"] == "private, no-store"
    assert "<form method" not in text[text.index("<main") :]
    assert owner.post(PAGE).status_code in (403, 405)
