"""What a run usually costs comes from the organization's own runs, and from none where there are too few."""

import pytest

from testkase.core.pricing import load_price_books
from testkase.foundation.clock import utc_now
from testkase.services.features.generation.history import LEAST, usual_cost
from testkase.services.inference import EMBEDDED_MODEL
from tests.integration.generation.conftest import Scene, small_answer, spoken
from tests.support.features import LARGE_MODEL

pytestmark = pytest.mark.requirement("B9")
BOOK = load_price_books().at(utc_now())


async def test_there_is_no_range_before_there_are_runs(scene: Scene) -> None:
    for _ in range(LEAST - 1):
        await scene.run(await scene.request(cases=1))
    assert await scene.ask(usual_cost(scene.org_id, EMBEDDED_MODEL, 1, BOOK)) is None


async def test_the_range_goes_from_the_cheapest_to_the_dearest_for_as_many_drafts(scene: Scene) -> None:
    charged = []
    for tokens in (100, 4_000, 900):
        usage = {"prompt_tokens": tokens, "completion_tokens": tokens}
        scene.upstream.default = spoken(small_answer(), usage=usage)
        charged.append((await scene.run(await scene.request(cases=2))).charged or 0)
    usual = await scene.ask(usual_cost(scene.org_id, EMBEDDED_MODEL, 4, BOOK))
    assert usual is not None
    assert (usual.low, usual.high, usual.runs) == (min(charged) * 2, max(charged) * 2, 3)
    assert await scene.ask(usual_cost(scene.org_id, LARGE_MODEL, 4, BOOK)) is None
    assert await scene.ask(usual_cost(scene.org_id, EMBEDDED_MODEL, 4, BOOK, of_steps=True)) is None
    odd = await scene.ask(usual_cost(scene.org_id, EMBEDDED_MODEL, 3, BOOK))
    assert odd is not None
    assert (odd.low % BOOK.charge_increment, odd.high % BOOK.charge_increment) == (0, 0), "no charge is in between"
