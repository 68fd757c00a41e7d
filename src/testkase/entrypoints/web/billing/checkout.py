"""What the checkout is told of a purchase: the fields of a form that the provider's own page takes, and from which the
script makes the window where it can."""

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from testkase.core.ledger.credits import whole_credits
from testkase.entrypoints.web.billing.standing import Standing
from testkase.entrypoints.web.billing.till import seller, till
from testkase.entrypoints.web.viewer import Viewer

COLOR = "#2f54d6"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A form for the provider's hosted checkout. `script` opens the same in a window on our page."""

    action: str
    script: str
    fields: tuple[tuple[str, str], ...]
    returns_to: str
    color: str
    is_test: bool


def checkout_for(standing: Standing, viewer: Viewer) -> Checkout | None:
    """None where no provider is set up. The person's real name and address: invented ones make payments fail."""
    found, purchase = till(), standing.purchase
    if found is None or purchase.order_id is None:
        return None
    page = settings.VALUES.public_url + reverse("purchase", args=[purchase.purchase_id])
    credits = whole_credits(purchase.credits)
    whose = f"?organization={viewer.org_id}" if viewer.others else ""  # they may work in another when they come back
    fields = (
        ("key_id", found.provider.key_id),
        ("order_id", purchase.order_id),
        ("amount", str(purchase.amount)),
        ("currency", purchase.currency),
        ("name", seller().name),
        ("description", f"{purchase.bundle_name} bundle: {credits} AI credits"),
        ("prefill[name]", viewer.user.name),
        ("prefill[email]", viewer.user.email),
        ("notes[purchase]", purchase.purchase_id),
        ("callback_url", f"{page}/callback{whose}"),
        ("cancel_url", page + whose),
    )
    return Checkout(
        action=found.hosted_checkout, script=found.checkout_js, fields=fields, color=COLOR,
        returns_to=reverse("purchase_return", args=[purchase.purchase_id]), is_test=found.provider.is_test,
    )  # fmt: skip
