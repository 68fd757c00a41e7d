"""A PostgreSQL for campaigns that ask what is right rather than what survives: in memory where there is room, not
durable, with databases copied from a migrated template."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster import Cluster

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 1024**3


@contextmanager
def fast_cluster() -> Iterator[Cluster]:
    """Started when it is entered, gone with its folder afterwards."""
    in_memory = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    with tempfile.TemporaryDirectory(dir=_MEMORY if in_memory else None, prefix="testkase-campaign-") as folder:
        cluster = Cluster(Path(folder))
        try:
            yield cluster
        finally:
            cluster.stop()
