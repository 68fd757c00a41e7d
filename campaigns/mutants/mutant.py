"""A planted mistake: what is wrong with it, and which text of which file becomes which other."""

from dataclasses import dataclass
from pathlib import Path

from campaigns.report import ROOT

SOURCE = ROOT / "src"


class Stale(Exception):
    """The source has changed, and the patch no longer applies exactly once."""


@dataclass(frozen=True, slots=True)
class Patch:
    """`old` stands exactly once in the file."""

    file: str
    """Below src/testkase."""
    old: str
    new: str

    def applied(self, text: str) -> str:
        """The file with the mistake. Raises Stale."""
        if text.count(self.old) != 1 or self.new == self.old:
            raise Stale(f"{self.file} has {self.old!r} {text.count(self.old)} times")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake, in one place or in several that belong together."""

    name: str
    what: str
    """In a few words, as somebody would report it."""
    patches: tuple[Patch, ...]
    hunted_by: tuple[str, ...]
    """Slices of campaigns to try, the quickest first."""

    @property
    def files(self) -> str:
        return ", ".join(dict.fromkeys(patch.file for patch in self.patches))

    def plant(self, tree: Path) -> None:
        """Into a copy of src. Raises Stale."""
        for patch in self.patches:
            path = tree / "testkase" / patch.file
            path.write_text(patch.applied(path.read_text()))


def rule(name: str, what: str, file: str, old: str, new: str) -> Mutant:
    """A mistake in one of the ledger's rules, which the simulation in memory must find."""
    return Mutant(name, what, (Patch(f"core/ledger/{file}", old, new),), ("simulate",))


def check(mutant: Mutant) -> None:
    """Whether it still applies. Raises Stale."""
    texts: dict[str, str] = {}
    for patch in mutant.patches:
        text = texts.get(patch.file) or (SOURCE / "testkase" / patch.file).read_text()
        texts[patch.file] = patch.applied(text)
