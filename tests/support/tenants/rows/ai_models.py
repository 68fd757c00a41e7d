"""Quality levels and where data goes: the Owner chooses, the admins read."""

from tests.support.tenants.roles import MANAGERS, OWNER_ONLY
from tests.support.tenants.row import Row

ROWS = {
    "settings/ai-models": Row(
        get=MANAGERS, post=OWNER_ONLY, form={"feature": "chat", "level": "best", "free_choice": "1"}
    ),
}
