"""The demo organization's project: a web shop's checkout with a few test cases as a team would write them."""

from testkase.foundation.database import Operation
from testkase.services.audit import Actor
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.members import add_person
from testkase.services.workspace.model import CaseContent, CaseKind, Priority, Step
from testkase.services.workspace.projects import create_project

PROJECT_KEY = "SHOP"
PROJECT_NAME = "Web shop checkout"


def seed(org_id: int, *, member_id: int, author_id: int, actor: Actor) -> Operation[int]:
    """The project with its cases; the member may generate there. Answers the project's id."""
    project_id = yield from create_project(org_id, key=PROJECT_KEY, name=PROJECT_NAME, actor=actor)
    yield from add_person(org_id, project_id, member_id, role="user", may_generate=True, actor=actor)
    for content in CASES:
        yield from create_case(org_id, project_id, content, author_id=author_id)
    return project_id


def _case(title: str, kind: CaseKind, priority: Priority, preconditions: str, *steps: tuple[str, str]) -> CaseContent:
    return CaseContent(
        title=title,
        kind=kind,
        priority=priority,
        preconditions=preconditions,
        steps=tuple(Step(action=action, expected=expected) for action, expected in steps),
    )


CASES = (
    _case(
        "Guest checks out with a saved delivery address",
        "positive",
        "critical",
        "The cart holds one item that is in stock. The browser has an address from an earlier order.",
        ("Open the cart and choose Check out", "The delivery step opens with the saved address filled in"),
        ("Choose standard delivery and continue", "The payment step shows item, delivery and total"),
        ("Pay with a valid test card", "The confirmation page shows an order number"),
        ("Open the confirmation e-mail", "Order number, items and total match the confirmation page"),
    ),
    _case(
        "Declined card keeps the cart and explains what to do",
        "negative",
        "high",
        "The cart holds two items. The test card is one that the payment provider declines.",
        ("Pay with the declined card", "The payment step stays open and says that the card was declined"),
        ("Open the cart in another tab", "Both items are still there"),
        ("Pay with another card", "The order is placed once"),
    ),
    _case(
        "Voucher is accepted on its last valid day",
        "boundary",
        "medium",
        "The voucher SPRING10 ends today at 23:59 in the shop's time zone.",
        ("Enter SPRING10 at 23:58", "10 % is taken off the items, not off the delivery"),
        ("Place the order at 00:01 the next day", "The voucher that was applied in time still counts"),
    ),
    _case(
        "Voucher field rejects an expired code",
        "negative",
        "medium",
        "The voucher WINTER20 ended yesterday.",
        ("Enter WINTER20 and apply it", "The page says that the voucher has expired, and when"),
        ("Look at the total", "The total is unchanged"),
    ),
    _case(
        "Cart holds at most 50 pieces of one item",
        "boundary",
        "low",
        "The warehouse has more than 60 pieces of the item.",
        ("Set the quantity to 50", "The cart accepts it and updates the total"),
        ("Set the quantity to 51", "The cart goes back to 50 and says why"),
    ),
    _case(
        "Support staff cannot see full card numbers",
        "permission",
        "high",
        "A support account without the payments permission. An order paid by card.",
        ("Open the order as support staff", "The payment line shows the card's brand and last four digits"),
        ("Open the payment details by their address", "The page answers that this account may not see them"),
    ),
)
