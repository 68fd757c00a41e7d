"""Replaying recorded calls against a draft, beside a recomputation in exact fractions that shares no code with it."""

from collections import defaultdict
from fractions import Fraction
from math import ceil
from random import Random
from typing import Any

import pytest

from testkase.core.ledger.terms import Tokens, price
from testkase.core.pricing import DRAFT_BYTES, PriceBook, PriceBookError, load_price_books, read_draft
from testkase.core.pricing.load import PACKAGED
from testkase.core.pricing.replay import BY_CREDITS, UNKNOWN_MODEL, Replay

NEWEST = max(PACKAGED.glob("*.toml"))
BUCKETS = ("input", "cached_input", "cache_write", "output", "reasoning")


def draft(**changes: str) -> PriceBook:
    """The newest packaged book with some of its text changed."""
    text = NEWEST.read_text()
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return read_draft(text.encode(), "draft.toml")


def calls(book: PriceBook, number: int, seed: int) -> list[dict[str, Any]]:
    random, models = Random(seed), [*book.models(), "gone-model", None]
    made = []
    for _ in range(number):
        tokens = {bucket: random.choice((0, 1, 17, 4_000, 300_000)) for bucket in BUCKETS}
        made.append({
            "org_id": random.randrange(3), "use_case": random.choice(("chat", "report")),
            "model": random.choice(models),
            "outcome": random.choice(("completed", "completed", "cancelled", "failed", "refused")),
            "measurement": random.choice(("exact", "estimated", "partial", "credits")),
            "tokens": Tokens(**tokens),
            "charged": random.randrange(10**6), "cost": 10**6,
        })  # fmt: skip
    return made


def naive(book: PriceBook, rows: list[dict[str, Any]]) -> dict[tuple[int, str], list[Any]]:
    """Calls, charged, replayed, would, cost in dollars: by hand."""
    sums: dict[tuple[int, str], list[Any]] = defaultdict(lambda: [0, 0, 0, 0, Fraction(0)])
    for row in rows:
        line = sums[row["org_id"], row["use_case"]]
        line[0] += 1
        line[1] += row["charged"]
        if row["measurement"] == "credits" or row["model"] not in book.models():
            continue
        rate, tokens = book.rate(row["model"]), row["tokens"]
        prompt = tokens.input + tokens.cached_input + tokens.cache_write
        tier, cost = (
            [each for each in tiers if each.above_input_tokens == 0 or prompt > each.above_input_tokens][-1]
            for tiers in (rate.tiers, rate.cost)
        )
        exact, asked = (
            sum(Fraction(getattr(tokens, bucket) * getattr(each, bucket), 10**6) for bucket in BUCKETS)
            for each in (tier, cost)
        )
        line[2] += 1
        if row["outcome"] not in ("failed", "refused"):
            line[3] += ceil(exact / book.charge_increment) * book.charge_increment
        line[4] += asked
    return sums


@pytest.mark.requirement("B11", "P1", "P19")
@pytest.mark.parametrize("seed", range(5))
def test_each_call_is_priced_and_rounded_by_itself(seed: int) -> None:
    book = draft()
    rows, replay = calls(book, 2_000, seed), Replay(book)
    for row in rows:
        replay.add(**row)
    found = {
        place: [line.interactions, line.charged, line.replayed, line.would, Fraction(line.cost_numerator, 10**6)]
        for place, line in replay.sums.items()
    }
    assert found == dict(naive(book, rows))


@pytest.mark.requirement("B11")
def test_the_book_in_force_gives_what_was_charged() -> None:
    book = load_price_books().books[0]
    replay = Replay(book)
    for row in calls(book, 500, seed=7):
        free = row["outcome"] in ("failed", "refused")
        known = row["model"] in book.models()
        charged = 0 if free or not known else price(book.terms(row["model"]), row["tokens"])
        replay.add(**{**row, "charged": charged, "cost": charged})
    assert replay.total().difference == 0
    assert replay.short == 0


