"""The activity history: open to every member, who sees their own; everybody's leaves the product with managers only."""

from tests.support.tenants.roles import MANAGERS, MEMBERS
from tests.support.tenants.row import KeyRow, Row

ROWS = {
    "settings/activity": Row(get=MEMBERS, asks={"user": "email", "project": "project_key"}),
    "settings/activity/history.csv": Row(get=MANAGERS),
}

KEY_ROWS = {"GET /api/v1/audit": KeyRow(scope="audit:read")}
