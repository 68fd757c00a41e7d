"""Pages connected to a payment provider that does what a test says, and the forms on them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from tests.support.fake_provider import FakeProvider

API, SCRIPT = "https://api.pay.test", "https://checkout.pay.test/v1/checkout.js"


@contextmanager
def paying_through(provider: FakeProvider) -> Iterator[FakeProvider]:
    """Pages of this process ask this provider."""
    from testkase.entrypoints.web.billing import till

    made = till.Till(provider=provider, api_url=API, checkout_js=SCRIPT)
    with patch.object(till, "_till", lambda: made):
        yield provider


def forms(page: str, action: str) -> list[dict[str, str]]:
    """The hidden fields of every form of a page that posts to an address."""
    found = re.findall(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    hidden = [dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)) for form in found]
    return [{name: value for name, value in form.items() if name != "csrfmiddlewaretoken"} for form in hidden]
