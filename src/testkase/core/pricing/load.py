"""From dated TOML files to price books. All is checked when the program starts: no fault comes up while charging."""

import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from testkase.core.ledger.credits import MICRO, format_credits
from testkase.core.ledger.terms import Rates
from testkase.core.pricing.bundles import read_bundles
from testkase.core.pricing.fields import BareDecimal, Faults, Table
from testkase.core.pricing.model import ModelRate, PriceBook, PriceBookError, PriceBooks

PACKAGED = Path(__file__).parent / "price_book"
"""The books that come with the product."""

MAX_RATE = 1_000_000 * MICRO
"""Largest rate: a million credits per million tokens, one credit for each token."""

MAX_TOKENS = 100_000_000
"""Largest context window a row may name."""

DRAFT_BYTES = 100_000
"""Of a draft somebody uploads; the packaged books have a sixth of it."""
_MOST_DOTS = 60
"""In one line, strings included: the parser's time grows with the square of a dotted key's parts."""

_KINDS = ("input", "cached_input", "cache_write", "output", "reasoning")
_UNIT = "credits per million tokens"
_COST_UNIT = "dollars per million tokens"
_ROW = '[models."name"] with provider, context_window, max_output_tokens and rates'
_COST_TIER = '[{ above_input_tokens = 0, input = "0.40", output = "2" }]'
_TIER = '[{ above_input_tokens = 0, input = "1.25", output = "10" }]'


def load_price_books(folder: Path | None = None) -> PriceBooks:
    """Every `*.toml` of a folder (default: the packaged ones). Raises PriceBookError with every fault of every file."""
    place = PACKAGED if folder is None else folder
    files = sorted(place.glob("*.toml")) if place.is_dir() else []
    if not files:
        raise PriceBookError(f"{place}: no price book found; put a file such as 2026-11-01.toml there.", errors=())
    books: list[PriceBook] = []
    errors: list[str] = []
    for file in files:
        faults = Faults(file.name)
        book = _read(file, faults)
        errors.extend(faults.found)
        if book is not None and not faults.found:
            books.append(book)
    if errors:
        raise PriceBookError("\n".join(errors), errors=tuple(errors))
    return PriceBooks(tuple(books))


def read_draft(content: bytes, name: str) -> PriceBook:
    """A book that is not in force, such as an operator's draft, whatever its file is called. Raises PriceBookError with
    every fault, in the words that would be used of a book in force."""
    faults = Faults(name)
    book = _book(content, name, faults) if _modest(content, faults) else None
    if faults.found or book is None:
        raise PriceBookError("\n".join(faults.found), errors=tuple(faults.found))
    return book


def _modest(content: bytes, faults: Faults) -> bool:
    """Whether it can be read in no time."""
    if len(content) > DRAFT_BYTES:
        faults.add("file", f"has {len(content):,} bytes; {DRAFT_BYTES:,} are the most")
    for number, line in enumerate(content.splitlines(), start=1):
        if line.count(b".") > _MOST_DOTS:
            faults.add(f"line {number}", f"has more than {_MOST_DOTS} dots: no price book goes so deep")
            break
    return not faults.found


def _read(file: Path, faults: Faults) -> PriceBook | None:
    book = _book(file.read_bytes(), file.name, faults)
    if book is None:
        return None
    effective = book.effective_from.date()
    if effective != date.max and file.name != f"{effective}.toml":
        faults.add("effective_from", f"is {effective}, but the file is {file.name}; rename it to {effective}.toml")
    return book


def _book(content: bytes, name: str, faults: Faults) -> PriceBook | None:
    try:
        values: dict[str, Any] = tomllib.loads(content.decode("utf-8-sig"), parse_float=BareDecimal)
    except UnicodeDecodeError as error:
        faults.add(f"byte {error.start}", "is not UTF-8; save the file as UTF-8")
        return None
    except RecursionError:
        faults.add("file", "goes too deep: no price book has tables in tables in tables")
        return None
    except ValueError as error:  # of the syntax, or of a number with thousands of digits
        faults.add("TOML", f"{error}; correct the syntax there")
        return None
    root = Table(faults, "", values)
    version = name.removesuffix(".toml")
    effective = root.date("effective_from", version if len(version) == 10 else "2026-11-01")
    if root.text("currency", "USD") not in ("", "USD"):
        root.fault("currency", 'prices are in US dollars; write currency = "USD"')
    allowance = root.amount("monthly_allowance", "300", decimals=6, unit="credits", largest=10**15)
    increment = _increment(root)
    overage = root.amount("overage_price", "0.40", decimals=2, unit="dollars per credit", largest=100_000, least=1)
    bundles = read_bundles(root)
    rate_card = tuple(_model(name, table) for name, table in root.named_tables("models", _ROW))
    root.done()
    return PriceBook(
        version=version,
        effective_from=datetime.combine(effective or date.max, time(), UTC),
        monthly_allowance=allowance,
        charge_increment=increment,
        overage_price_cents=overage,
        currency="USD",
        bundles=bundles,
        rate_card=rate_card,
    )


