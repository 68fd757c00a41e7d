"""What is stored, retention, erasure: every member reads, the Owner decides. Replaying prices: staff alone."""

from typing import Any

from testkase.foundation.database import Operation
from testkase.foundation.ids import new_id
from testkase.services.audit import Actor
from testkase.services.privacy.export.asking import ask_export, begin_export, end_export, keep_part
from tests.support.tenants.roles import MEMBERS, NOBODY, OWNER, OWNER_ONLY
from tests.support.tenants.row import Place, Row
from tests.support.tenants.world import Tenant


def _a_generation(tenant: Tenant) -> dict[str, Any]:
    return {"scope": "generation", "target": tenant.ids["generation_id"]}


def an_export(tenant: Tenant) -> str:
    """Ready, of one part; its id."""
    name = new_id("export")
    owner = Actor(kind="person", ref=tenant.emails[OWNER], name=tenant.word)
    tenant.run(ask_export(tenant.org_id, export_id=name, actor=owner))
    tenant.run(_packed(tenant.org_id, name, tenant.word.encode()))
    return name


def _packed(org_id: int, name: str, content: bytes) -> Operation[None]:
    attempt = yield from begin_export(org_id, name)
    yield from keep_part(org_id, name, attempt, 0, content)
    yield from end_export(org_id, name, attempt, state="ready", size=len(content))


ROWS = {
    "settings/privacy": Row(get=MEMBERS),
    "settings/privacy/exports": Row(post=OWNER_ONLY),
    "settings/privacy/exports/<slug:export_id>": Row(post=OWNER_ONLY),
    "settings/privacy/retention": Row(post=OWNER_ONLY, form={"keep_days": "90"}),
    "settings/privacy/erasures": Row(post=OWNER_ONLY, form=_a_generation, asks={"target": "generation_id"}),
    "staff/what-if": Row(get=NOBODY, post=NOBODY, refused=(302, 404)),
}

PLACES = {"export_id": Place(make=an_export, absent="export_none")}
