"""What holds for every test of the product."""

import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, settings

from tests.support import processes
from tests.support.browsers import found
from tests.support.forks import Fork

pytest_plugins = ["tests.support.fixtures"]

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # how fast a busy machine draws examples says nothing of what is tested

_PATIENCE_SECONDS = 60
_HERE = Path(__file__).parent
_BROWSER_TESTS = _HERE / "browser"
_LONGEST = [
    _HERE / name
    for name in (
        "browser/test_ai_matrix.py",
        "integration/test_supervisor.py",
        "browser/test_generation.py",
        "integration/operations/test_backup.py",
        "integration/test_worker.py",
        "integration/operations/test_upgrade.py",
        "integration/campaigns/test_slices.py",
        "browser/test_every_page.py",
        "integration/tenants/test_pages.py",
        "integration/bench/test_quick.py",
        "contract/embedded/test_embedded_model.py",
    )
]
"""Files that take longest, the longest first, whether they work or wait."""


@pytest.fixture(scope="session", autouse=True)
def _nobodys_certificates() -> Iterator[None]:
    """Tests talk to this machine alone. Each client of httpx would read the certificates of the whole world anew, which
    takes longer than most tests."""
    with tempfile.TemporaryDirectory() as nothing, pytest.MonkeyPatch.context() as patched:
        patched.setenv("SSL_CERT_DIR", nothing)
        yield


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """A machine that has much to do is no fault of the product: who names no time waits longer than httpx's five
    seconds, in which a process may still be loading what its first page needs."""
    with pytest.MonkeyPatch.context() as patched:
        for wait in ("connect", "read", "write", "pool"):
            patched.setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, wait, _PATIENCE_SECONDS)
        yield


@pytest.fixture(scope="session", autouse=True)
def _forks() -> Iterator[None]:
    """Processes of the product are forked from one that has loaded it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(processes, "starter", Fork)
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that no worker is left with one of them while the others have finished."""
    long = {item.path for item in items if item.get_closest_marker("slow") or item.path.is_relative_to(_BROWSER_TESTS)}
    ranks = {path: rank for rank, path in enumerate(_LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks) + (item.path not in long)))
    _skip_without_browser(items)


def pytest_collection() -> None:
    """The product and thousands of tests are there to stay: looking them through for garbage again and again is a third
    of the time it takes to read them, and a tenth of a run."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()  # with what little of it is garbage: looking for that takes half a second of every process
    gc.set_threshold(10_000)
    gc.enable()


def _skip_without_browser(items: list[pytest.Item]) -> None:
    """Without a Chromium the browser tests are skipped, saying why; on CI they fail instead."""
    if found() is None and not os.environ.get("CI"):
        missing = pytest.mark.skip(reason="there is no Chromium: install it, or name one in CHROMIUM")
        for item in items:
            if item.path.is_relative_to(_BROWSER_TESTS):
                item.add_marker(missing)
