"""Where a process of ours writes its log under `make run`."""

from pathlib import Path
from typing import BinaryIO

_LARGE_BYTES = 20_000_000


def open_log(path: Path) -> BinaryIO:
    """For a process that is being started; what came before is kept once beside it when it has grown large. At each
    start, not only at the first: what fails at once is started thousands of times a day."""
    if path.exists() and path.stat().st_size > _LARGE_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
