"""Help pages, one's own account, and the guidelines of the team."""

from tests.support.tenants.roles import EVERYBODY, MANAGERS, MEMBERS, SIGNED_IN
from tests.support.tenants.row import Place, Row

ROWS = {
    "help": Row(get=EVERYBODY),
    "help/ai-privacy": Row(get=EVERYBODY),
    "help/<slug:topic>": Row(get=EVERYBODY),
    "settings/account": Row(get=SIGNED_IN, post=SIGNED_IN, form={"name": "Another name"}),
    "settings/guidelines": Row(get=MEMBERS, post=MANAGERS, form={"text": "Write first, generate then."}),
}

PLACES = {"topic": Place(make=lambda _: "ai-credits")}
