"""Somebody without a mouse."""

from playwright.sync_api import Locator, Page, expect

_FURTHEST = 80
_HAS_FOCUS = "element => element === document.activeElement"


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, as somebody does who sees where it is."""
    expect(target).to_be_visible()
    for _ in range(_FURTHEST):
        if target.evaluate(_HAS_FOCUS):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{target} cannot be reached with the keyboard")
