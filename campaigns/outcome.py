"""What a campaign found."""

from dataclasses import dataclass, field

_TOLD = 300
"""Characters of a fault on the line; its report has all of it."""


@dataclass(slots=True)
class Outcome:
    """Figures for the line of result, and whatever should not have happened."""

    name: str
    seed: int
    figures: dict[str, int | float | str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    stopped_at: int | None = None
    """How far a run came that was told to stop, of what its size counts: what `--after` goes on from."""
    table: str = ""
    """More than a line can say, as Markdown; for the report, and for the page where it has a place of this name."""

    @property
    def line(self) -> str:
        """One line: what was done and whether it held."""
        told = ", ".join(
            f"{value:,} {name}" if isinstance(value, int) else f"{name} {value}" for name, value in self.figures.items()
        )
        if self.stopped_at is not None:
            told += f", stopped: go on with --after {self.stopped_at}"
        begun = [f"{fault.splitlines()[0][:_TOLD]}" for fault in self.faults[:5]]
        verdict = "0 faults" if not self.faults else f"{len(self.faults)} FAULTS: {'; '.join(begun)}"
        return f"{self.name}: {told}, {verdict} (seed {self.seed})"
