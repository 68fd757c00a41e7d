"""What budgets and requests can be called: checked where an id comes in, before anybody is asked about it."""

import re

BUDGET_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._~@-]{0,63}"

_BUDGET_ID = re.compile(BUDGET_ID_PATTERN)


def is_budget_id(text: str) -> bool:
    """Whether a budget, or a request for more, can be called so."""
    return _BUDGET_ID.fullmatch(text) is not None
