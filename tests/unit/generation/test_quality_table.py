"""The table of `python -m bench.generation` counts what it says."""

from bench.generation.requirements import REQUIREMENTS
from bench.generation.table import COLUMNS, distinct, row, table
from bench.generation.writing import VARIANTS, Written
from testkase.core.ledger.terms import Tokens
from testkase.core.pricing import load_price_books
from testkase.foundation.clock import utc_now
from testkase.services.features.generation.ideas.choosing import ideas_for
from testkase.services.features.generation.prompting import small_request
from testkase.services.inference import EMBEDDED_MODEL
from testkase.services.workspace.model import CaseContent, Step

ONE = CaseContent(title="Locked after five attempts", steps=(Step(action="Open it"), Step(action="Try five times")))
OTHER = CaseContent(title="Unlocked by an administrator", steps=(Step(action="Sign in as an administrator"),))


def test_the_table_has_shares_of_what_was_written() -> None:
    written = Written(
        cases=[(1, ONE), (1, ONE), (2, ONE), (2, OTHER)], ideas=5, answers=8, valid_answers=8, faultless=4,
        tokens=[Tokens(input=100, cached_input=300, output=100)] * 4,
    )  # fmt: skip
    terms = load_price_books().at(utc_now()).terms(EMBEDDED_MODEL)
    line = row("a prompt", written, terms, seconds=10)
    assert distinct(written) == 3
    assert line[1:8] == ("5", "4", "100 %", "50 %", "75 %", "75 %", "400 (300) / 100")
    assert table([line]).count("\n") == 2
    assert len(line) == len(COLUMNS)


def test_there_are_twenty_requirements_and_every_wording_asks_for_the_same() -> None:
    assert len(set(REQUIREMENTS)) == 20
    for requirement in REQUIREMENTS:
        idea = ideas_for(requirement, 2)[0]
        body = small_request(1, requirement, idea, 0)
        asked = [variant(body) for variant in VARIANTS.values()]
        assert {one["messages"][-1]["content"] for one in asked} == {body["messages"][-1]["content"]}
        assert [len(one["messages"]) for one in asked] == [6, 4, 2]
