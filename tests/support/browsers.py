"""Which Chromium of the system the tests use."""

import os
import shutil

# The first shows the same pages, cannot open windows, and takes a third of the time.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def found() -> str | None:
    """Its path: what `CHROMIUM` names, or the best that is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
