"""What holds for every test of the product."""

import os
from pathlib import Path

import pytest

from tests.support.browsers import found

pytest_plugins = ["tests.support.fixtures"]

_BROWSER_TESTS = Path(__file__).parent / "browser"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that no worker is left with one of them while the others have finished."""
    long = {item.path for item in items if item.get_closest_marker("slow") or item.path.is_relative_to(_BROWSER_TESTS)}
    items.sort(key=lambda item: item.path not in long)
    _skip_without_browser(items)


def _skip_without_browser(items: list[pytest.Item]) -> None:
    """Without a Chromium the browser tests are skipped, saying why; on CI they fail instead."""
    if found() is None and not os.environ.get("CI"):
        missing = pytest.mark.skip(reason="there is no Chromium: install it, or name one in CHROMIUM")
        for item in items:
            if item.path.is_relative_to(_BROWSER_TESTS):
                item.add_marker(missing)
