"""Carrying a job out: clear up after a run that was killed, ask whether it may still be, hold, work, settle, finish."""

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from testkase.core.ledger.commands import VoidHold
from testkase.core.ledger.queries import hold
from testkase.core.ledger.refusals import AiDisabled, HoldNotFound, HoldResolved, InsufficientCredits
from testkase.foundation.database import Database
from testkase.foundation.problems import Problem, Unavailable
from testkase.services.features.running.job import Attempt, Ending, Job, Superseded
from testkase.services.metering.problems import SWITCHED_OFF, CutOff

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction
    from testkase.services.metering.meter import Meter

log = logging.getLogger(__name__)

AGAIN = (Unavailable, psycopg.OperationalError, PoolTimeout)
"""The outcome is unknown or the database is away. A second run goes on where this one stopped."""

OUR_FAULT = "Something went wrong on our side. Nothing was charged; please try again."


async def carry_out(job: Job, meter: "Meter", database: Database) -> None:
    """Do what is left of a job, and charge it once.

    Raises one of AGAIN when the ledger or the database cannot be asked: run the job again.
    """
    attempt = job.attempt
    try:
        ending = await _ending(job, meter, database)
    except Superseded:
        log.info("%s of organization %s goes on in another run", attempt.name, attempt.org_id)
        return
    except AGAIN:
        raise
    except AiDisabled:
        ending = Ending(error=SWITCHED_OFF, switched_off=True)
    except Problem as problem:
        ending = Ending(error=_said(problem))
    except Exception as error:
        # PostgreSQL quotes the row it refuses, and that holds people's words: of such errors only the name is logged.
        quoting, what = isinstance(error, psycopg.Error | msgspec.MsgspecError), type(error).__name__
        log.exception("%s of organization %s: %s", attempt.name, attempt.org_id, what, exc_info=not quoting)
        ending = Ending(error=OUR_FAULT)
    await database.run(job.finish(ending), org_id=attempt.org_id)


def _said(problem: Problem) -> str:
    """Why it ended. Others may have taken meanwhile what was there when it was asked for: what helps is said with it,
    as in the other refusals (P18)."""
    if problem.code == InsufficientCredits.code:
        return f"{problem.detail} Buy credits under Settings → AI Credits, or ask your Owner to."
    return problem.detail


async def _ending(job: Job, meter: "Meter", database: Database) -> Ending:
    attempt = job.attempt
    earlier = await _earlier_ending(attempt, meter, database)
    if earlier.charged:  # it had got as far as that; only its own record of it was missing
        return earlier
    await database.run(job.allowed(), org_id=attempt.org_id)
    most = await job.prepare()
    if most is None:
        return earlier
    if not await database.run(job.name_hold(), org_id=attempt.org_id):
        raise Superseded
    interaction = await meter.open(
        attempt.org_id,
        attempt.subject,
        model=attempt.model,
        input_tokens=most.input_tokens,
        output_tokens=most.output_tokens,
        hold_id=attempt.hold_id,
    )
    async with interaction:
        try:
            worked = await job.work(interaction)
        except BaseException:
            # Killed, superseded or our own mistake: whoever goes on will charge, this run must not.
            await _give_up(attempt, interaction, meter)
            raise
        if worked.useless:
            interaction.fail()
    settlement = await interaction.close()
    return Ending(charged=settlement.charged, receipt=settlement.receipt, error=worked.error)


async def _earlier_ending(attempt: Attempt, meter: "Meter", database: Database) -> Ending:
    """Clear up after a run that was killed: release its hold; if it had got as far as being charged, that was it."""
    if attempt.earlier_hold is None:
        return Ending()
    with suppress(HoldResolved, HoldNotFound):
        await meter.engine.submit(VoidHold(org_id=attempt.org_id, hold_id=attempt.earlier_hold))
    with suppress(HoldNotFound):
        state = await database.run(hold(attempt.org_id, attempt.earlier_hold), org_id=attempt.org_id)
        return Ending(charged=state.charged, receipt=state.receipt)
    return Ending()


async def _give_up(attempt: Attempt, interaction: "Interaction", meter: "Meter") -> None:
    """Cut the model off and release the hold, so that this run leaves no row of usage."""
    interaction.fail()
    interaction.abort(CutOff("It goes on in another run."))
    with suppress(Problem):
        await meter.engine.submit(VoidHold(org_id=attempt.org_id, hold_id=attempt.hold_id))
