"""Valid answers of every kind of provider, bent: a value replaced by another, or a key dropped."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from testkase.services.inference.model import Kind

FOLDER = Path(__file__).parent.parent / "contract" / "golden"
KINDS: dict[str, Kind] = {"anthropic": "anthropic", "gemini": "gemini", "azure": "azure"}
DROPPED = object()
OTHER_VALUES = [
    DROPPED, None, True, False, 0, -1, 1, 10**18, 10**60, 0.5, 1e300, "", "7", "\x00", "error", [], [[]], [7], ["stop"],
    {}, {"type": "error"}, {"message": ["no"]}, json.loads("[" * 300 + "]" * 300),
]  # fmt: skip


class Recorded:
    """A recorded answer: its kind, whether it streams, and what was sent, event by event."""

    def __init__(self, file: Path) -> None:
        golden = json.loads(file.read_text(encoding="utf-8"))
        self.kind: Kind = KINDS.get(file.parent.name, "openai")
        self.stream: bool = golden["stream"]
        self.sent: list[Any] = golden["events"] if self.stream else [golden["answer"]]


RECORDED = [Recorded(file) for file in sorted(FOLDER.rglob("*.json"))]


@st.composite
def bent(draw: st.DrawFn) -> tuple[Recorded, list[bytes]]:
    """A recorded answer and its payloads after one to three of its values became something else."""
    recorded = draw(st.sampled_from(RECORDED))
    sent = copy.deepcopy(recorded.sent)
    for _ in range(draw(st.integers(1, 3))):
        if places := list(_places(sent)):
            holder, key = draw(st.sampled_from(places))
            _bend(holder, key, draw(st.sampled_from(OTHER_VALUES)))
    return recorded, [one.encode() if isinstance(one, str) else json.dumps(one).encode() for one in sent]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value inside, as what holds it and its key there."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _bend(holder: Any, key: Any, value: Any) -> None:
    if value is DROPPED:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(value)
