"""What limits the viewer's next AI call besides the balance: the tightest budget that covers it, or a pause (B8)."""

from testkase.core.ledger.limits.model import Budget
from testkase.core.ledger.limits.queries import check_admission, tightest
from testkase.core.ledger.model import Subject
from testkase.core.ledger.refusals import BudgetExceeded, Paused
from testkase.entrypoints.web.viewer import Viewer
from testkase.foundation.problems import Problem
from testkase.services.organizations.tenancy import run_here


def limits_on(viewer: Viewer, project_key: str, use_case: str, cost: int | None) -> dict[str, Budget | Problem | None]:
    """`budget`: the tightest one; `limited`: why `cost` micro-credits would be refused by it, or by a pause. Nothing
    where nothing is to be estimated. The hold decides."""
    if cost is None:
        return {"budget": None, "limited": None}
    subject = Subject(use_case=use_case, user=viewer.user.ref, project=project_key)
    return {"budget": run_here(tightest(viewer.org_id, subject)), "limited": _refusal(viewer.org_id, subject, cost)}


def _refusal(org_id: int, subject: Subject, cost: int) -> Problem | None:
    try:
        run_here(check_admission(org_id, subject, cost))
    except (BudgetExceeded, Paused) as problem:
        return problem
    return None
