"""What people are told, and the settings of alerts."""

from testkase.foundation.ids import new_id
from testkase.services.notifications import Notification, notify
from testkase.services.notifications.inbox import notices
from tests.support.tenants.roles import MANAGERS, MEMBERS, OWNER, OWNER_ONLY
from tests.support.tenants.row import KeyRow, Place, Row
from tests.support.tenants.world import Tenant


def a_notice(tenant: Tenant) -> int:
    """Something the owner was told."""
    told = Notification(kind="test.told", event_key=new_id("event"), title=tenant.word, roles=("owner",), email=False)
    tenant.run(notify(tenant.org_id, told))
    return int(tenant.run(notices(tenant.org_id, tenant.people[OWNER], limit=1)).notices[0].notification_id)


ROWS = {
    "notifications": Row(get=MEMBERS),
    "notifications/count": Row(get=MEMBERS),
    "notifications/panel": Row(get=MEMBERS),
    "notifications/read": Row(post=MEMBERS),
    "notifications/low-credits": Row(get=MEMBERS),
    "notifications/low-credits/dismissal": Row(post=MEMBERS, form={"seq": "1"}),
    # A notification is its reader's alone: to everyone else it is not there.
    "notifications/<int:notification_id>": Row(post=OWNER_ONLY, refused=(404,)),
    "settings/ai-credits/alerts": Row(get=MANAGERS, post=MANAGERS, form={"threshold": "50"}),
    "mailbox": Row(get=MANAGERS, refused=(404,)),
}

KEY_ROWS = {
    "GET /api/v1/settings": KeyRow(scope="settings:read"),
    "GET /api/v1/settings/alerts": KeyRow(scope="settings:read"),
    "PUT /api/v1/settings/alerts": KeyRow(scope="settings:write", body={"thresholds": ["50"], "forecast_days": 5}),
}

PLACES = {"notification_id": Place(make=a_notice, absent=999_999)}
