"""A slice of the simulation, and its judges: a planted mistake is found and told as short as it can be."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from campaigns.ledger import simulate as campaign
from campaigns.ledger.simulate import BLOCK, simulate, unseen
from campaigns.shrink import shrink
from testkase.core.ledger import rules
from testkase.core.ledger.model import Lot
from tests.support import random_commands

SUPPORT = Path(random_commands.__file__).parent
WORDS = {
    "testkase.core.ledger": {"commands", "refusals"},
    "testkase.core.ledger.limits": {"commands"},
    "testkase.core.ledger.limits.commands": {"LimitCommand"},
    "testkase.core.ledger.limits.model": {"Scope"},
    "testkase.core.ledger.model": {"Subject"},
    "testkase.core.ledger.terms": {"Terms"},
}


@pytest.mark.requirement("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I9", "I10", "I12", "I14")
def test_random_stories_hold_and_the_same_seed_tells_the_same_again() -> None:
    first = simulate(operations=2 * BLOCK, seed=20_261_128, processes=1)
    assert first.faults == [], first.line
    assert first.figures["operations"] == 2 * BLOCK
    later = simulate(operations=2 * BLOCK, seed=20_261_128, after=BLOCK, processes=2)
    assert later.figures["operations"] == BLOCK
    [one, two] = [campaign.told_block(20_261_128, number).digest for number in (0, 1)]
    assert (first.figures["digest"], later.figures["digest"]) == (f"{one ^ two:016x}", f"{two:016x}")


def test_a_mistake_is_found_and_told_as_short_as_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lots, and one hold that should have come out of the one that is first to expire."""

    def oldest_first(lot: Lot) -> tuple[int, int, bool, int]:
        return (0, 0, False, lot.lot_id)

    monkeypatch.setattr(rules, "burn_order", oldest_first)
    monkeypatch.setattr(campaign, "ENOUGH", 1)
    fault = simulate(operations=2 * BLOCK, seed=1, processes=1).faults[0]
    steps = fault.splitlines()[1:]
    assert "AssertionError at same_entry.py" in fault
    assert len(steps) <= 5
    assert "OpenAccount(" in steps[0]


def test_what_is_left_out_is_all_that_can_be() -> None:
    assert shrink(range(100), lambda left: {3, 41, 97} <= set(left)) == [3, 41, 97]
    assert shrink(range(8), lambda left: len(left) > 2, tries=1) == [4, 5, 6, 7]


def test_a_long_run_that_never_saw_some_command_says_so() -> None:
    assert unseen(Counter(), 10) == []
    [told] = unseen(Counter({"Touch accepted": 1}), 20_000)
    assert "OpenHold accepted" in told
    assert "OpenHold refused" in told
    assert "OpenHold repeated" not in told


def test_the_naive_model_knows_the_ledgers_words_and_none_of_its_rules() -> None:
    for file in SUPPORT.glob("naive_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("testkase"):
                assert {alias.name for alias in node.names} <= WORDS.get(node.module or "", set()), file.name
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("testkase") for alias in node.names), file.name
