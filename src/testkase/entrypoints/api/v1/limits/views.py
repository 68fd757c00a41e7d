"""Budgets and pauses: read, set, change, remove; pause and resume."""

from typing import Any

from testkase.core.ledger.credits import parse_credits
from testkase.core.ledger.limits.queries import budget, budgets, pause_of, pauses
from testkase.core.ledger.refusals import BudgetNotFound, NotPaused
from testkase.entrypoints.api.fields import checked_slug
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1.limits import schemas
from testkase.entrypoints.api.v1.lists import ListQuery, page_of
from testkase.foundation.ids import new_id
from testkase.foundation.problems import InvalidInput
from testkase.services.metering.limits import budgets as changes
from testkase.services.metering.limits.naming import is_budget_id


async def list_budgets(ask: Ask[None]) -> Reply:
    """200 with every budget."""
    found = await ask.context.database.run(budgets(ask.org_id), org_id=ask.org_id)
    shown, more = page_of(found, ask.query(ListQuery), lambda each: each.budget_id)
    return Reply(schemas.BudgetList(items=[schemas.BudgetView.of(each) for each in shown], next_cursor=more))


async def get_budget(ask: Ask[None]) -> Reply:
    """200; 404 for an id of another organization as for one that never was."""
    found = await ask.context.database.run(budget(ask.org_id, _budget_id(ask)), org_id=ask.org_id)
    return Reply(schemas.BudgetView.of(found))


async def create_budget(ask: Ask[schemas.NewBudget]) -> Reply:
    """201 with the budget, which counts what was used and held already."""
    wanted = ask.body
    budget_id = ask.effect_id(wanted.id) or new_id("budget")
    if not is_budget_id(budget_id):
        raise InvalidInput(
            "A budget's id has 1 to 64 characters: letters, digits and . _ ~ @ -, beginning with a letter or digit.",
            field="Idempotency-Key",
        )
    made = changes.create_budget(
        ask.org_id, ask.actor, budget_id=budget_id, name=wanted.name, period=wanted.period, scope=wanted.scope,
        limit=parse_credits(wanted.limit, field="limit"),
    )  # fmt: skip
    found, replayed = await ask.context.database.run(made, org_id=ask.org_id)
    return Reply(schemas.BudgetView.of(found), status=201, replayed=replayed)


async def change_budget(ask: Ask[schemas.BudgetSettings]) -> Reply:
    """200 with the budget as it now stands. Putting the same again changes nothing."""
    wanted = ask.body
    changed = changes.change_budget(
        ask.org_id, ask.actor, budget_id=_budget_id(ask), change_id=new_id("change"), name=wanted.name,
        limit=parse_credits(wanted.limit, field="limit"), period=wanted.period, scope=wanted.scope,
    )  # fmt: skip
    return Reply(schemas.BudgetView.of(await ask.context.database.run(changed, org_id=ask.org_id)))


async def remove_budget(ask: Ask[None]) -> Reply:
    """200, also when it was removed before."""
    budget_id = _budget_id(ask)
    removed = changes.remove_budget(ask.org_id, ask.actor, budget_id=budget_id)
    news = await ask.context.database.run(removed, org_id=ask.org_id)
    return Reply(schemas.Removed(id=budget_id), replayed=not news)


async def list_pauses(ask: Ask[None]) -> Reply:
    """200 with what is paused, and what was."""
    found = await ask.context.database.run(pauses(ask.org_id), org_id=ask.org_id)
    shown, more = page_of(found, ask.query(ListQuery), lambda each: f"{each.kind}:{each.ref}")
    return Reply(schemas.PauseList(items=[schemas.PauseView.of(each) for each in shown], next_cursor=more))


async def pause(ask: Ask[schemas.NewPause]) -> Reply:
    """201 with the pause, in force."""
    wanted = ask.body
    if wanted.kind == "use_case":
        checked_slug(wanted.ref, "ref")  # any other word pauses nothing: no call can have it
    change_id = ask.effect_id(wanted.id) or new_id("pause")
    made = changes.pause(
        ask.org_id, ask.actor, kind=wanted.kind, ref=wanted.ref, reason=wanted.reason, change_id=change_id
    )
    news = await ask.context.database.run(made, org_id=ask.org_id)
    return Reply(await _pause(ask), status=201, replayed=not news)


async def resume(ask: Ask[schemas.Paused]) -> Reply:
    """200 with the pause, which is over."""
    wanted = ask.body
    change_id = ask.effect_id(wanted.id) or new_id("resume")
    lifted = changes.resume(ask.org_id, ask.actor, kind=wanted.kind, ref=wanted.ref, change_id=change_id)
    news = await ask.context.database.run(lifted, org_id=ask.org_id)
    return Reply(await _pause(ask), replayed=not news)


async def _pause(ask: Ask[schemas.Paused] | Ask[schemas.NewPause]) -> schemas.PauseView:
    found = await ask.context.database.run(pause_of(ask.org_id, ask.body.kind, ask.body.ref), org_id=ask.org_id)
    if found is None:
        raise NotPaused("Nothing of that name is paused.", field="ref")
    return schemas.PauseView.of(found)


def _budget_id(ask: Ask[Any]) -> str:
    """The path's. Raises BudgetNotFound for what no budget can be called."""
    budget_id = ask.path("budget_id")
    if not is_budget_id(budget_id):
        raise BudgetNotFound("There is no such budget.", field="id")
    return budget_id
