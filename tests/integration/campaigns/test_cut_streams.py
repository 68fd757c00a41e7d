"""A slice of the campaign of cut streams, and its judge, which must not be blind."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.streams.client import Got, understood
from campaigns.streams.cutting import cut_streams
from campaigns.streams.judge import Told, faults
from campaigns.streams.plan import Event, Plan, plan
from tests.support.cluster import TestDatabase


@pytest.mark.slow
@pytest.mark.requirement("P17", "B1", "I3", "I7", "I11")
def test_what_was_delivered_is_charged_whoever_cuts_the_stream(database: TestDatabase, tmp_path: Path) -> None:
    outcome = cut_streams(database, tmp_path, streams=40, seed=20_261_128)
    assert outcome.faults == [], outcome.line
    assert outcome.figures["processes killed"]
    assert outcome.figures["holds left to lapse"] == 0


WORDS = tuple(Event(b"%d" % number, text=40) for number in range(4))
USAGE = Event(b"usage", usage=(30, 20), shown=False)
CUT = Plan(call_id="s", model="counted-1", cut_by="gateway", events=(*WORDS, USAGE), written=4)
"""Ten tokens an event; the prompt is estimated at 37, or said to be 30."""


def told(plan: Plan, received: int, *, ended: bool = False) -> Told:
    events = tuple(event.payload for event in plan.events[:received] if event.shown)
    return Told(plan, Got(200, events, ended=ended, charged=None), plan.written)


def test_a_stream_is_worth_its_prompt_and_every_word_that_came() -> None:
    assert [CUT.worth(delivered) for delivered in range(6)] == [0, 630_000, 960_000, 1_290_000, 1_630_000, 900_000]


@pytest.mark.parametrize("charges", [[], [0], [630_000], [1_640_000], [960_000, 960_000]])
def test_free_dear_and_double_streams_are_found(charges: list[int]) -> None:
    assert faults(told(CUT, 2), charges)


@pytest.mark.parametrize("charge", [960_000, 1_290_000, 1_630_000])
def test_a_process_that_was_killed_may_have_got_more_than_it_passed_on(charge: int) -> None:
    assert faults(told(CUT, 2), [charge]) == []


def test_whoever_got_the_answer_to_its_end_is_charged_for_that_and_no_other_sum() -> None:
    assert faults(told(CUT, 2, ended=True), [960_000]) == []
    assert faults(told(CUT, 2, ended=True), [1_290_000])


def test_a_provider_that_was_read_to_its_end_for_a_client_that_left_is_taken_at_its_word() -> None:
    whole = replace(CUT, cut_by="client", written=5)
    assert faults(told(whole, 1), [900_000]) == []
    assert faults(told(whole, 1), [630_000])


def test_words_the_provider_never_said_are_found() -> None:
    invented = Told(CUT, Got(200, (b"0", b"2"), ended=False, charged=None), 4)
    assert faults(invented, [950_000]) == [
        "s (counted-1, gateway, well) brought what the provider had not sent"
    ]  # fmt: skip


def test_an_error_after_the_last_word_is_no_word() -> None:
    reported = Told(CUT, Got(200, (b"0", b"1", b"2", b"3", b'{"error": {}}'), ended=True, charged=None), 4)
    assert faults(reported, [1_630_000]) == []


def test_bytes_cut_in_the_middle_of_an_event_are_no_event() -> None:
    raw = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n14\r\ndata: "
    assert understood(raw) == Got(200, (b"a",), ended=False, charged=None)


def test_plans_follow_from_the_seed() -> None:
    assert plan("s", "client", random.Random(3)) == plan("s", "client", random.Random(3))
