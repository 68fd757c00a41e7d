"""The texts of a run, report by report, under one interaction."""

from typing import TYPE_CHECKING

from testkase.core.ledger.refusals import AiDisabled, InsufficientCredits
from testkase.foundation.problems import Problem
from testkase.services.features.reports.model import Facts, Narrative
from testkase.services.features.reports.narrative.writing import Writer
from testkase.services.features.reports.progress import Journal
from testkase.services.features.running.cancelling import Cancelled
from testkase.services.inference import ModelEntry
from testkase.services.metering.problems import CutOff

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction

Todo = list[tuple[int, Facts]]
"""Reports without a text, with what was found."""

REFUSED = (
    "What the model wrote did not keep to the facts, so it is not shown. The facts stand, and the text cost nothing."
)
_ENDS_ALL = (AiDisabled, InsufficientCredits, CutOff)
"""No report after it could get its text."""


async def write_texts(
    team: int, todo: Todo, entry: ModelEntry, *, interaction: "Interaction", journal: Journal
) -> str | None:
    """Write them one after the other; answers why it ended early, if it did. A report that stays without a text costs
    nothing; those that have theirs are charged. Raises Cancelled: what the model has used for a text by then is charged
    as well."""
    for report_id, facts in todo:
        await journal.begin(facts.kind)
        writer = Writer(facts, interaction, journal.writing)
        narrative: Narrative | None = None
        error = REFUSED
        try:
            narrative = await (writer.small(team) if entry.small else writer.large(entry.max_output_tokens))
        except Cancelled:
            raise
        except _ENDS_ALL as problem:
            writer.forgive()
            return problem.detail
        except Problem as problem:
            error = problem.detail
        if narrative is None:
            writer.forgive()
            await journal.no_text(report_id, error)
        else:
            await journal.text(report_id, narrative, await writer.used())
    return None
