"""How somebody pays in the simulator's checkout, method by method."""

from playwright.sync_api import FrameLocator

METHODS = ("upi", "card", "netbanking", "wallet", "international")
_TABS = {"netbanking": "Net banking", "wallet": "Wallet"}
_CARDS = {"card": "4100 2800 0000 1007", "international": "4012 8888 8888 1881"}


def pay(frame: FrameLocator, method: str, amount: str = "USD 10.00", *, fails: bool = False) -> None:
    """Go through all the steps of a method; `fails`: take the turning at which each of them fails."""
    if method == "upi":
        if fails:
            frame.get_by_role("button", name="failure@razorpay").click()
        frame.get_by_role("button", name=f"Pay {amount}").click()
    elif method == "card":
        _card(frame, "Card", _CARDS[method], amount)
        frame.get_by_label("One-time password").fill("12" if fails else "1234")
        frame.get_by_role("button", name="Confirm").click()
    elif method == "international":
        _card(frame, "International card", _CARDS[method], amount)
        _bank_page(frame, fails)
    else:
        frame.get_by_role("link", name=_TABS[method]).click()
        frame.get_by_role("button", name="Continue").click()
        _bank_page(frame, fails)


def _card(frame: FrameLocator, tab: str, card: str, amount: str) -> None:
    frame.get_by_role("link", name=tab, exact=True).click()
    frame.get_by_text("Test cards").click()
    frame.get_by_role("button", name=card).click()
    frame.get_by_role("button", name=f"Pay {amount}").click()


def _bank_page(frame: FrameLocator, fails: bool) -> None:
    frame.get_by_role("button", name="Failure" if fails else "Success").click()
