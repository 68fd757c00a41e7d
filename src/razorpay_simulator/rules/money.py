"""Currencies, the smallest amounts, and what a payment costs."""

from razorpay_simulator.errors import Refusal

_TWO = (
    "INR USD EUR GBP AUD CAD SGD AED CHF SEK NOK DKK NZD HKD ZAR THB MYR PHP IDR CNY BRL MXN PLN CZK HUF ILS LKR NPR "
    "BDT SAR QAR TRY EGP KES NGN GHS MUR"
)
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(
        [
            "JPY",
            "KRW",
            "CLP",
            "VND",
            "ISK",
            "UGX",
            "XAF",
            "XOF",
            "XPF",
            "RWF",
            "PYG",
            "BIF",
            "DJF",
            "GNF",
            "KMF",
            "VUV",
        ],
        0,
    ),
    **dict.fromkeys(["KWD", "BHD", "OMR", "JOD", "TND", "IQD"], 3),
}
_RUPEES = {"INR": 1.0, "USD": 84.0, "EUR": 91.0, "GBP": 107.0, "AED": 22.9, "SGD": 63.0, "JPY": 0.56, "KWD": 273.0}
"""Rough and fixed: a simulator's rates must not move. Currencies not named here count 50 rupees."""


def check_currency(currency: object) -> str:
    """Raises Refusal."""
    if not isinstance(currency, str) or not currency:
        raise Refusal("The currency field is required.", field="currency")
    if currency not in EXPONENTS:
        raise Refusal("Currency is not supported", field="currency")
    return currency


def check_amount(amount: object, currency: str) -> int:
    """An amount in minor units, given as a whole number or its digits. Raises Refusal."""
    if amount is None:
        raise Refusal("The amount field is required.", field="amount")
    if isinstance(amount, str) and amount.isascii() and amount.isdigit():
        amount = int(amount)
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise Refusal("The amount must be an integer.", field="amount")
    smallest = 10 ** EXPONENTS[currency]
    if amount < smallest:
        one = f"{1:.{EXPONENTS[currency]}f}"
        raise Refusal(f"The amount must be at least {currency} {one}", field="amount")
    if EXPONENTS[currency] == 3 and amount % 10:
        raise Refusal(f"The last digit of an amount in {currency} must be 0", field="amount")
    return amount


def shown(amount: int, currency: str) -> str:
    """For people: `USD 10.00`."""
    exponent = EXPONENTS.get(currency, 2)
    whole, part = divmod(amount, 10**exponent)
    return f"{currency} {whole:,}" + (f".{part:0{exponent}d}" if exponent else "")


def in_paise(amount: int, currency: str) -> int:
    """What an amount settles as."""
    return round(amount * _RUPEES.get(currency, 50.0) * 100 / float(10 ** EXPONENTS[currency]))


def fee_and_tax(amount: int, currency: str, *, international: bool) -> tuple[int, int]:
    """In paise: 2 % at home and 3 % abroad, plus 18 % tax on it; the fee includes the tax."""
    bare = in_paise(amount, currency) * (3 if international else 2) // 100
    tax = bare * 18 // 100
    return bare + tax, tax
