"""What limits the viewer's next AI call besides the balance: the tightest budget that covers it, or a pause (B8)."""

from testkase.core.ledger.limits import queries
from testkase.core.ledger.limits.model import Budget
from testkase.core.ledger.model import Subject
from testkase.entrypoints.web.viewer import Viewer
from testkase.foundation.problems import Problem
from testkase.services.organizations.tenancy import run_here


def limits_on(viewer: Viewer, project_key: str, use_case: str, cost: int | None) -> dict[str, Budget | Problem | None]:
    """`budget`: the tightest one; `limited`: why `cost` micro-credits would be refused by it, or by a pause. Nothing
    where nothing is to be estimated. The hold decides."""
    if cost is None:
        return {"budget": None, "limited": None}
    subject = Subject(use_case=use_case, user=viewer.user.ref, project=project_key)
    budget, limited = run_here(queries.limits_on(viewer.org_id, subject, cost))
    return {"budget": budget, "limited": limited}
