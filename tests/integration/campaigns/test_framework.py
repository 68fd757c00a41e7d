"""The frame around the campaigns: one registry, sizes, reports, results, exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import typer
from typer.testing import CliRunner

from campaigns import __main__ as command
from campaigns.campaign import Campaign, Tick
from campaigns.goals import GOALS
from campaigns.outcome import Outcome
from campaigns.record import PAGE, between, record
from campaigns.registry import CAMPAIGNS
from campaigns.report import report
from testkase.foundation import logging as log

ROOT = Path(__file__).resolve().parents[3]


def _draws(size: int, seed: int, tick: Tick) -> Outcome:
    tick(size)
    return Outcome("dice", seed, figures={"thrown": size}, faults=["a six"] if seed == 6 else [])


def _breaks(size: int, seed: int, tick: Tick) -> Outcome:
    raise OSError("the table fell over")


DICE = Campaign(name="dice", about="dice", counts="throws", full=1_000, small=10, run=_draws)
TABLE = Campaign(name="table", about="a table", counts="legs", full=4, small=1, run=_breaks)
COIN = Campaign(
    name="coin", about="a coin", counts="flips", full=9, small=9, run=_draws, go_on=lambda *_, **__: Outcome("coin", 0)
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    """The command, with two campaigns of its own, in a folder of its own."""
    monkeypatch.setattr(command, "CAMPAIGNS", {"dice": DICE, "table": TABLE, "coin": COIN})
    monkeypatch.setattr(log, "configure", lambda *_: None)
    monkeypatch.setenv("TESTKASE_DATA", str(tmp_path))
    return CliRunner()


def invoked(run: CliRunner, *words: str) -> tuple[int, str]:
    app = typer.Typer(add_completion=False)
    app.command()(command.main)
    result = run.invoke(app, words)
    return result.exit_code, result.stdout


def test_a_run_prints_one_line_and_keeps_a_report_that_says_how_to_repeat_it(run: CliRunner, tmp_path: Path) -> None:
    assert invoked(run, "dice", "--seed", "5") == (0, "dice: 10 thrown, 0 faults (seed 5)\n")
    [kept] = (tmp_path / "campaigns").glob("dice-5-*.json")
    told = json.loads(kept.read_text())
    assert told["replay"] == "testkase campaign dice --size 10 --seed 5"
    assert (told["size"], told["figures"], told["faults"]) == (10, {"thrown": 10}, [])
    assert told["replay"] in kept.with_suffix(".md").read_text()


def test_a_fault_is_an_exit_code_and_stands_in_the_report(run: CliRunner, tmp_path: Path) -> None:
    code, line = invoked(run, "dice", "--seed", "6", "--size", "full")
    assert (code, line) == (1, "dice: 1,000 thrown, 1 FAULTS: a six (seed 6)\n")
    [kept] = (tmp_path / "campaigns").glob("dice-6-*.md")
    assert "1. a six" in kept.read_text()


def test_a_campaign_that_breaks_off_has_found_a_fault_and_keeps_none_of_the_others_from_running(
    run: CliRunner, tmp_path: Path
) -> None:
    code, lines = invoked(run, "--seed", "5")
    assert code == 1
    assert lines.startswith("dice: 10 thrown, 0 faults")
    [kept] = (tmp_path / "campaigns").glob("table-5-*.json")
    assert "the table fell over" in json.loads(kept.read_text())["faults"][0]


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["dice", "--size", "0"],
        ["dice", "--size", "some"],
        ["dice", "--after", "3"],
        ["coin", "--size", "20", "--after", "20"],
    ],
)
def test_what_there_is_not_is_refused(run: CliRunner, words: list[str]) -> None:
    assert invoked(run, *words)[0] == 2


def test_a_result_takes_the_place_of_an_earlier_one_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "campaigns.md"
    page.write_text(PAGE.read_text())
    for size in (10, 1_000):
        outcome = _draws(size, 5, lambda done: None)
        began = datetime(2026, 11, 28, tzinfo=UTC)
        record(report(DICE, outcome, size=size, after=0, began=began, load_before="0"), page)
    rows = [line for line in between(page, "results").splitlines() if line.startswith("| dice ")]
    assert len(rows) == 1
    assert rows[0].startswith("| dice | 0 faults | — | 1,000 throws | 1,000 thrown | 0 faults | 2026-11-28 |")


def noted(page: Path, seed: int, size: int, after: int, **figures: int | str) -> str:
    """The row of the page after such a run."""
    outcome = Outcome("dice", seed, figures=dict(figures))
    record(report(DICE, outcome, size=size, after=after, began=datetime.now(UTC), load_before="0"), page)
    [row] = [line for line in between(page, "results").splitlines() if line.startswith("| dice ")]
    return row


def test_a_run_that_goes_on_where_another_came_to_is_one_run_with_it(tmp_path: Path) -> None:
    page = tmp_path / "campaigns.md"
    page.write_text(PAGE.read_text())
    first: dict[str, int | str] = {"operations": 600, "a second": 9, "entries": 1_500, "digest": "00000000000000ff"}
    rest: dict[str, int | str] = {"operations": 400, "a second": 9, "entries": 700, "digest": "f00000000000000f"}
    noted(page, 5, 600, 0, **first)
    row = noted(page, 5, 1_000, 600, **rest)
    assert "| 1,000 throws | 1,000 operations, 1,000 a second, 2,200 entries, f0000000000000f0 digest | 0 faults" in row
    alone = "| 1,000 throws, from 600 on | 400 operations, "
    assert alone in noted(page, 6, 1_000, 600, **rest), "another seed is another run, and has no beginning"
    assert " 400 operations, " in noted(page, 6, 1_000, 999, **rest), "and so is one that leaves a gap"
    assert "| 1,400 throws, from 999 on | 800 operations, " in noted(page, 6, 1_400, 1_000, **rest)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_run_in_the_background_told_to_stop_says_how_far_it_came(tmp_path: Path, told: signal.Signals) -> None:
    """A shell has Ctrl-C ignored by what it starts in the background."""
    running = subprocess.Popen(
        [sys.executable, "-m", "testkase", "campaign", "simulate", "--size", "full", "--seed", "5"], cwd=ROOT,
        env={**os.environ, "TESTKASE_DATA": str(tmp_path)}, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509 - no thread is about
    )  # fmt: skip
    while not psutil.Process(running.pid).children():
        assert running.poll() is None
        time.sleep(0.05)
    time.sleep(0.2)
    running.send_signal(told)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    [kept] = (tmp_path / "campaigns").glob("simulate-5-*.json")
    size = json.loads(kept.read_text())["size"]
    assert 0 <= size < 100_000_000
    assert f"stopped: go on with --after {size}, 0 faults" in said


def test_every_campaign_is_on_the_page_with_its_full_size() -> None:
    page = (ROOT / "docs" / "campaigns.md").read_text()
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert rows.keys() == CAMPAIGNS.keys()
    for name, campaign in CAMPAIGNS.items():
        assert rows[name].endswith(f"| {campaign.counts} | {campaign.full:,} |")


def test_the_command_finds_the_campaigns_in_the_checkout(tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "testkase", "campaign", "--list"]
    listed = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert all(name in listed.stdout for name in CAMPAIGNS)


def test_without_a_checkout_the_command_says_so(tmp_path: Path) -> None:
    asked = [sys.executable, "-c", _ELSEWHERE, "campaign"]
    environ = {**os.environ, "ELSEWHERE": str(tmp_path)}
    answer = subprocess.run(asked, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr.strip()) == (
        1, "testkase: Campaigns are part of a checkout of the source, and there is none here: run them in one.",
    )  # fmt: skip


_ELSEWHERE = """
import os, testkase.entrypoints.cli.campaign as campaign
campaign.__file__ = os.environ["ELSEWHERE"] + "/lib/python/site-packages/testkase/cli/campaign.py"
from testkase.config.commands import main
main()
"""


def test_every_campaign_says_what_it_has_to_reach() -> None:
    assert GOALS.keys() == CAMPAIGNS.keys()
