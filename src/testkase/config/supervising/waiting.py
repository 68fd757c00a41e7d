"""Waiting for a server to say that it is ready."""

import http.client
import time
from collections.abc import Callable


def wait_for(host: str, port: int, path: str, *, alive: Callable[[], bool], timeout_seconds: float) -> bool:
    """Whether the path answered 200 in time; False also as soon as `alive` says that waiting is in vain."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if _answers(host, port, path):
            return True
        if not alive():
            return False
        time.sleep(0.05)
    return False


def _answers(host: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
