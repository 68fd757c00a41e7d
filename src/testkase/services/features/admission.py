"""What every AI feature is refused for before a job is made of it: said while whoever asks still looks at the form.

The ledger decides again, and for good, when the hold is opened.
"""

from testkase.core.ledger.credits import grouped_credits
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.limits.queries import check_admission
from testkase.core.ledger.model import Subject
from testkase.core.ledger.queries import Balance
from testkase.core.ledger.refusals import AiDisabled, Indebted, InsufficientCredits
from testkase.foundation.database import Operation


def admit(org_id: int, subject: Subject, most: int, *, what: str) -> Operation[None]:
    """`most`: micro-credits `what` ("This answer") can cost. Raises AiDisabled, Indebted, InsufficientCredits, Paused,
    BudgetExceeded."""
    account = yield from current_balance(org_id)
    must_be_on(account)
    must_cover(account, most, what=what)
    yield from check_admission(org_id, subject, most)


def must_be_on(account: Balance) -> None:
    """Raises AiDisabled."""
    if not account.ai_enabled:
        raise AiDisabled("AI is switched off for this organization.")


def must_cover(account: Balance, most: int, *, what: str) -> None:
    """Raises Indebted, InsufficientCredits."""
    if account.debt:
        raise Indebted(
            "A refund or dispute left a debt: AI rests until it is covered.", debt=account.debt, org_id=account.org_id
        )
    if account.spendable < max(most, 1):
        raise InsufficientCredits(
            too_little(what, needed=most, available=account.spendable, held=account.held),
            available=account.spendable,
            needed=most,
            held=account.held,
            org_id=account.org_id,
        )


def too_little(what: str, *, needed: int, available: int, held: int = 0) -> str:
    """The refusal in a sentence. Most of what is `held` comes back by itself: nobody need buy what it would cover."""
    aside = f", and {grouped_credits(held)} more are set aside for calls under way" if held else ""
    return (
        f"{what} can cost up to {grouped_credits(needed)} credits; {grouped_credits(available)} are available{aside}."
    )
