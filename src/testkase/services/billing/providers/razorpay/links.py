"""One payment link for each reference: looked up before it is made, and again where the outcome is not known."""

from typing import Any

from testkase.services.billing.provider import Customer, Link, ProviderRefused, ProviderSilent
from testkase.services.billing.providers.razorpay import reading
from testkase.services.billing.providers.razorpay.api import Api, listed_plainly
from testkase.services.billing.providers.razorpay.failures import check_not_there
from testkase.services.billing.providers.razorpay.ids import checked_id


class Links:
    def __init__(self, api: Api) -> None:
        self._api = api

    def create(
        self,
        *,
        reference: str,
        amount: int,
        currency: str,
        description: str,
        customer: Customer,
        expire_by: int,
        callback_url: str,
    ) -> Link:
        """The link of this reference. Razorpay writes to nobody: the letter about the bill is ours."""
        known = {"name": customer.name, "email": customer.email, "contact": customer.contact}
        body = {
            "amount": amount,
            "currency": currency,
            "accept_partial": False,
            "reference_id": reference,
            "description": description,
            "customer": {name: value for name, value in known.items() if value},
            "notify": {"sms": False, "email": False},
            "reminder_enable": False,
            "expire_by": expire_by,
            "callback_url": callback_url,
            "callback_method": "get",
        }
        link = self._earliest(reference) or self._made(reference, body)
        if (link.amount, link.currency) != (amount, currency):
            raise ProviderRefused("This reference was used for another amount.", reason="used_for_another_amount")
        return link

    def fetch(self, link_id: str) -> Link:
        return reading.link(self._api.client.payment_link.fetch(checked_id("plink", link_id)))

    def cancel(self, link_id: str) -> Link:
        """Answered as it stands where it cannot be cancelled any more, or where nobody said whether it was."""
        try:
            return reading.link(self._api.client.payment_link.cancel(checked_id("plink", link_id)))
        except (ProviderRefused, ProviderSilent):
            if (link := self.fetch(link_id)).status != "created":
                return link
            raise

    def _made(self, reference: str, body: dict[str, Any]) -> Link:
        try:
            return reading.link(self._api.client.payment_link.create(body))
        except (ProviderRefused, ProviderSilent) as problem:
            if (link := self._earliest(reference)) is not None:
                return link
            check_not_there(problem, "already exists")
            raise

    def _earliest(self, reference: str) -> Link | None:
        entities = listed_plainly(self._api.client.payment_link.all, {"reference_id": reference}, key="payment_links")
        links = [link for link in map(reading.link, entities) if link.reference == reference]
        return min(links, key=lambda link: (link.status != "paid", link.created_at, link.link_id), default=None)
