"""The saved report of a run: for programs as JSON, for people as Markdown, both with the command that replays it."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from campaigns.campaign import Campaign
from campaigns.outcome import Outcome

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run."""

    campaign: str
    line: str
    size: int
    counts: str
    seed: int
    after: int
    figures: dict[str, int | float | str]
    faults: list[str]
    table: str
    began: str
    seconds: float
    replay: str
    revision: str
    machine: dict[str, str]

    def save(self, folder: Path) -> Path:
        """Write both files; where the one for people is."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self.campaign}-{self.seed}-{self.began.translate(str.maketrans('', '', '-:'))}"
        (folder / f"{name}.json").write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")
        written = folder / f"{name}.md"
        written.write_text(self.text())
        return written

    def text(self) -> str:
        """For people."""
        faults = [f"{number}. {fault}" for number, fault in enumerate(self.faults, start=1)] or ["None."]
        return "\n".join((
            f"# {self.campaign}: {self.size:,} {self.counts}", "", self.line, "",
            f"Repeat it with `{self.replay}`.", "", "| | |", "|---|---|",
            f"| began | {self.began} |", f"| took | {self.seconds:,.1f} s |", f"| revision | {self.revision} |",
            *(f"| {name} | {value} |" for name, value in self.machine.items()),
            *(f"| {name} | {told(value)} |" for name, value in self.figures.items()), "", "## Faults", "", *faults, "",
            *([self.table, ""] if self.table else []),
        ))  # fmt: skip


def report(campaign: Campaign, outcome: Outcome, *, size: int, after: int, began: datetime, load_before: str) -> Report:
    """What there is to keep of a run that just ended."""
    further = f" --after {after}" if after else ""
    return Report(
        campaign=campaign.name, line=outcome.line, size=size, counts=campaign.counts, seed=outcome.seed, after=after,
        figures=outcome.figures, faults=outcome.faults, table=outcome.table, began=began.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=round((datetime.now(UTC) - began).total_seconds(), 3),
        replay=f"testkase campaign {campaign.name} --size {size} --seed {outcome.seed}{further}",
        revision=_revision(),
        machine={
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
            "Python": platform.python_version(), "load before": load_before, "load after": load(),
        },
    )  # fmt: skip


def load() -> str:
    """How busy the machine is: processes that want to run, over one, five and fifteen minutes."""
    return ", ".join(f"{average:.2f}" for average in os.getloadavg())


def told(value: float | str) -> str:
    """A figure for people."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _revision() -> str:
    """Of the source. Pages, on which this result may be noted, are no part of what was tried."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return (f"{commit}-dirty" if changed else commit) or "unknown"


def _git(*asked: str) -> str:
    try:
        return subprocess.run(
            ["git", "-C", str(ROOT), *asked], capture_output=True, text=True, check=False
        ).stdout.strip()
    except OSError:
        return ""
