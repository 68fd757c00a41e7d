"""(g) Whether pages and lists stay as fast when a thousand times as many interactions stand behind them."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = "statement as PDF"
"""Several printed pages, made once a month: as long as there are days to print."""

_TIMES = 20


@dataclass(frozen=True, slots=True)
class Growth:
    """Milliseconds of each page over a short and over a long history: medians of server time, and processor time."""

    short: int
    long: int
    medians: Mapping[str, tuple[float, float]]
    processor: Mapping[str, tuple[float, float]]
    plans: Path
    """Every statement's plan over the long history, as PostgreSQL ran it."""

    @property
    def worst(self) -> tuple[str, float]:
        """The page that grows most, and how much: by processor time, which other work disturbs least."""
        ratios = {name: long / short for name, (short, long) in self.processor.items() if name != DOCUMENT}
        name = max(ratios, key=ratios.__getitem__)
        return name, ratios[name]


def measure_growth(rows: Sequence[int], folder: Path) -> Growth | None:
    """None where there is nothing to compare. Raises RuntimeError when the pages cannot be measured."""
    if len(rows) < 2:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    plans = folder / "pages-plans.txt"
    short, long = _measured(rows[0], folder, None), _measured(rows[-1], folder, plans)
    both = [name for name in short if name in long]
    return Growth(
        short=rows[0],
        long=rows[-1],
        medians={name: (short[name]["median_ms"], long[name]["median_ms"]) for name in both},
        processor={name: (short[name]["processor_ms"], long[name]["processor_ms"]) for name in both},
        plans=plans,
    )


def _measured(rows: int, folder: Path, plans: Path | None) -> dict[str, dict[str, float]]:
    """In a process of its own: Django is set up for one database."""
    kept = folder / f"pages-{rows}.json"
    kept.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bench.pages", "--rows", str(rows), "--times", str(_TIMES), "--keep", str(kept)]
    if plans is not None:
        command += ["--explain", str(plans)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not kept.exists():
        raise RuntimeError(f"the pages could not be measured: {done.stderr[-500:]}")
    figures: dict[str, dict[str, float]] = json.loads(kept.read_text())
    return figures
