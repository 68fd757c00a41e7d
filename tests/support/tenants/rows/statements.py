"""Parts of the AI Credits page, and monthly statements: every member reads, who may export usage takes away."""

from tests.support.tenants.roles import MANAGERS, MEMBERS
from tests.support.tenants.row import Row

ROWS = {
    "settings/ai-credits/summary": Row(get=MEMBERS),
    "settings/ai-credits/breakdown": Row(get=MEMBERS),
    "settings/ai-credits/statements": Row(get=MEMBERS),
    "settings/ai-credits/statements/<slug:period>": Row(get=MEMBERS),
    "settings/ai-credits/statements/<slug:period>.csv": Row(get=MANAGERS),
    "settings/ai-credits/statements/<slug:period>.pdf": Row(get=MANAGERS),
}
