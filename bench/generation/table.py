"""The table of the quality of generated test cases, as Markdown."""

from collections.abc import Sequence

from bench.generation.writing import Written
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.terms import Terms, Tokens, price
from testkase.services.features.generation.twins import TWIN_PERCENT, likeness

COLUMNS = (
    "Prompt", "Ideas", "Drafts", "Valid by schema", "Without a fault", "Distinct", "Two steps or more",
    "Tokens in (cached) / out a draft", "Credits a draft", "Seconds a draft",
)  # fmt: skip


def row(name: str, written: Written, terms: Terms, *, seconds: float) -> tuple[str, ...]:
    """One variant. All its calls are priced together, so that rounding counts once."""
    drafts = len(written.cases)
    fresh, cached, out = (sum(getattr(one, kind) for one in written.tokens) for kind in _KINDS)
    total = price(terms, Tokens(input=fresh, cached_input=cached, output=out))
    each = max(drafts, 1)
    return (
        name, str(written.ideas), str(drafts), _share(written.valid_answers, written.answers),
        _share(written.faultless, written.answers), _share(distinct(written), drafts),
        _share(sum(len(case.steps) >= 2 for _, case in written.cases), drafts),
        f"{(fresh + cached) // each} ({cached // each}) / {out // each}", f"{total / each / MICRO:.2f}",
        f"{seconds / each:.1f}",
    )  # fmt: skip


_KINDS = ("input", "cached_input", "output")


def distinct(written: Written) -> int:
    """Drafts that are like none before them of the same requirement."""
    count = 0
    for place, (number, case) in enumerate(written.cases):
        earlier = [other for at, other in written.cases[:place] if at == number]
        count += all(likeness(case, other) < TWIN_PERCENT for other in earlier)
    return count


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """With a line for each variant."""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _share(part: int, whole: int) -> str:
    return f"{part * 100 / whole:.0f} %" if whole else "—"
