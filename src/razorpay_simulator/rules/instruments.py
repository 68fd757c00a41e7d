"""The published test instruments, and what each of them does. Others are refused: nobody's real card belongs here."""

from dataclasses import dataclass

from razorpay_simulator.errors import Refusal
from razorpay_simulator.model import Failure

BANKS = {"HDFC": "HDFC Bank", "ICIC": "ICICI Bank", "SBIN": "State Bank of India", "UTIB": "Axis Bank",
         "KKBK": "Kotak Mahindra Bank", "PUNB_R": "Punjab National Bank"}  # fmt: skip
WALLETS = {"mobikwik": "MobiKwik", "freecharge": "Freecharge", "olamoney": "Ola Money", "airtelmoney": "Airtel Money",
           "jiomoney": "JioMoney", "payzapp": "PayZapp"}  # fmt: skip
METHODS = {
    "upi": "UPI",
    "card": "Card",
    "netbanking": "Net banking",
    "wallet": "Wallet",
    "international": "International card",
}
INR_RAILS = ("upi", "netbanking", "wallet")
SUCCESS_VPA, FAILURE_VPA = "success@razorpay", "failure@razorpay"


@dataclass(frozen=True, slots=True)
class TestCard:
    """A published card number; `failure` is the reason it always fails for."""

    number: str
    network: str
    label: str
    issuer: str | None = "HDFC"
    international: bool = False
    address: bool = False
    failure: str | None = None


