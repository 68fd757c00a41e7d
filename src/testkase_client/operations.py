"""Every method of both clients, in one list."""

from collections.abc import Iterable
from typing import Any, TypedDict, TypeVar

from testkase_client.answers.holds import ItemResult, OpenedHold, Settlement, item_result
from testkase_client.driving import Call, Driver, Listed, Planned
from testkase_client.exchange import Steps
from testkase_client.problems import Problem, Unreadable
from testkase_client.request import header_text
from testkase_client.requests import billing, holds, limits, reading, workspace

T = TypeVar("T")


class OpenAiOptions(TypedDict):
    """What `openai.OpenAI(**…)` takes."""

    base_url: str
    api_key: str
    default_headers: dict[str, str]


class Operations(Driver):
    """The API. Where an `id` may be given and is not, the client makes one and keeps it for its retries; give your own
    where a call may be repeated after a restart."""

    open_hold = Call(holds.open_hold)
    get_hold = Call(holds.get_hold)
    settle_hold = Call(holds.settle_hold)
    extend_hold = Call(holds.extend_hold)
    void_hold = Call(holds.void_hold)
    record_usage = Call(holds.record_usage)

    balance = Call(reading.balance)
    lots = Listed(reading.lots)
    usage = Listed(reading.usage)
    usage_summary = Call(reading.usage_summary)
    call_receipt = Call(reading.call_receipt)
    statements = Listed(reading.statements)
    statement = Call(reading.statement)
    audit = Listed(reading.audit)
    problem_meaning = Call(reading.problem_meaning)

    budgets = Listed(limits.budgets)
    set_budget = Call(limits.set_budget)
    budget = Call(limits.budget)
    change_budget = Call(limits.change_budget)
    remove_budget = Call(limits.remove_budget)
    pauses = Listed(limits.pauses)
    pause = Call(limits.pause)
    resume = Call(limits.resume)
    alerts = Call(limits.alerts)
    set_alerts = Call(limits.set_alerts)

    bundles = Call(billing.bundles)
    purchases = Listed(billing.purchases)
    buy = Call(billing.buy)
    purchase = Call(billing.purchase)
    check_purchase = Call(billing.check_purchase)
    payment_receipt = Call(billing.payment_receipt)
    settings = Call(billing.settings)
    purchasing = Call(billing.purchasing)
    set_purchasing = Call(billing.set_purchasing)
    overage = Call(billing.overage)
    set_overage = Call(billing.set_overage)
    overage_bills = Listed(billing.overage_bills)

    projects = Listed(workspace.projects)
    cases = Listed(workspace.cases)
    send_results = Call(workspace.send_results)
    import_report = Call(workspace.import_report)

    def _open_holds(self, items: Iterable[holds.HoldItem]) -> Steps[list[ItemResult[OpenedHold]]]:
        """Open many holds, a thousand a request; each is answered on its own, in the order given."""
        return self._batch("/holds:batch", [holds.hold_body(item) for item in items], OpenedHold)

    def _settle_holds(self, items: Iterable[holds.SettlementItem]) -> Steps[list[ItemResult[Settlement]]]:
        """Settle many holds, a thousand a request; each is answered on its own, in the order given."""
        return self._batch("/settlements:batch", [holds.settlement_body(item) for item in items], Settlement)

    open_holds = Planned(_open_holds)
    settle_holds = Planned(_settle_holds)

    def openai(
        self, *, use_case: str | None = None, user: str | None = None, project: str | None = None
    ) -> OpenAiOptions:  # fmt: skip
        """For the gateway: `OpenAI(**client.openai(use_case="chat"))` is metered without anything else."""
        named = {"X-Use-Case": use_case, "X-User": user, "X-Project": project}
        return OpenAiOptions(
            base_url=f"{self.wire.base_url}/openai/v1",
            api_key=self.wire.headers["Authorization"].removeprefix("Bearer "),
            default_headers={name: header_text(value) for name, value in named.items() if value is not None},
        )

    def _batch(self, path: str, bodies: list[dict[str, Any]], kind: type[T]) -> Steps[list[ItemResult[T]]]:
        """Where one request of several fails, it raises, and says what the others were answered: repeating the whole
        with the same ids is safe."""
        results: list[ItemResult[T]] = []
        for start in range(0, len(bodies), holds.MOST_ITEMS):
            try:
                results += yield from self._part(path, bodies[start : start + holds.MOST_ITEMS], kind)
            except Problem as problem:
                problem.answered = tuple(results)
                problem.facts["ids"] = [body["id"] for body in bodies[start:]]
                raise
        return results

    def _part(self, path: str, sent: list[dict[str, Any]], kind: type[T]) -> Steps[list[ItemResult[T]]]:
        answered = yield from self.wire.exchange(holds.batch(path, sent))
        if len(answered.items) != len(sent):
            raise Unreadable("The batch was answered with another number of items", code="unreadable", status=200)
        return [item_result(body["id"], raw, kind) for body, raw in zip(sent, answered.items, strict=True)]