def test_what_cannot_be_replayed_is_listed_with_what_it_was_charged() -> None:
    replay = Replay(draft())
    facts: dict[str, Any] = {"org_id": 1, "use_case": "chat", "outcome": "completed", "tokens": Tokens(input=10)}
    replay.add(**facts, model="gone-model", measurement="exact", charged=50_000, cost=50_000)
    replay.add(**facts, model=None, measurement="credits", charged=70_000, cost=70_000)
    left = {place: (one.interactions, one.charged) for place, one in replay.left.items()}
    assert left == {(UNKNOWN_MODEL, "gone-model"): (1, 50_000), (BY_CREDITS, ""): (1, 70_000)}
    assert replay.total().would == replay.total().charged_replayed == 0
    assert replay.total().charged == 120_000


def test_calls_that_were_charged_short_are_counted() -> None:
    replay = Replay(draft())
    tokens = Tokens(output=1_000)
    replay.add(1, "chat", "testkase-demo", tokens, 10_000, cost=1_500_000, outcome="completed", measurement="exact")
    assert replay.short == 1
    assert replay.total().would == 1_500_000


@pytest.mark.requirement("B11", "P6")
def test_the_margin_is_what_a_credit_brings_at_least_less_what_the_provider_asks() -> None:
    replay = Replay(draft())
    tokens = Tokens(input=1_000_000)
    replay.add(1, "chat", "claude-haiku-4-5", tokens, 0, cost=0, outcome="completed", measurement="exact")
    sums = replay.total()
    assert (sums.would, sums.cost_microdollars) == (150_000_000, 1_000_000)
    assert replay.margin_microdollars(sums) == 150 * 500 * 10**6 // 58_000 - 1_000_000
    assert Replay(draft()).margin_microdollars(replay.sums.get((2, "chat"), type(sums)())) is None


@pytest.mark.parametrize(
    ("draft", "complaint"),
    [
        (b"a" + b".a" * 40_000 + b" = 1", "line 1: has more than 60 dots"),
        (b"x = 1\n[a" + b".a" * 40_000 + b"]", "line 2: has more than 60 dots"),
        (b"#" * 100_001, "has 100,001 bytes; 100,000 are the most"),
        (b"a = " + b"9" * 90_000, "TOML"),
        (b"a = " + b"[" * 40_000, "goes too deep"),
        (b"a = " + b"{a = " * 10_000, "goes too deep"),
    ],
)
def test_a_draft_that_would_take_long_to_read_is_refused_at_once(draft: bytes, complaint: str) -> None:
    with pytest.raises(PriceBookError) as refused:
        read_draft(draft, "next.toml")
    assert complaint in refused.value.detail


def test_the_books_in_force_are_far_from_those_limits() -> None:
    for content in (file.read_bytes() for file in NEWEST.parent.glob("*.toml")):
        assert len(content) < DRAFT_BYTES / 2
        assert max(line.count(b".") for line in content.splitlines()) < 30


@pytest.mark.requirement("P6")
def test_a_draft_is_refused_in_the_words_for_books_in_force() -> None:
    broken = NEWEST.read_bytes().replace(b'charge_increment = "0.01"', b"charge_increment = 0.01")
    with pytest.raises(PriceBookError) as refused:
        read_draft(broken, "next.toml")
    assert "next.toml: charge_increment: 0.01 is a bare number" in refused.value.detail
    with pytest.raises(PriceBookError, match="TOML"):
        read_draft(b"= nonsense", "next.toml")
    with pytest.raises(PriceBookError, match="UTF-8"):
        read_draft(b"\xff\xfe", "next.toml")


@pytest.mark.parametrize(
    ("cost", "fault"),
    [
        ('cost = [{ above_input_tokens = 1, input = "0", output = "0" }]', "the first tier holds from the first token"),
        ('cost = [{ above_input_tokens = 0, input = 1.5, output = "0" }]', "is a bare number"),
        ("cost = []", "must be a list of tables"),
        ('cost = [{ above_input_tokens = 0, input = "1" }]', "output: is missing"),
    ],
)
def test_what_the_provider_asks_is_read_as_strictly_as_the_rates(cost: str, fault: str) -> None:
    with pytest.raises(PriceBookError) as refused:
        draft(**{'cost = [{ above_input_tokens = 0, input = "0", output = "0" }]': cost})
    assert fault in refused.value.detail