CARDS: dict[str, TestCard] = {card.number: card for card in (
    TestCard("4100280000001007", "Visa", "Visa"),
    TestCard("5500670000001002", "MasterCard", "Mastercard"),
    TestCard("6527658900001005", "RuPay", "RuPay"),
    TestCard("36082800091007", "Diners Club", "Diners Club"),
    TestCard("340256001004007", "American Express", "American Express"),
    TestCard("5555555555554444", "MasterCard", "Mastercard", None, international=True),
    TestCard("5105105105105100", "MasterCard", "Mastercard with address", None, international=True, address=True),
    TestCard("5104060000000008", "MasterCard", "Mastercard (2)", None, international=True),
    TestCard("4012888888881881", "Visa", "Visa", None, international=True),
    TestCard("4718609108204366", "Visa", "Visa for subscriptions"),
    TestCard("5104015555555558", "MasterCard", "Mastercard for subscriptions"),
    TestCard("4100280000090000", "Visa", "times out", failure="payment_timed_out"),
    TestCard("4100280000080001", "Visa", "insufficient funds", failure="insufficient_fund"),
    TestCard("4100280000070002", "Visa", "cancelled", failure="payment_cancelled"),
    TestCard("4100280000060003", "Visa", "declined", failure="card_declined"),
    TestCard("4100280000030006", "Visa", "not enabled online", failure="card_disabled_for_online_payments"),
    TestCard("4100280000010008", "Visa", "invalid card", failure="card_number_invalid"),
    TestCard("4100280000020007", "Visa", "technical error at the gateway", failure="gateway_technical_error"),
    TestCard("4100280000000009", "Visa", "authentication fails", failure="authentication_failed"),
)}  # fmt: skip
_BAD, _GATEWAY = "BAD_REQUEST_ERROR", "GATEWAY_ERROR"
_FAILURES: dict[str, tuple[str, str, str, str]] = {
    "payment_failed": (_BAD, "Your payment did not succeed at the bank.", "bank", "payment_authorization"),
    "payment_timed_out": (_BAD, "The payment was not completed in time.", "customer", "payment_authentication"),
    "payment_cancelled": (_BAD, "You cancelled the payment.", "customer", "payment_authentication"),
    "invalid_otp": (_BAD, "The OTP you entered is not correct.", "customer", "payment_authentication"),
    "insufficient_fund": (_BAD, "There is not enough money in the account.", "customer", "payment_authorization"),
    "card_declined": (_BAD, "The card was declined by its bank.", "issuer", "payment_authorization"),
    "card_disabled_for_online_payments": (
        _BAD, "The card is not enabled for online payments.", "issuer", "payment_authorization"),
    "card_number_invalid": (_BAD, "The card number is not valid.", "customer", "payment_initiation"),
    "gateway_technical_error": (
        _GATEWAY, "The gateway had a technical problem.", "gateway", "payment_authorization"),
    "authentication_failed": (
        _BAD, "The bank could not authenticate the cardholder.", "issuer", "payment_authentication"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What somebody pays with, checked. `next` is the page that decides: otp, bank, or done at once."""

    method: str
    next: str
    vpa: str | None = None
    bank: str | None = None
    wallet: str | None = None
    card: TestCard | None = None
    cardholder: str = ""
    failure: Failure | None = None


def failure(reason: str) -> Failure:
    """Raises KeyError for a reason that has no sentence."""
    code, description, source, step = _FAILURES[reason]
    return Failure(code=code, description=description, source=source, step=step, reason=reason)


def reasons() -> tuple[str, ...]:
    return tuple(_FAILURES)


def read(method: str, fields: dict[str, str]) -> Instrument:
    """What was typed into a form of Checkout. Raises Refusal, whose field is the one to correct."""
    match method:
        case "upi":
            return _upi(fields.get("vpa", ""))
        case "card" | "international":
            return _card(fields, international=method == "international")
        case "netbanking":
            return _at_bank("netbanking", "bank", fields.get("bank", ""), BANKS)
        case "wallet":
            return _at_bank("wallet", "wallet", fields.get("wallet", ""), WALLETS)
    raise Refusal("Choose a way to pay.", field="method")


def _upi(vpa: str) -> Instrument:
    vpa = vpa.strip().lower()
    if vpa not in {SUCCESS_VPA, FAILURE_VPA}:
        raise Refusal(f"Here only {SUCCESS_VPA} and {FAILURE_VPA} are known.", field="vpa")
    failed = failure("payment_failed") if vpa == FAILURE_VPA else None
    return Instrument(method="upi", next="done", vpa=vpa, failure=failed)


def _at_bank(method: str, field: str, chosen: str, known: dict[str, str]) -> Instrument:
    if chosen not in known:
        raise Refusal(f"Choose a {field}.", field=field)
    if field == "bank":
        return Instrument(method=method, next="bank", bank=chosen)
    return Instrument(method=method, next="bank", wallet=chosen)


def _card(fields: dict[str, str], *, international: bool) -> Instrument:
    number = "".join(fields.get("number", "").replace("-", " ").split())
    card = CARDS.get(number)
    if card is None:
        raise Refusal("Use one of the test cards: no money moves here, and no real card is wanted.", field="number")
    if international and not card.international:
        raise Refusal("This is an Indian card: pay with it under Card.", field="number")
    _check_printed(fields, card)
    if card.address and not all(fields.get(line, "").strip() for line in ("line1", "city", "zipcode", "country")):
        raise Refusal("This card needs its billing address.", field="line1")
    failed = failure(card.failure) if card.failure else None
    # An Indian card asks for the OTP of its bank, one from abroad for the bank's own page.
    following = "done" if failed else "bank" if card.international else "otp"
    return Instrument(
        method="card", next=following, card=card, cardholder=fields.get("cardholder", "").strip(), failure=failed
    )


def _check_printed(fields: dict[str, str], card: TestCard) -> None:
    month, _, year = fields.get("expiry", "").replace(" ", "").partition("/")
    if not (month.isdigit() and 1 <= int(month) <= 12 and year.isdigit() and len(year) in {2, 4}):
        raise Refusal("Write the expiry as month and year, such as 12/30.", field="expiry")
    digits = 4 if card.network == "American Express" else 3
    cvv = fields.get("cvv", "").strip()
    if not (cvv.isdigit() and len(cvv) == digits):
        raise Refusal(f"The CVV has {digits} digits.", field="cvv")
