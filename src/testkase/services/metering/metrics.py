"""What operators watch of metering, for Prometheus. No label names an organization, a person or a model's words."""

from prometheus_client import Counter, Gauge

OPEN = Gauge("testkase_interactions_open", "Metered interactions that are not settled yet.")
DRAINS = Gauge("testkase_drains_active", "Calls read on for clients that left.")
SETTLED = Counter("testkase_interactions_settled", "Interactions settled.", ["outcome", "measurement"])
FAILED_MODELS = Counter(
    "testkase_model_failures", "Models that failed before output, so that another was asked.", ["model"]
)
ODD_USAGE = Counter(
    "testkase_odd_usage",
    "Calls whose provider's figures are worth a look; the log names each.",
    ["model"],
)
RECOVERED = Counter(
    "testkase_interactions_recovered", "Calls of processes that ended without settling them, settled by another."
)
UNSETTLED = Counter(
    "testkase_interactions_unsettled",
    "Interactions whose charge the ledger could not be told or refused; each is in the log with all its figures.",
)
