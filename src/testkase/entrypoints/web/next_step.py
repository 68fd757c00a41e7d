"""What somebody who is refused is told, and what they can do next: the same words in every AI feature (P18).

Who may act gets a link to where it is done; everybody else is told whom to ask.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from testkase.core.access import Action
from testkase.core.ledger.credits import grouped_credits
from testkase.entrypoints.web.templatetags.testkase import moment, use_case
from testkase.entrypoints.web.viewer import Viewer
from testkase.foundation.problems import Problem
from testkase.foundation.text import sentence
from testkase.services.features.admission import too_little


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """A sentence: what stands before the link, the link, and what follows it. Without an address it is all `before`."""

    before: str = ""
    link: str = ""
    after: str = "."
    href: str = ""


def next_step(code: str, viewer: Viewer, *, budget_id: str = "") -> NextStep | None:
    """What helps against a refusal of this code, for this viewer; None where nothing but time or other input does."""
    step = _STEPS.get(code)
    return step(viewer, budget_id) if step else None


def said(problem: Problem, viewer: Viewer) -> str | SafeString:
    """Why it was refused, in the words of pages: names as people know them, times in their zone."""
    words = _WORDS.get(problem.code)
    return words(problem, viewer) if words else problem.detail


def owed(debt: int) -> str:
    """That a debt, in micro-credits, stands in the way (P10)."""
    return f"A refund or dispute left a debt of {grouped_credits(debt)} credits: AI rests until it is covered."


def _switch(viewer: Viewer, _: str) -> NextStep:
    if viewer.can(Action.SWITCH_AI):
        return NextStep(link="Switch AI on", href=reverse("ai_switch"))
    return NextStep(before="Ask your Owner to switch it on.")


def _buy(viewer: Viewer, _: str) -> NextStep:
    if viewer.can(Action.BUY_CREDITS):
        return NextStep(link="Buy credits", href=reverse("buy"), after=", and AI works again at once.")
    return NextStep(before="Ask your Owner for more credits, or", link="see what was used", href=reverse("ai_credits"))


def _settle(viewer: Viewer, _: str) -> NextStep:
    if viewer.can(Action.BUY_CREDITS):
        return NextStep(link="See what is owed", href=reverse("billing") + "#debt")
    return NextStep(before="Ask your Owner to cover it.")


def _raise(viewer: Viewer, budget_id: str) -> NextStep:
    if viewer.can(Action.SET_BUDGETS):
        return NextStep(link="Change the budget", href=reverse("budget", args=[budget_id]))
    asking = f"{reverse('budgets')}?ask={budget_id}"
    return NextStep(before="Your Owner or an admin can raise it.", link="Ask for more", href=asking)


def _resume(viewer: Viewer, _: str) -> NextStep:
    if viewer.can(Action.SET_BUDGETS):
        return NextStep(link="See what is paused, and resume it", href=reverse("budgets"))
    return NextStep(before="Ask your Owner or an admin to resume it.")


_STEPS: dict[str, Callable[[Viewer, str], NextStep]] = {
    "ai_disabled": _switch,
    "insufficient_credits": _buy,
    "debt_outstanding": _settle,
    "budget_exceeded": _raise,
    "paused": _resume,
}


def _short(problem: Problem, _: Viewer) -> str:
    facts = problem.facts
    return too_little("This", needed=facts["needed"], available=facts["available"], held=facts.get("held", 0))


def _owed(problem: Problem, _: Viewer) -> str:
    return owed(problem.facts["debt"])


def _budget(problem: Problem, _: Viewer) -> SafeString:
    facts = problem.facts
    left = max(facts["limit"] - facts["used"] - facts["held"], 0)
    return format_html(
        "This can cost up to {} credits. The {} budget “{}” of {} has {} left; it begins anew on {}.",
        grouped_credits(facts["needed"]),
        {"day": "daily", "week": "weekly", "month": "monthly"}[facts["period"]],
        facts["budget"],
        grouped_credits(facts["limit"]),
        grouped_credits(left),
        moment(facts["resets_at"]),
    )


def _paused(problem: Problem, viewer: Viewer) -> str:
    facts = problem.facts
    reason = sentence(facts["reason"])
    if facts["kind"] == "use_case":
        return f"{use_case(facts['ref'])} is paused for everyone. {reason}"
    whose = "Your use of AI" if facts["ref"] == viewer.user.ref else f"AI use of {facts['ref']}"
    return f"{whose} is paused. {reason}"


_WORDS: dict[str, Callable[[Problem, Viewer], str | SafeString]] = {
    "insufficient_credits": _short,
    "debt_outstanding": _owed,
    "budget_exceeded": _budget,
    "paused": _paused,
}
