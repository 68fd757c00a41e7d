"""Write the draft of a price book: the newest book with its rate card priced anew from genai-prices.

    python scripts/seed_rate_card.py --effective 2026-12-01 [--markup 1.5] [--out 2026-12-01.toml.draft]

A development step: genai-prices is a development dependency and is never imported by the product. The draft is for a
person to read; it takes effect by being renamed to `<date>.toml` in `core/pricing/price_book/` and committed. The
differences from the newest book are printed row by row.

USD per million tokens × credits per dollar at the first bundle's rate × markup = credits per million tokens.
"""

import argparse
import re
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

from genai_prices import data_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.terms import Rates
from testkase.core.pricing import load_price_books
from testkase.core.pricing.load import PACKAGED

MARKER = "# ---- Rate card, written by scripts/seed_rate_card.py ----\n"
CREDITS_PER_DOLLAR = 100
KINDS = ("input", "cached_input", "cache_write", "output", "reasoning")
LOOKAHEAD = timedelta(days=366)

# genai-prices does not say how long an answer may be, and not always how long a prompt. The caps are ours: the most
# this product asks for in one answer, at or below what the provider allows. A lower cap makes a smaller hold.
MODELS: dict[tuple[str, str], tuple[int, int | None]] = {
    ("anthropic", "claude-haiku-4-5"): (64_000, None),
    ("anthropic", "claude-haiku-5-5"): (64_000, None),
    ("anthropic", "claude-opus-4-8"): (64_000, None),
    ("anthropic", "claude-opus-5-5"): (64_000, None),
    ("anthropic", "claude-sonnet-4-6"): (64_000, None),
    ("anthropic", "claude-sonnet-5-5"): (64_000, None),
    ("google", "gemini-2.5-flash"): (65_536, None),
    ("google", "gemini-2.5-flash-lite"): (65_536, None),
    ("google", "gemini-2.5-pro"): (65_536, 1_048_576),
    ("google", "gemini-3.1-pro-preview"): (65_536, 1_048_576),
    ("google", "gemini-3.5-flash"): (65_536, None),
    ("google", "gemini-3.5-flash-lite"): (65_536, None),
    ("google", "gemini-3.8-flash"): (65_536, None),
    ("openai", "gpt-4.1"): (32_768, None),
    ("openai", "gpt-4.1-mini"): (32_768, None),
    ("openai", "gpt-4o"): (16_384, None),
    ("openai", "gpt-4o-mini"): (16_384, None),
    ("openai", "gpt-5-mini"): (64_000, None),
    ("openai", "gpt-5.4"): (64_000, None),
    ("openai", "gpt-5.4-mini"): (64_000, None),
    ("openai", "gpt-5.4-nano"): (64_000, None),
    ("openai", "gpt-6-astra"): (64_000, None),
    ("openai", "gpt-6-luna"): (64_000, None),
    ("openai", "gpt-6.1-sol"): (64_000, None),
    ("openai", "gpt-6.1-terra"): (64_000, None),
}


def main() -> None:
    arguments = _arguments()
    newest = load_price_books().books[-1]
    head = (PACKAGED / f"{newest.version}.toml").read_text(encoding="utf-8").split(MARKER)[0]
    head = re.sub(r"(?m)^effective_from = .*$", f"effective_from = {arguments.effective}", head, count=1)
    head = re.sub(r"\A# Price book of [^.]*\.", f"# Price book of {_in_words(arguments.effective)}.", head)
    rows = [_row(provider, model, arguments) for provider, model in MODELS]
    arguments.out.write_text(head + MARKER + _provenance(arguments) + "\n" + "\n".join(rows), encoding="utf-8")
    say(f"draft written: {arguments.out}")
    _differences(arguments, {rate: newest.rate(rate).tiers for rate in newest.models()})


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write the draft of a price book from genai-prices.")
    parser.add_argument("--effective", type=date.fromisoformat, required=True, help="first day of the new book")
    parser.add_argument("--markup", type=Decimal, default=Decimal("1.5"), help="factor on the provider's price (1.5)")
    parser.add_argument("--out", type=Path, help="file to write (<effective>.toml.draft)")
    arguments = parser.parse_args()
    arguments.out = arguments.out or Path(f"{arguments.effective}.toml.draft")
    return arguments


