"""What reports find, beside the same figures recomputed the long way round from single results."""

from fractions import Fraction
from random import Random

import msgspec
import pytest

from testkase.services.features.reports.facts.computing import compute
from testkase.services.features.reports.facts.flaky import flaky_cases
from testkase.services.features.reports.facts.history import Execution, History, PastCase, PastCycle
from testkase.services.features.reports.facts.optimisation import never_executed, never_failing, slowest
from testkase.services.features.reports.facts.predicted import estimates
from testkase.services.features.reports.facts.readiness import obstacles_of, standing, verdict_of
from testkase.services.features.reports.facts.risk import folder_risks
from testkase.services.features.reports.facts.similarity import alike, words_of
from testkase.services.features.reports.facts.words import lasting, percent
from testkase.services.features.reports.model import KINDS, Facts
from tests.support.past import DAY, made_up, naive_alternations, naive_likelihood, naive_pairs, naive_risk

SEEDS = range(40)


def history(*cases: PastCase, cycles: int = 3) -> History:
    window = tuple(PastCycle(place + 1, f"Sprint {place + 1}") for place in range(cycles))
    return History(cycles=window, target=PastCycle(9, "Sprint 9", finished=False), cases=cases)


def case(key: str = "SHOP-1", **facts: object) -> PastCase:
    return PastCase(**{"case_id": 1, "key": key, "title": key, **facts})  # type: ignore[arg-type]


def runs(pattern: str) -> tuple[Execution, ...]:
    """ "PF" in the first cycle, then "|", then the next."""
    cycle, made = 0, []
    for place, letter in enumerate(pattern):
        if letter == "|":
            cycle += 1
        else:
            made.append(Execution(cycle, letter == "P", (place + 1) * DAY))
    return tuple(made)


@pytest.mark.parametrize("seed", SEEDS)
def test_alternations_are_those_of_every_two_neighbours_without_a_change_between(seed: int) -> None:
    past = made_up(seed)
    expected = {one.key: naive_alternations(one) for one in past.cases}
    found = {one.case.key: one for one in flaky_cases(past)}
    assert found.keys() == {key for key, (alternations, _) in expected.items() if alternations >= 2}
    for key, one in found.items():
        assert (one.alternations, one.pairs) == expected[key]
        assert one.score == Fraction(*expected[key])


@pytest.mark.parametrize(
    ("pattern", "edits", "flaky"),
    [("P|F|P", (), True), ("P|F|F", (), False), ("PF|FP", (), True), ("P|F|P", (4 * DAY,), False), ("F|P", (), False)],
    ids=["alternates", "breaks", "within cycles", "mended by an edit", "mended once"],
)
def test_a_case_is_flaky_when_it_comes_back_unchanged(pattern: str, edits: tuple[int, ...], *, flaky: bool) -> None:
    assert bool(flaky_cases(history(case(executions=runs(pattern), edits=edits)))) is flaky


@pytest.mark.parametrize(("pattern", "trend"), [("PFP|P|P", "falling"), ("P|P|PFP", "rising"), ("PF|F|FP", "steady")])
def test_the_trend_compares_the_newer_half_with_the_older(pattern: str, trend: str) -> None:
    [one] = flaky_cases(history(case(executions=runs(pattern))))
    assert one.trend == trend


@pytest.mark.parametrize("seed", SEEDS)
def test_likelihoods_follow_the_formula_on_the_page(seed: int) -> None:
    past = made_up(seed)
    found = estimates(past)
    assert [float(one.likelihood) for one in found] == pytest.approx(
        sorted((naive_likelihood(one.case, past) for one in found), reverse=True)
    )
    for one in found:
        assert float(one.likelihood) == pytest.approx(naive_likelihood(one.case, past))
        assert 0 <= one.likelihood <= 1
    with_past = {one.key for one in past.cases if {"passed", "failed"} & {*one.results} and one.status != "deprecated"}
    assert {one.case.key for one in found} == with_past


def test_a_recent_failure_weighs_more_than_an_old_one() -> None:
    old, new = (
        case("SHOP-1", results=("failed", "passed", "passed")),
        case("SHOP-2", results=("passed", "passed", "failed")),
    )
    assert [one.case.key for one in estimates(history(old, new))] == ["SHOP-2", "SHOP-1"]


@pytest.mark.parametrize("seed", SEEDS)
def test_risk_is_failure_rate_times_size_and_the_shares_are_of_the_whole(seed: int) -> None:
    past = made_up(seed)
    found = folder_risks(past)
    assert {one.folder for one in found} == {one.folder for one in past.cases if one.status != "deprecated"}
    for one in found:
        assert float(one.risk) == pytest.approx(naive_risk(one.folder, past))
    assert [one.risk for one in found] == sorted((one.risk for one in found), reverse=True)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("least", [Fraction(1, 2), Fraction(4, 5), Fraction(1)])
