"""A project's reports."""

import msgspec

from testkase.foundation.database import Operation, Statement
from testkase.services.features.reports.facts.computing import compute
from testkase.services.features.reports.facts.history import History, PastCase, PastCycle
from testkase.services.features.reports.model import Narrative, Recommendation
from tests.support.cycles import a_cycle
from tests.support.tenants.roles import GENERATORS, IN_PROJECT, OWNER, PROJECT_ADMINS
from tests.support.tenants.row import Place, Row
from tests.support.tenants.world import Tenant

_RUN = """
INSERT INTO report_run (org_id, project_id, user_ref, project_ref, options, state, charged, finished_at)
VALUES (%(org_id)s, %(project_id)s, %(user)s, %(key)s, '{"model": "testkase-demo", "kinds": ["flaky"]}', 'succeeded',
        1240000, now())
RETURNING run_id
"""
_REPORT = """
INSERT INTO report (org_id, run_id, project_id, kind, model, state, facts, narrative)
VALUES (%(org_id)s, %(run_id)s, %(project_id)s, 'readiness', 'testkase-demo', 'succeeded', %(facts)s::jsonb,
        %(narrative)s::jsonb)
RETURNING report_id
"""


def a_report(tenant: Tenant) -> int:
    """Finished, with the organization's word in facts and text; the project has a finished cycle as well."""
    return int(tenant.run(_made(tenant)))


def _made(tenant: Tenant) -> Operation[int]:
    place = {"org_id": tenant.org_id, "project_id": tenant.project_id, "key": tenant.project_key}
    yield from a_cycle(tenant.org_id, tenant.project_id, tenant.word, {f"{tenant.project_key}-1": "PF"}, week=1)
    rows = yield Statement(_RUN, {**place, "user": tenant.emails[OWNER]})
    case = PastCase(
        case_id=1, key=f"{tenant.project_key}-1", title=tenant.word, priority="high", results=("passed",), now="failed"
    )
    past = History(cycles=(PastCycle(1, tenant.word),), target=PastCycle(2, tenant.word, finished=False), cases=(case,))
    narrative = Narrative(summary=tenant.word, recommendations=(Recommendation(case.key, tenant.word, case.key),))
    written = {
        "run_id": rows[0]["run_id"],
        "facts": msgspec.json.encode(compute("readiness", past)).decode(),
        "narrative": msgspec.json.encode(narrative).decode(),
    }
    made = yield Statement(_REPORT, {**place, **written})
    return int(made[0]["report_id"])


_REPORTS = "projects/<slug:project_key>/reports"

ROWS = {
    _REPORTS: Row(get=IN_PROJECT),
    f"{_REPORTS}/new": Row(
        get=GENERATORS,
        post=GENERATORS,
        form=lambda tenant: {"kinds": "flaky", "cycle": tenant.ids["finished_cycle_id"]},
        asks={"cycle": "finished_cycle_id"},
    ),
    f"{_REPORTS}/estimate": Row(post=GENERATORS, form={"kinds": "flaky"}),
    f"{_REPORTS}/schedule": Row(get=PROJECT_ADMINS, post=PROJECT_ADMINS, form={"kinds": "flaky", "every": "cycle"}),
    f"{_REPORTS}/schedule/removal": Row(post=PROJECT_ADMINS),
    f"{_REPORTS}/<int:report_id>": Row(get=IN_PROJECT),
    f"{_REPORTS}/<int:report_id>.pdf": Row(get=IN_PROJECT),
    f"{_REPORTS}/<int:report_id>/cancellation": Row(post=GENERATORS),
    f"{_REPORTS}/<int:report_id>/removal": Row(post=GENERATORS),
}

PLACES = {
    "report_id": Place(make=a_report, absent=999_999),
    "finished_cycle_id": Place(
        make=lambda tenant: tenant.run(
            a_cycle(tenant.org_id, tenant.project_id, tenant.word, {f"{tenant.project_key}-1": "P"}, week=2)
        ),
        absent=999_999,
    ),
}
