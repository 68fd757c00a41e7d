"""The help pages, the guidelines of an organization, and what belongs to a person."""

from tests.support.tenants.roles import EVERYBODY, MANAGERS, MEMBERS, SIGNED_IN
from tests.support.tenants.row import Place, Row

ROWS = {
    "help": Row(get=EVERYBODY),
    "help/<slug:topic>": Row(get=EVERYBODY),
    "help/ai-privacy": Row(get=EVERYBODY),
    "settings/guidelines": Row(get=MEMBERS, post=MANAGERS, form={"text": "No customer names."}),
    "settings/account": Row(get=SIGNED_IN, post=SIGNED_IN, form={"name": "Somebody Else"}),
}

PLACES = {"topic": Place(make=lambda _: "ai-credits")}
