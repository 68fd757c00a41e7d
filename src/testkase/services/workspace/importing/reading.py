"""From a file's bytes to its items, whatever kind it is; what a file says twice counts once."""

from collections.abc import Callable

from testkase.foundation.problems import InvalidInput
from testkase.services.workspace.content import folded
from testkase.services.workspace.importing.csv_file import read_csv
from testkase.services.workspace.importing.gherkin_file import read_gherkin
from testkase.services.workspace.importing.junit_file import read_json, read_junit
from testkase.services.workspace.importing.model import MAX_BYTES, CaseItem, ImportKind, Item, Unreadable

_READERS: dict[ImportKind, Callable[[bytes], list[Item]]] = {
    "csv": read_csv,
    "gherkin": read_gherkin,
    "junit": read_junit,
    "json": read_json,
}
_ENDINGS: tuple[tuple[str, ImportKind], ...] = (
    (".csv", "csv"),
    (".tsv", "csv"),
    (".feature", "gherkin"),
    (".xml", "junit"),
)


def kind_of(file_name: str) -> ImportKind:
    """By the end of its name. Raises InvalidInput for any other."""
    name = file_name.lower()
    for ending, kind in _ENDINGS:
        if name.endswith(ending):
            return kind
    raise InvalidInput("Choose a .csv, .feature or .xml file.", field="file")


def check_size(content: bytes) -> None:
    """Raises InvalidInput for an empty file and for one that is too large."""
    if not content:
        raise InvalidInput("The file is empty.", field="file")
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"The file is larger than {MAX_BYTES // 1024**2} MB. Split it up.", field="file")


def read_items(kind: ImportKind, content: bytes) -> list[Item]:
    """Raises InvalidInput for a file that cannot be read at all."""
    check_size(content)
    items = _READERS[kind](content)
    if not items:
        raise InvalidInput("There is nothing in this file to import.", field="file")
    return _once(items)


def _once(items: list[Item]) -> list[Item]:
    """A case that stands in the file a second time is left out: it would overwrite the first."""
    seen: dict[tuple[str, ...], int] = {}
    kept: list[Item] = []
    for item in items:
        known = None
        if isinstance(item, CaseItem):
            names = _names(item)
            known = next((seen[name] for name in names if name in seen), None)
            for name in names:
                seen.setdefault(name, item.line)
        reason = f"It stands in the file already, on line {known}."
        kept.append(Unreadable(line=item.line, title=item.title, reason=reason) if known is not None else item)
    return kept


def _names(item: CaseItem) -> list[tuple[str, ...]]:
    """By which a case is recognized."""
    found: list[tuple[str, ...]] = []
    if item.key:
        found.append(("key", item.key))
    else:
        found.append(("title", folded(item.folder or ""), folded(item.title)))
    if automation := item.fields.get("automation_id"):
        found.append(("automation", str(automation)))
    return found
