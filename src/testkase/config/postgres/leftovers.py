"""What a killed run leaves behind: a server still shutting down, and lock files that name a process long gone.

PostgreSQL believes a lock file whose process id is alive, whoever uses that id by now; in a container the numbers
come round quickly. The caller holds the lock on the data folder, so no other run of ours is using it.
"""

import os
import signal
import time
from pathlib import Path

_PROC = Path("/proc")


def clear_leftovers(cluster: Path, socket_lock: Path, *, patience_seconds: float = 30) -> None:
    """Wait for servers of this cluster to end (then end them), and remove lock files nobody holds."""
    servers = _servers_of(cluster)
    asked_at = time.monotonic()
    for process in servers:
        _send(process, signal.SIGINT)
    while servers := _servers_of(cluster):
        if time.monotonic() - asked_at > patience_seconds:
            for process in servers:
                _send(process, signal.SIGKILL)
        time.sleep(0.05)
    for lock in (cluster / "postmaster.pid", socket_lock):
        if _PROC.is_dir() or not _alive(lock):
            lock.unlink(missing_ok=True)


def _servers_of(cluster: Path) -> list[int]:
    """Processes named postgres whose working directory is the cluster. Empty where the system has no /proc."""
    found = []
    for process in _PROC.glob("[0-9]*") if _PROC.is_dir() else ():
        try:
            if (process / "comm").read_text().strip() == "postgres" and (process / "cwd").samefile(cluster):
                found.append(int(process.name))
        except OSError:
            continue  # it ended meanwhile, or is not ours to look at
    return found


def _alive(lock: Path) -> bool:
    try:
        os.kill(abs(int(lock.read_text().split()[0])), 0)
    except (OSError, ValueError, IndexError):
        return False
    return True


def _send(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return
