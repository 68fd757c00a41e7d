"""A model's wish to look something up: checked against the tool's schema, carried out as the asking person, bounded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import psycopg

from testkase.foundation.database import Database, Operation, Statement
from testkase.services.features.chat.tools import reading
from testkase.services.features.chat.tools.access import FACTS, must_be_allowed
from testkase.services.features.chat.tools.model import Found, Place
from testkase.services.inference import Tool, ToolCall, ToolCallUnreadable

PATIENCE_MS = "5000"
"""Of one statement of a look-up."""
RESULT_BYTES = 2_800
"""Of one result, as the model is sent it."""

Words = Annotated[str, msgspec.Meta(max_length=300, description="Words to look for, in any order.")]
FolderName = Annotated[str, msgspec.Meta(max_length=300, description="A folder's name or path, as it was returned.")]
CaseKey = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9]{1,9}-[0-9]{1,9}$")]
CycleNumber = Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class NoArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class SearchArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: Words = ""
    status: Literal["draft", "ready", "deprecated"] | None = None
    priority: Literal["low", "medium", "high", "critical"] | None = None
    folder: FolderName = ""


class CaseArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: CaseKey


class CyclesArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: Literal["planned", "running", "finished"] | None = None


class CycleArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cycle: CycleNumber


class FailuresArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cycle: CycleNumber | None = None


class CoverageArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: Words = ""
    folder: FolderName = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """A tool: what it is called with, and what it does. `doing` is shown to people meanwhile."""

    arguments: type[msgspec.Struct]
    read: Callable[..., Operation[Found]]
    doing: str
    description: str


LOOK_UPS: dict[str, LookUp] = {
    "search_cases": LookUp(
        arguments=SearchArguments, read=reading.search_cases, doing="Searching test cases",
        description="Find test cases of this project by words, status, priority or folder. Best matches first.",
    ),
    "get_case": LookUp(
        arguments=CaseArguments, read=reading.get_case, doing="Reading a test case",
        description="One test case in full by its key: preconditions, steps, and its results in the newest cycles.",
    ),
    "list_cycles": LookUp(
        arguments=CyclesArguments, read=reading.cycles, doing="Looking through the cycles",
        description="The newest test cycles with their numbers, names, states and progress.",
    ),
    "cycle_progress": LookUp(
        arguments=CycleArguments, read=reading.cycle_progress, doing="Looking at a cycle",
        description="How far one cycle is, by its number.",
    ),
    "flaky_cases": LookUp(
        arguments=NoArguments, read=reading.flaky_cases, doing="Looking for flaky test cases",
        description="Test cases whose result changed between passed and failed at least twice in 90 days.",
    ),
    "coverage_gaps": LookUp(
        arguments=CoverageArguments, read=reading.coverage_gaps, doing="Looking for gaps",
        description="Which kinds of test cases are missing, and which were never executed, by folder; `text` narrows it"
        " to a requirement.",
    ),
    "recent_failures": LookUp(
        arguments=FailuresArguments, read=reading.recent_failures, doing="Looking at failures",
        description="Test cases that stand as failed, the latest first, with comments and defects.",
    ),
    "counts": LookUp(
        arguments=NoArguments, read=reading.counts, doing="Counting",
        description="How many test cases, folders and cycles there are, by status, priority and kind.",
    ),
}  # fmt: skip


def _schema(arguments: type[msgspec.Struct]) -> Mapping[str, Any]:
    """The arguments' schema in one piece, as providers take it."""
    whole = msgspec.json.schema(arguments)
    schema: dict[str, Any] = dict(whole["$defs"][arguments.__name__])
    schema.pop("title", None)
    return schema


TOOLS: tuple[Tool, ...] = tuple(
    Tool(name=name, description=one.description, parameters=_schema(one.arguments)) for name, one in LOOK_UPS.items()
)


class Refused(msgspec.Struct, frozen=True):
    """A call that was not carried out, in words for the model."""

    error: str


class Desk:
    """Carries look-ups out for one person in one project."""

    def __init__(self, database: Database, place: Place) -> None:
        self._database = database
        self._place = place

    async def call(self, call: ToolCall) -> Found | Refused:
        """What the model asked for. Raises NotYourProject; anything else that is wrong is told to the model."""
        known = LOOK_UPS.get(call.name)
        if known is None:
            return Refused(f"There is no tool of that name. Tools: {', '.join(LOOK_UPS)}.")
        try:
            arguments = msgspec.convert(call.parsed(), known.arguments)
        except ToolCallUnreadable:
            return Refused("The arguments are no JSON object.")
        except msgspec.ValidationError as error:
            return Refused(f"The arguments do not fit the schema: {str(error)[:200]}")
        return await self.read(known, **msgspec.structs.asdict(arguments))

    async def read(self, look_up: LookUp, **arguments: Any) -> Found | Refused:
        """Carry it out, the right to it asked first in the same transaction. Raises NotYourProject."""
        try:
            return await self._database.run(self._looking(look_up, arguments), org_id=self._place.org_id)
        except psycopg.errors.QueryCanceled:
            return Refused("This took too long. Ask for less.")

    def _looking(self, look_up: LookUp, arguments: Mapping[str, Any]) -> Operation[Found]:
        yield from must_be_allowed(self._place)
        yield Statement(FACTS["patience"], {"milliseconds": PATIENCE_MS})
        return (yield from look_up.read(self._place, **arguments))


def told(result: Found | Refused) -> str:
    """A result for the model: JSON, in which nobody's words can pass for anything but a value."""
    if isinstance(result, Refused):
        return msgspec.json.encode(result).decode()
    rows = list(result.rows)
    while True:
        content = msgspec.json.encode({"facts": result.facts, "rows": rows}).decode()
        if len(content.encode()) <= RESULT_BYTES or not rows:
            return content
        rows.pop()
