"""CPU time of processes and of whole process trees, and their memory, from /proc."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def process_seconds(pid: int) -> float:
    """User and system seconds of a process and of its children that have ended."""
    return sum(_fields(pid)[11:15]) * _TICK_SECONDS


def tree_seconds(pid: int) -> float:
    """The same over the process and all its descendants: PostgreSQL is a process, of one thread, per connection. Finer,
    because many of them may each have done little."""
    return sum(_scheduled_seconds(each) + sum(_fields(each)[13:15]) * _TICK_SECONDS for each in _tree(pid))


def resident_megabytes(pid: int) -> float:
    """Resident memory of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _scheduled_seconds(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def _tree(root: int) -> Iterator[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            children[_fields(int(folder.name))[1]].append(int(folder.name))
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children[pid]


def _fields(pid: int) -> list[int]:
    """The numbers of /proc/<pid>/stat from the third on (state as 0); zeros for a process that has gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return [0] * 50
    return [int(field) if field.lstrip("-").isdigit() else 0 for field in text.rpartition(")")[2].split()]
