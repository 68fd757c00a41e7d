"""Every place where the product shows what was used and what is left, read as people and programs read it."""

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Self

import httpx

from testkase.core.ledger.credits import MICRO

PAGE = "/settings/ai-credits"
_CAME = ("opening", "allowance", "granted", "bought", "adjusted", "overage", "debt")
_WENT = ("used", "expired", "reversed")


class Places:
    """One organization's pages, through its owner's browser, and its API, through a key."""

    def __init__(self, client: Any, api: str, key: str) -> None:
        self._client = client
        self._api = httpx.Client(base_url=api, headers={"Authorization": f"Bearer {key}"}, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()

    def everything(self) -> Iterator[tuple[str, dict[str, int]]]:
        """Figures that must be equal, by where each was read."""
        months = self._api.get("/statements", params={"limit": 200}).json()["items"]
        running, balance = months[0], self._api.get("/balance").json()
        yield "left", self._left(balance, running)
        yield "used this month", dict(self._used(balance, running))
        for month in months:
            yield f"used in {month['period']}", dict(self._month(month))
            yield f"sum of {month['period']}", self._adds_up(month)
        rows = self._exported("")
        yield "interactions", {"csv": len(rows), "api": len(list(self._listed({}))), "page": len(self._shown(""))}
        used = sum(_amount(month["used"]) for month in months)
        yield "used in all", {
            "statements": used, "csv": _sum(rows), "page": sum(self._shown("")),
            "api": sum(_amount(item["charged"]) for item in self._listed({})),
        }  # fmt: skip

    def _left(self, balance: dict[str, Any], running: dict[str, Any]) -> dict[str, int]:
        cards = re.findall(r'figure__value">([\d,.]+)', self._page(PAGE))
        held = _amount(balance["held"])
        return {
            "card": _amount(cards[0]) + held, "api": _amount(balance["available"]) + held,
            "statement": _amount(running["closing"]),
        }  # fmt: skip

    def _used(self, balance: dict[str, Any], running: dict[str, Any]) -> Iterator[tuple[str, int]]:
        """This Month Usage, wherever it stands (R45, P11, I11)."""
        since = balance["period_start"]
        yield "card", _amount(re.findall(r'figure__value">([\d,.]+)', self._page(PAGE))[1])
        yield "api balance", _amount(balance["this_month"])
        summary = self._api.get("/usage/summary").json()
        yield "api summary", _amount(summary["this_month"])
        yield "api summary, added up", sum(_amount(item["charged"]) for item in summary["items"])
        yield "api list", sum(_amount(item["charged"]) for item in self._listed({"since": since}))
        yield "statement", _amount(running["used"])
        first_day = f"from={since[:10]}"
        yield "table", sum(self._shown(first_day))
        yield "csv", _sum(self._exported(first_day))
        for by in ("use_case", "user", "project"):
            text = self._page(f"{PAGE}?by={by}")
            table = re.search(r'table--parts">.*?<tbody>(.*?)</tbody>.*?<tfoot>(.*?)</tfoot>', text, re.DOTALL)
            days = re.search(r'id="figures".*?<tbody>(.*?)</tbody>', text, re.DOTALL)
            if table is None or days is None:
                yield f"by {by}: nothing shown", 0
                continue
            rows = [_amounts(row) for row in days[1].split("</tr>") if "<td" in row]
            yield f"by {by}", sum(_amounts(table[1]))
            yield f"by {by}, foot", _amounts(table[2])[0]
            yield f"by {by}, days", sum(row[-1] for row in rows)
            yield f"by {by}, cells", sum(sum(row[:-1]) for row in rows)

    def _month(self, month: dict[str, Any]) -> Iterator[tuple[str, int]]:
        """What was used in one month, by statement, page, CSV and API."""
        name = month["period"]
        yield "list", _amount(month["used"])
        full = self._api.get(f"/statements/{name}").json()
        for part in ("by_use_case", "by_user", "by_project"):
            yield f"api {part}", sum(_amount(one["charged"]) for one in full[part])
        text = self._page(f"{PAGE}/statements/{name}")
        yield "page", _amounts(re.search(r"<dt>Used</dt><dd[^>]*>[^<]*</dd>", text)[0])[0]  # type: ignore[index]
        for table in re.findall(r'table--statement">.*?<tbody>(.*?)</tbody>\s*<tfoot>', text, re.DOTALL):
            yield f"page, table {table[:20]}", sum(_amounts(table))
        rows = list(csv.DictReader(io.StringIO(self._page(f"{PAGE}/statements/{name}.csv"))))
        for section in {row["Section"] for row in rows if row["Section"].startswith("Used by")}:
            yield f"csv, {section}", sum(_amount(row["Credits"]) for row in rows if row["Section"] == section)

    def _adds_up(self, month: dict[str, Any]) -> dict[str, int]:
        amount = {name: _amount(month[name]) for name in (*_CAME, *_WENT, "closing")}
        rows = csv.DictReader(io.StringIO(self._page(f"{PAGE}/statements/{month['period']}.csv")))
        lines = [_amount(row["Credits"]) for row in rows if row["Section"] == "Sum"]
        left = sum(amount[name] for name in _CAME) - sum(amount[name] for name in _WENT)
        return {"closing": amount["closing"], "api": left, "csv": sum(lines[:-1]), "csv, last line": lines[-1]}

    def _page(self, address: str) -> str:
        answer = self._client.get(address)
        assert answer.status_code == 200, (address, answer.status_code)
        return str(answer.content.decode())

    def _shown(self, query: str) -> list[int]:
        """Charges of the usage table and of all that "Show older" brings."""
        text, charges = self._page(f"{PAGE}?{query}"), list[int]()
        while True:
            rows = re.sub(r'table--parts">.*?</table>', "", text, flags=re.DOTALL)  # its parts are no interactions
            charges += [_amount(found) for found in re.findall(r'data-label="Credits">([\d,.]+)', rows)]
            more = re.search(rf'hx-get="({PAGE}/usage\?before=[^"]+)"', text)
            if more is None:
                return charges
            text = self._page(unescape(more[1]))

    def _exported(self, query: str) -> list[dict[str, str]]:
        answer = self._client.get(f"{PAGE}/usage.csv?{query}")
        return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    def _listed(self, params: dict[str, str]) -> Iterator[dict[str, Any]]:
        cursor: str | None = ""
        while cursor is not None:
            asked = params | {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = self._api.get("/usage", params=asked).json()
            yield from page["items"]
            cursor = page["next_cursor"]


def _amount(text: str) -> int:
    """Micro-credits of an amount as it is written, with its thousands and its sign; a random month knows no limit."""
    bare = text.replace(",", "").replace("\u00a0", "").replace("−", "-").replace("+", "")
    whole, _, fraction = bare.lstrip("-").partition(".")
    return (-1 if bare.startswith("-") else 1) * (int(whole) * MICRO + int(fraction.ljust(6, "0")))


def _amounts(html: str) -> list[int]:
    return [abs(_amount(text)) for text in re.findall(r">([−+\-]?\u00a0?[\d,]+\.\d{2,6})<", html)]


def _sum(rows: list[dict[str, str]]) -> int:
    return sum(_amount(row["Credits Consumed"]) for row in rows)
