"""Campaigns at the size of seconds, to hunt one mutant with: `python -m campaigns.mutants.slices NAME`.

Runs in a process of its own, whose source is the mutant's. Exit code 1 and the first fault on standard output where
something was found; where nothing was, 0. What a slice does not need is not imported: there is a process for each.
"""

import sys
import traceback
from importlib import import_module

WITHOUT_A_DATABASE = {"simulate", "calendar", "money-back on the model"}
SLICES = WITHOUT_A_DATABASE | {
    "simulate-postgres",
    "rush",
    "money-back",
    "payments",
    "lost-reports",
    "row-security",
    "tamper",
}


def main(name: str) -> int:
    """Run one until its first fault. One that breaks off has found something."""
    where = "in_memory" if name in WITHOUT_A_DATABASE else "on_postgres"
    slices = import_module(f"campaigns.mutants.slices_{where}")
    try:
        fault = next(slices.SLICES[name](), None)
    except Exception:  # noqa: BLE001 - as above
        fault = f"broke off: {traceback.format_exc().strip().splitlines()[-1]}"
    if fault is not None:
        print(fault.splitlines()[0][:500])
    return 1 if fault is not None else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
