"""What is stored, retention, erasure: every member reads, the Owner decides. Replaying prices: staff alone."""

from typing import Any

from tests.support.tenants.roles import MEMBERS, NOBODY, OWNER_ONLY
from tests.support.tenants.row import Row
from tests.support.tenants.world import Tenant


def _a_generation(tenant: Tenant) -> dict[str, Any]:
    return {"scope": "generation", "target": tenant.ids["generation_id"]}


ROWS = {
    "settings/privacy": Row(get=MEMBERS),
    "settings/privacy/retention": Row(post=OWNER_ONLY, form={"keep_days": "90"}),
    "settings/privacy/erasures": Row(post=OWNER_ONLY, form=_a_generation, asks={"target": "generation_id"}),
    "staff/what-if": Row(get=NOBODY, post=NOBODY, refused=(302, 404)),
}