def test_pairs_that_are_alike_are_those_of_comparing_all_with_all(seed: int, least: Fraction) -> None:
    texts = [one.text for one in made_up(seed, cases=60).cases]
    found = alike([words_of(text) for text in texts], least)
    assert {(one, other) for one, other, _ in found} == naive_pairs(texts, least)


def test_case_order_and_punctuation_make_no_difference_between_texts() -> None:
    [(_, _, share)] = alike([words_of("Pay, with a Voucher!"), words_of("a voucher PAY with")])
    assert share == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_what_never_fails_is_never_executed_or_slow_is_told_apart(seed: int) -> None:
    past = made_up(seed)
    for one in never_failing(past.cases):
        assert not {"failed", "blocked"} & {*one.results}
        assert one.results.count("passed") >= 3
        assert all(run.passed for run in one.executions)
    idle = {
        one.key for one in past.cases if one.status == "ready" and not {*one.results, one.now} - {None, "not_executed"}
    }
    assert {one.key for one in never_executed(past.cases)} == idle
    times = [time for _, time in slowest(past.cases)]
    assert times == sorted(times, reverse=True)


def test_readiness_follows_its_rule() -> None:
    before = [standing("Sprint 1", ["passed"] * 8 + ["failed"] * 2)]
    done = ["passed"] * 9 + ["failed"]
    assert verdict_of(standing("now", done), 0, before) == "ready"
    assert verdict_of(standing("now", [*done, "not_executed"]), 0, before) == "at risk"
    assert verdict_of(standing("now", ["passed"] * 7 + ["failed"] * 3), 0, before) == "at risk"
    assert verdict_of(standing("now", done), 1, before) == "not ready"
    assert verdict_of(standing("now", []), 0, []) == "at risk"
    assert verdict_of(standing("first", ["passed"] * 2), 0, []) == "ready"
    assert verdict_of(standing("first", ["passed", "failed"]), 0, []) == "at risk"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_stands_in_the_way_is_grave_and_failed_or_blocked(seed: int) -> None:
    past = made_up(seed)
    expected = {
        one.key for one in past.cases if one.now in {"failed", "blocked"} and one.priority in {"critical", "high"}
    }
    assert {one.key for one in obstacles_of(past.cases)} == expected
    facts = compute("readiness", past)
    assert (facts.verdict == "not ready") is bool(expected)
    stands = dict(zip([column.name for column in facts.tables[1].columns], facts.tables[1].rows[0].cells, strict=True))
    assert stands["Passed"] == str([one.now for one in past.cases].count("passed"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_history_makes_the_same_facts_whatever_the_order_of_its_cases(kind: str) -> None:
    past = made_up(7)
    shuffled = list(past.cases)
    Random(1).shuffle(shuffled)
    assert compute(kind, msgspec.structs.replace(past, cases=tuple(shuffled))) == compute(kind, past)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cycles", [0, 1, 2, 3])
def test_with_few_cycles_every_report_warns_and_none_breaks(kind: str, cycles: int) -> None:
    facts = compute(kind, made_up(3, cycles=cycles))  # type: ignore[arg-type]
    assert bool(facts.warning) is (cycles < 3)
    assert facts.headline[0]
    empty = compute(kind, history(cycles=cycles))  # type: ignore[arg-type]
    assert all(not table.rows or empty.kind == "readiness" for table in empty.tables)


@pytest.mark.parametrize("kind", KINDS)
def test_facts_survive_being_written_down(kind: str) -> None:
    facts = compute(kind, made_up(5))  # type: ignore[arg-type]
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts


@pytest.mark.parametrize(("many", "said"), [(1, "1 never fails and 1 is ready"), (2, "2 never fail and 2 are ready")])
def test_one_case_is_spoken_of_as_one(many: int, said: str) -> None:
    steady = [case(f"SHOP-{one}", status="ready", results=("passed",) * 3) for one in range(many)]
    idle = [case(f"SHOP-{one + 5}", status="ready", results=(None,) * 3) for one in range(many)]
    (first, *_) = compute("optimisation", history(*steady, *idle)).headline
    assert first == f"Of {2 * many} cases {said} and never executed."


def test_a_large_project_says_what_it_leaves_out() -> None:
    past = msgspec.structs.replace(made_up(1), left_out=1_234)
    assert "1,234" in compute("risk", past).warning


def test_shares_and_times_are_written_for_people() -> None:
    assert [percent(Fraction(1, 3)), percent(Fraction(1, 200)), percent(Fraction(1, 201))] == ["33 %", "1 %", "0 %"]
    assert [lasting(400), lasting(41_900), lasting(125_000), lasting(4_200_000)] == [
        "0.4 s",
        "41 s",
        "2 min 05 s",
        "1 h 10 min",
    ]
