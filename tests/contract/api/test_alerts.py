"""Alert settings over HTTP."""

from collections.abc import Iterator

import httpx
import pytest

from testkase.core.access import Scope
from tests.support.programs import Organization, Organizations

pytestmark = pytest.mark.requirement("P12")
DEFAULT = {"thresholds": ["60.00", "15.00", "0.00"], "default": True, "forecast_days": 5}
ALERTS = "/settings/alerts"


@pytest.fixture
def org(organizations: Organizations) -> Organization:
    return organizations.make(scopes=frozenset({Scope.SETTINGS_READ, Scope.SETTINGS_WRITE}))


@pytest.fixture
def api(base_url: str, org: Organization) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{base_url}/api/v1", headers=org.headers, timeout=20) as client:
        yield client


def test_thresholds_are_read_set_and_reset(api: httpx.Client) -> None:
    assert api.get(ALERTS).json() == DEFAULT
    wanted = {"thresholds": ["7.5", "1000", "7.50"], "forecast_days": 3}
    expected = {"thresholds": ["1000.00", "7.50"], "default": False, "forecast_days": 3}
    for _ in range(2):
        assert api.put(ALERTS, json=wanted).json() == expected
    assert api.get(ALERTS).json() == expected
    assert api.put(ALERTS, json={"thresholds": [], "forecast_days": 0}).json()["thresholds"] == []
    assert api.put(ALERTS, json={"thresholds": None, "forecast_days": 5}).json() == DEFAULT


def test_everything_that_is_set_comes_in_one_answer(api: httpx.Client) -> None:
    """Its parts were there, and nothing was at the address itself."""
    parts = api.get("/settings").json()
    assert set(parts) == {"alerts", "purchasing", "overage"}
    assert parts == {name: api.get(f"/settings/{name}").json() for name in parts}


def test_a_change_is_recorded_once_under_the_key_that_made_it(
    api: httpx.Client, org: Organization, organizations: Organizations
) -> None:
    for _ in range(2):
        api.put(ALERTS, json={"thresholds": ["20"], "forecast_days": 5})
    rows = organizations.rows(org.org_id, "SELECT action, actor_kind, details->>'to' AS now FROM activity")
    assert rows == [{"action": "alerts.changed", "actor_kind": "api_key", "now": "20.00"}]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"thresholds": ["1.001"], "forecast_days": 5}, "thresholds"),
        ({"thresholds": [60], "forecast_days": 5}, "thresholds[0]"),
        ({"thresholds": [str(number) for number in range(11)], "forecast_days": 5}, "thresholds"),
        ({"thresholds": ["60"], "forecast_days": 32}, "forecast_days"),
        ({"thresholds": ["60"]}, "forecast_days"),
        ({"thresholds": ["60"], "forecast_days": 5, "more": 1}, "more"),
    ],
)
def test_what_cannot_be_names_its_field_and_changes_nothing(
    api: httpx.Client, body: dict[str, object], field: str
) -> None:
    refused = api.put(ALERTS, json=body)
    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert api.get(ALERTS).json() == DEFAULT
