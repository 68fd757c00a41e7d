"""The bench runs from end to end. Its figures are judged on a quiet machine, not here: no need to wait for a disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.installation import NO_MODEL


@pytest.mark.slow
def test_a_quick_bench_measures_everything_and_keeps_a_report(tmp_path: Path, quick_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--out", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=300, cwd=Path(__file__).parents[3],
        env={**os.environ, **NO_MODEL, "TMPDIR": str(quick_folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (report,) = tmp_path.iterdir()
    text = report.read_text(encoding="utf-8")
    for section in (
        "SELECT 1",
        "pair, many, 1,024 callers",
        "batches of 500",
        "stream, gateway",
        "round trips",
        "idle",
    ):
        assert section in text


def test_what_a_call_costs_is_measured_and_a_billion_of_them_computed(quick_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.capacity", "--seconds", "0.2", "--organizations", "50", "--calls", "1000000000"],
        capture_output=True, text=True, check=False, timeout=300, cwd=Path(__file__).parents[3],
        env={**os.environ, "TMPDIR": str(quick_folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "bytes of write-ahead log" in " ".join(done.stdout.split())
    assert "1,000,000,000" in done.stdout
