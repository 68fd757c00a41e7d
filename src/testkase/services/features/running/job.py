"""What a feature brings along for its job."""

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from testkase.core.ledger.model import Subject
from testkase.foundation.database import Operation
from testkase.services.metering.settle import own_id

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction


EVERY_SECONDS = 0.4
"""How often at most a job writes down how far it is, and looks whether it is to end. Its page asks about as often."""

EndedBy = Literal["", "cancelled"]
"""Why a job ended before its end, where somebody had asked for that."""


class Superseded(Exception):  # noqa: N818 - an event, not an error
    """Another run of the same job has begun; this one must write no more and charge nothing."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a job. `name` is unique in the organization for ever, such as `generation-7`."""

    org_id: int
    name: str
    number: int
    earlier_hold: str | None
    """The hold of the run before this one, which was killed."""
    subject: Subject
    model: str

    @property
    def hold_id(self) -> str:
        """Known before the hold is opened, and written down, so that the next run finds it."""
        return own_id(f"{self.name}-{self.number}")


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended. `charged` in micro-credits; `error` in words for people."""

    charged: int = 0
    receipt: int | None = None
    error: str | None = None
    switched_off: bool = False


class Worked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the model's work. `useless`: nothing that anybody can use, so nothing is charged (B10)."""

    error: str | None = None
    useless: bool = False


class Most(msgspec.Struct, frozen=True, kw_only=True):
    """The most tokens all calls together can take: what the hold is for."""

    input_tokens: int
    output_tokens: int


class Job(Protocol):
    """One run of one job of a feature."""

    @property
    def attempt(self) -> Attempt: ...

    def allowed(self) -> Operation[None]:
        """Raises NoLongerAllowed."""
        ...

    async def prepare(self) -> Most | None:
        """Everything that has to be known before credits are held; None where nothing is left to be done."""
        ...

    def name_hold(self) -> Operation[bool]:
        """Write the hold's id down; False when another run has begun."""
        ...

    async def work(self, interaction: "Interaction") -> Worked:
        """Call the model and keep what it brings. Raises Superseded."""
        ...

    def finish(self, ending: Ending) -> Operation[None]:
        """The end of this run and of the job. Where another run has begun, or all was erased, nothing happens."""
        ...
