"""All rows and places: those of every file in `rows/`, so that each part of the product keeps its own."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.tenants.row import KeyRow, Place, Row

FOLDER = "tests/support/tenants/rows"

HOW_PAGE = """{count} route(s) of pages have no row: nobody has said who may use them.

Write one for each in a file of {folder}/ (the file of its topic, or a new one, found by itself):

    ROWS = {{
        "settings/budgets": Row(get=MANAGERS, post=MANAGERS, form={{"limit": "5"}}),
        "settings/budgets/<slug:budget_id>/removal": Row(post=MANAGERS),
    }}
    PLACES = {{"budget_id": Place(make=a_budget, absent="budget_none")}}   # one for each new name in an address

Groups of roles are in tests/support/tenants/roles.py, what else a row can say in row.py. Missing:
{missing}"""

HOW_KEY = """{count} route(s) of programs have no row: nobody has said which scope they want.

Write one for each in a file of {folder}/:

    KEY_ROWS = {{"POST /api/v1/budgets": KeyRow(scope="settings:write", body={{"limit": "5.00"}})}}

`body` is one with which it succeeds (or a function of the tenant). A new name in an address needs a Place. Missing:
{missing}"""


def all_rows() -> dict[str, Row]:
    """Rows of pages by the route as the URL conf writes it; a name that ends in `*` stands for all that begin so."""
    return _merged("ROWS")


def all_key_rows() -> dict[str, KeyRow]:
    """Rows of programs by "METHOD /path"."""
    return _merged("KEY_ROWS")


def all_places() -> dict[str, Place]:
    """Places by the name they have in addresses and forms."""
    return _merged("PLACES")


def row_for(route: str, rows: Mapping[str, Row]) -> Row | None:
    """The row of this very route, or the one that stands for all routes that begin as it does."""
    wide = (row for name, row in rows.items() if name.endswith("*") and route.startswith(name[:-1]))
    return rows.get(route) or next(wide, None)


def how_to(message: str, missing: Iterable[str]) -> str:
    """What to tell somebody whose route has no row."""
    names = sorted(missing)
    return message.format(count=len(names), folder=FOLDER, missing="\n".join(f"  {name}" for name in names))


def _merged(table: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted((Path(__file__).parent / "rows").glob("*.py")):
        rows = getattr(import_module(f"tests.support.tenants.rows.{path.stem}"), table, {})
        twice = found.keys() & rows.keys()
        assert not twice, f"{path.name} repeats what another file of {FOLDER} says of {sorted(twice)}"
        found |= rows
    return found
