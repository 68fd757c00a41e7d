"""Facts of a kind, from a history."""

from collections.abc import Callable

from testkase.services.features.reports.facts.flaky import flaky_facts
from testkase.services.features.reports.facts.history import History
from testkase.services.features.reports.facts.optimisation import optimisation_facts
from testkase.services.features.reports.facts.predicted import predicted_facts
from testkase.services.features.reports.facts.readiness import readiness_facts
from testkase.services.features.reports.facts.risk import risk_facts
from testkase.services.features.reports.model import Facts, Kind

_FACTS: dict[Kind, Callable[[History], Facts]] = {
    "flaky": flaky_facts,
    "predicted": predicted_facts,
    "optimisation": optimisation_facts,
    "readiness": readiness_facts,
    "risk": risk_facts,
}


def compute(kind: Kind, history: History) -> Facts:
    """Always the same for the same history. Readiness needs `history.target`."""
    return _FACTS[kind](history)
