"""Webhooks that go out."""

from typing import Any

from testkase.foundation.ids import new_id
from testkase.foundation.sealing import Seal
from testkase.services.audit import OPERATOR
from testkase.services.notifications.webhooks.deliveries import deliveries, send_test
from testkase.services.notifications.webhooks.endpoints import add_endpoint
from testkase.services.notifications.webhooks.events import EVENTS
from testkase.services.notifications.webhooks.secrets import PURPOSE
from tests.support.tenants.roles import MANAGERS
from tests.support.tenants.row import Place, Row
from tests.support.tenants.world import Tenant

_ONE = "settings/webhooks/<slug:endpoint_id>"


def _url(tenant: Tenant) -> str:
    return f"https://{tenant.word.lower()}.example/{new_id('hook')}"


def _form(tenant: Tenant) -> dict[str, Any]:
    return {"url": _url(tenant), "kinds": "credits.low"}


def an_endpoint(tenant: Tenant) -> str:
    """An endpoint that wants every event."""
    from django.conf import settings

    adding = add_endpoint(
        tenant.org_id, OPERATOR, url=_url(tenant), kinds=EVENTS, seal=Seal([settings.SECRET_KEY], purpose=PURPOSE),
        networks=(),
    )  # fmt: skip
    return str(tenant.run(adding)[0].endpoint_id)


def a_delivery(tenant: Tenant) -> int:
    """A test on its way to it."""
    endpoint_id = tenant.ids["endpoint_id"]
    tenant.run(send_test(tenant.org_id, endpoint_id, request_id=new_id("test")))
    return int(tenant.run(deliveries(tenant.org_id, endpoint_id, limit=1)).deliveries[0].delivery_id)


ROWS = {
    "settings/webhooks": Row(get=MANAGERS, post=MANAGERS, form=_form),
    _ONE: Row(get=MANAGERS, post=MANAGERS, form=_form),
    f"{_ONE}/secret": Row(post=MANAGERS),
    f"{_ONE}/state": Row(post=MANAGERS, form={"on": "1"}),
    f"{_ONE}/test": Row(post=MANAGERS),
    f"{_ONE}/removal": Row(post=MANAGERS),
    f"{_ONE}/deliveries/<int:delivery_id>": Row(post=MANAGERS),
}

PLACES = {
    "endpoint_id": Place(make=an_endpoint, absent="hook_none"),
    "delivery_id": Place(make=a_delivery, absent=999_999),
}
