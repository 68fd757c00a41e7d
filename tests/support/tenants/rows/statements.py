"""Monthly statements: every member reads them, who may export usage takes them away."""

from tests.support.tenants.roles import MANAGERS, MEMBERS
from tests.support.tenants.row import Row

ROWS = {
    "settings/ai-credits/statements": Row(get=MEMBERS),
    "settings/ai-credits/statements/<slug:period>": Row(get=MEMBERS),
    "settings/ai-credits/statements/<slug:period>.csv": Row(get=MANAGERS),
    "settings/ai-credits/statements/<slug:period>.pdf": Row(get=MANAGERS),
}