def _increment(root: Table) -> int:
    """The step a charge is rounded up to. It divides one credit: sums of charges stay on the grid people see."""
    increment = root.amount("charge_increment", "0.01", decimals=6, unit="credits", largest=MICRO, least=1)
    if increment and MICRO % increment:
        given = format_credits(increment)
        root.fault("charge_increment", f'"{given}" does not divide one credit; write charge_increment = "0.01"')
    return increment or MICRO


def _model(name: str, table: Table) -> ModelRate:
    free = table.flag("free")
    context_window = table.count("context_window", 128_000, least=1, most=MAX_TOKENS)
    max_output = table.count("max_output_tokens", 16_384, least=1, most=MAX_TOKENS)
    if max_output > context_window:
        table.fault("max_output_tokens", f"is above the context window; write at most {context_window}")
    before = len(table.faults.found)
    tiers = tuple(_tier(tier, free) for tier in table.tables("rates", _TIER))
    if len(table.faults.found) == before:
        _check_ladder(table, "rates", tiers, context_window)
    cost = _cost(table, context_window)
    rate = ModelRate(
        model=name,
        provider=table.text("provider", "openai"),
        context_window=context_window,
        max_output_tokens=max_output,
        free=free,
        tiers=tiers,
        cost=cost,
        note=table.optional_text("note", "where the rate comes from") or "",
    )
    table.done()
    return rate


def _cost(table: Table, context_window: int) -> tuple[Rates, ...]:
    """What the provider asks, in micro-dollars per million tokens; () where the row does not say."""
    if not table.has("cost"):
        return ()
    before = len(table.faults.found)
    tiers = tuple(_tier(tier, free=None) for tier in table.tables("cost", _COST_TIER))
    if len(table.faults.found) == before:
        _check_ladder(table, "cost", tiers, context_window)
    return tiers


def _tier(table: Table, free: bool | None) -> Rates:
    """One tier. An absent cache rate is the input rate and an absent reasoning rate the output rate: never free. `free`
    is None for what the provider asks, which may be nothing."""
    above = table.count("above_input_tokens", 0, least=0, most=MAX_TOKENS)
    given = {kind: _rate(table, kind, free) for kind in _KINDS if kind in ("input", "output") or table.has(kind)}
    table.done()
    return Rates(
        above_input_tokens=above,
        input=given["input"],
        cached_input=given.get("cached_input", given["input"]),
        cache_write=given.get("cache_write", given["input"]),
        output=given["output"],
        reasoning=given.get("reasoning", given["output"]),
    )


def _rate(table: Table, kind: str, free: bool | None) -> int:
    if free is None:
        return table.amount(kind, "1.25", decimals=6, unit=_COST_UNIT, largest=MAX_RATE)
    before = len(table.faults.found)
    rate = table.amount(kind, "1.25", decimals=6, unit=_UNIT, largest=MAX_RATE)
    if len(table.faults.found) == before:
        if rate == 0 and not free:
            table.fault(kind, "is 0; write the rate, or free = true in the model's table if every token is free")
        elif rate and free:
            table.fault(kind, 'is above 0 in a model marked free; write "0", or remove free = true')
    return rate


def _check_ladder(table: Table, key: str, tiers: tuple[Rates, ...], context_window: int) -> None:
    """Tiers begin at 0 and climb, and each can be reached: a tier nobody can reach is a slip of the pen."""
    below = -1
    for index, tier in enumerate(tiers):
        place = f"{key}[{index}].above_input_tokens"
        if index == 0 and tier.above_input_tokens != 0:
            table.faults.add(f"{table.path}.{place}", "the first tier holds from the first token; write 0")
        elif index and tier.above_input_tokens <= below:
            table.faults.add(f"{table.path}.{place}", f"tiers climb; write a number above {below}")
        elif index and tier.above_input_tokens >= context_window:
            table.faults.add(f"{table.path}.{place}", f"cannot be reached; write a number below {context_window}")
        below = tier.above_input_tokens
