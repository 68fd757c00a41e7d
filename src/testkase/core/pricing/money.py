"""Money for people: integers in minor units become "$1,250.00" or "₹850.00"; no float on the way."""

_SIGNS = {"USD": "$", "INR": "₹"}
EXPONENTS = {"USD": 2, "INR": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "OMR": 3}
"""Decimals of a currency's minor unit; two where it is not named."""


def money(amount: int, currency: str) -> str:
    """An amount in minor units, with its sign before it, or its code behind it: "$50.00", "50.00 EUR"."""
    text = decimal_money(amount, currency)
    whole, point, fraction = text.removeprefix("-").partition(".")
    grouped = f"{int(whole):,}{point}{fraction}"
    sign = _SIGNS.get(currency)
    minus = "−" if amount < 0 else ""
    return f"{minus}{sign}{grouped}" if sign else f"{minus}{grouped} {currency}"


def decimal_money(amount: int, currency: str) -> str:
    """The same as a plain decimal for programs: "1250.00"."""
    exponent = EXPONENTS.get(currency, 2)
    whole, part = divmod(abs(amount), 10**exponent)
    digits = f"{whole}.{part:0{exponent}d}" if exponent else str(whole)
    return f"-{digits}" if amount < 0 else digits


def dollars_of(microdollars: int) -> str:
    """Micro-dollars to the nearest cent: 1,235,000 → "$1.24"."""
    cents = (abs(microdollars) + 5_000) // 10_000
    return money(-cents if microdollars < 0 else cents, "USD")
