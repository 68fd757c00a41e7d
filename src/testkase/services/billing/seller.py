"""Who sells, as receipts name them: from the operator's TOML file, or nobody in particular."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from testkase.core.pricing.fields import BareDecimal, Faults, Table
from testkase.foundation.problems import InvalidInput

_LONGEST = 120
_MOST_LINES = 6
_BASIS_POINTS = 10_000


class Tax(msgspec.Struct, frozen=True, kw_only=True):
    """A tax that is included in every price. `basis_points`: hundredths of a percent, 1,800 for 18 %."""

    name: str
    basis_points: int

    @property
    def percent(self) -> str:
        """As people write it: "18", "7.5"."""
        whole, part = divmod(self.basis_points, 100)
        return f"{whole}.{part:02d}".rstrip("0") if part else str(whole)


class Seller(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt's head says of the seller."""

    name: str = "TestKase"
    address: tuple[str, ...] = ()
    email: str = ""
    tax_id: str = ""
    taxes: tuple[Tax, ...] = ()


def load_seller(file: Path | None) -> Seller:
    """The seller of a TOML file such as

        name = "Acme Testing GmbH"
        address = ["Torstraße 1", "10119 Berlin", "Germany"]
        email = "billing@acme.example"
        tax_id = "DE123456789"

        [[taxes]]
        name = "VAT"
        percent = "19"

    Raises InvalidInput with every fault of it. None: TestKase, without a tax.
    """
    if file is None:
        return Seller()
    faults = Faults(file.name)
    try:
        values: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"), parse_float=BareDecimal)
    except (OSError, ValueError, RecursionError) as error:  # of its letters, its syntax, its numbers or its depth
        raise InvalidInput(f"TESTKASE_SELLER: {file}: {error}", field="TESTKASE_SELLER") from None
    root = Table(faults, "", values)
    seller = Seller(
        name=_short(root, "name", "Acme Testing GmbH"),
        address=_address(root),
        email=_short(root, "email", "billing@acme.example") if root.has("email") else "",
        tax_id=_short(root, "tax_id", "DE123456789") if root.has("tax_id") else "",
        taxes=_taxes(root) if root.has("taxes") else (),
    )
    root.done()
    if faults.found:
        raise InvalidInput("TESTKASE_SELLER: " + "\n".join(faults.found), field="TESTKASE_SELLER")
    return seller


def _short(table: Table, key: str, example: str) -> str:
    text = table.text(key, example)
    if len(text) > _LONGEST:
        table.fault(key, f"is longer than {_LONGEST} characters; shorten it")
    return text


def _address(root: Table) -> tuple[str, ...]:
    if not root.has("address"):
        return ()
    lines = root.values["address"]
    if not isinstance(lines, list) or not all(isinstance(line, str) and len(line) <= _LONGEST for line in lines):
        root.fault("address", 'must be a list of lines; write address = ["Torstraße 1", "10119 Berlin"]')
        return ()
    if len(lines) > _MOST_LINES:
        root.fault("address", f"has more than {_MOST_LINES} lines; shorten it")
    return tuple(lines)


def _taxes(root: Table) -> tuple[Tax, ...]:
    taxes = []
    for table in root.tables("taxes", "[[taxes]] with name and percent"):
        name = _short(table, "name", "VAT")
        taxes.append(Tax(name=name, basis_points=table.amount(
            "percent", "19", decimals=2, unit="percent", largest=_BASIS_POINTS - 1, least=1)))  # fmt: skip
        table.done()
    return tuple(taxes)
