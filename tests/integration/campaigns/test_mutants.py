"""Every planted mistake still applies, and a few are hunted; `testkase campaign mutants` hunts them all."""

import pytest

from campaigns.mutants.hunt import MUTANTS, Ground, hunt, hunted
from campaigns.mutants.mutant import Mutant, Patch, Stale, check
from campaigns.mutants.slices import SLICES
from campaigns.record import PAGE


def test_every_patch_applies_exactly_once() -> None:
    for mutant in MUTANTS:
        check(mutant)
        assert set(mutant.hunted_by) <= SLICES, mutant.name
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 40


def test_there_are_mistakes_in_rules_sql_and_payments() -> None:
    places = [patch.file for mutant in MUTANTS for patch in mutant.patches]
    for place in ("core/ledger/", "schema/ddl/", "services/billing/purchasing/"):
        assert sum(file.startswith(place) for file in places) >= 5


@pytest.mark.parametrize("old", ["not there", "def burn"])
def test_a_patch_that_does_not_fit_exactly_once_is_stale(old: str) -> None:
    stale = Mutant("stale", "", (Patch("core/ledger/rules.py", old, "x"),), ("simulate",))
    with pytest.raises(Stale):
        check(stale)
    assert hunted(Ground(None), stale, stale.hunted_by).by is None


@pytest.mark.parametrize("name", ["whole-lots", "lost-costs-nothing"])
def test_a_planted_mistake_is_found(name: str) -> None:
    [mutant] = [one for one in MUTANTS if one.name == name]
    catch = hunted(Ground(None), mutant, mutant.hunted_by)
    assert catch.by == mutant.hunted_by[0], catch.said


def test_a_mistake_that_nobody_finds_is_a_fault() -> None:
    patch = Patch("core/ledger/rules.py", "Pure rules on lots", "Rules on lots")
    harmless = Mutant("harmless", "a word", (patch,), ("money-back on the model",))
    outcome = hunt([harmless], seed=1, processes=1)
    assert outcome.faults == ["harmless survived"]
    assert "| harmless | a word | `core/ledger/rules.py` | **nobody** |" in outcome.table


def test_the_table_on_the_page_names_every_mutant() -> None:
    page = PAGE.read_text().split("<!-- mutants -->")[1]
    missing = [mutant.name for mutant in MUTANTS if f"| {mutant.name} | " not in page]
    assert missing == [], "`testkase campaign mutants --size full --record` writes it anew"
    assert "**nobody**" not in page