def _provenance(arguments: argparse.Namespace) -> str:
    per_dollar = (CREDITS_PER_DOLLAR * arguments.markup).normalize()
    return (
        f"# Source: genai-prices {version('genai-prices')} (MIT), standard service tier, prices of"
        f" {arguments.effective}; written {datetime.now(UTC):%Y-%m-%d}.\n"
        f"# Markup {arguments.markup}: USD per million tokens × {CREDITS_PER_DOLLAR} credits per dollar"
        f" (the Starter rate) × {arguments.markup} = ×{per_dollar:f} credits per million tokens.\n"
        "# A cache rate the provider does not publish is the input rate, a reasoning rate the output rate: never"
        " free.\n"
        "# max_output_tokens is the most this product asks for in one answer, at or below what the provider allows.\n"
    )


def _row(provider: str, model: str, arguments: argparse.Namespace) -> str:
    info = _info(provider, model)
    max_output, context = MODELS[provider, model]
    context = context or info.context_window
    if context is None:
        sys.exit(f"{model}: genai-prices does not know its context window; state it in MODELS.")
    prices = _prices(info, arguments.effective)
    lines = [
        f'[models."{model}"]',
        f'provider = "{provider}"',
        f"context_window = {context}",
        f"max_output_tokens = {max_output}",
        f'note = "{_note(info, arguments.effective)}"',
        "rates = [",
        *(f"  {_tier(rates)}," for rates in _tiers(prices, arguments.markup)),
        "]",
        "cost = [",
        *(f"  {_tier(rates)}," for rates in _tiers(prices, 1 / Decimal(CREDITS_PER_DOLLAR))),
        "]\n",
    ]
    return "\n".join(lines)


def _info(provider: str, model: str) -> ModelInfo:
    for candidate in data_snapshot.get_snapshot().providers:
        if candidate.id == provider:
            for info in candidate.models:
                if info.id == model:
                    return info
    sys.exit(f"{provider}/{model}: genai-prices does not know it; remove it from MODELS or correct its name.")


def _prices(info: ModelInfo, day: date) -> ModelPrice:
    return info.get_prices(datetime.combine(day, time(12), UTC))


def _tiers(prices: ModelPrice, markup: Decimal) -> list[Rates]:
    """Rates in micro-credits at every prompt length at which any kind changes."""
    written = prices.__dict__
    named = {
        "input": written["input_mtok"],
        "cached_input": written.get("cache_read_mtok") or written["input_mtok"],
        "cache_write": written.get("cache_write_mtok") or written["input_mtok"],
        "output": written["output_mtok"],
        "reasoning": written["output_mtok"],
    }
    starts = {0} | {tier.start for price in named.values() if isinstance(price, TieredPrices) for tier in price.tiers}
    return [
        Rates(above_input_tokens=start, **{kind: _rate(price, start, markup) for kind, price in named.items()})
        for start in sorted(starts)
    ]


def _rate(price: Decimal | TieredPrices, start: int, markup: Decimal) -> int:
    usd = price.base if isinstance(price, TieredPrices) else price
    for tier in price.tiers if isinstance(price, TieredPrices) else ():
        usd = tier.price if start >= tier.start else usd
    microcredits = usd * CREDITS_PER_DOLLAR * markup * 1_000_000
    return int(microcredits.to_integral_value(rounding="ROUND_CEILING"))


def _tier(rates: Rates) -> str:
    kinds = ", ".join(f'{kind} = "{_decimal(getattr(rates, kind))}"' for kind in KINDS)
    return f"{{ above_input_tokens = {rates.above_input_tokens}, {kinds} }}"


def _decimal(microcredits: int) -> str:
    text = format_credits(microcredits)
    return text.removesuffix(".00")


def _note(info: ModelInfo, day: date) -> str:
    """What the provider asks in dollars, and the next day on which that changes, if the source knows one."""
    prices = _prices(info, day)
    usd = " / ".join(f"{_base(prices.__dict__.get(name))}" for name in ("input_mtok", "cache_read_mtok", "output_mtok"))
    note = f"USD {usd} per million tokens in / cached / out"
    later = day
    while later < day + LOOKAHEAD:
        later += timedelta(days=1)
        if _prices(info, later) != prices:
            return f"{note}; the provider's price changes on {later}"
    return note


def _base(price: Decimal | TieredPrices | None) -> str:
    if price is None:
        return "-"
    return f"{price.base if isinstance(price, TieredPrices) else price:f}"


def _differences(arguments: argparse.Namespace, old: dict[str, tuple[Rates, ...]]) -> None:
    for provider, model in MODELS:
        new = tuple(_tiers(_prices(_info(provider, model), arguments.effective), arguments.markup))
        if model not in old:
            say(f"+ {model}: {_tier(new[0])}")
        elif old[model] != new:
            say(f"~ {model}:")
            for before, after in zip(old[model], new, strict=False):
                say(f"    {_tier(before)}\n  → {_tier(after)}")


def _in_words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


if __name__ == "__main__":
    main()
