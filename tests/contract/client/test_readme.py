"""Every code sample of the README runs, and has the types it seems to have."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import testkase_client
from tests.support.programs import Organization

README = Path(testkase_client.__file__).with_name("README.md").read_text()
SOURCE = Path(testkase_client.__file__).parents[1]
SAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

TYPES = """
from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from testkase_client import AsyncClient, AsyncHold, Client, Hold, ItemResult, OpenedHold, Settlement
from testkase_client.answers.limits import Budget
from testkase_client.answers.reading import Balance

def plain(client: Client) -> None:
    assert_type(client.balance(), Balance)
    assert_type(client.budgets(), Iterator[Budget])
    assert_type(client.open_holds([]), list[ItemResult[OpenedHold]])
    assert_type(client.hold(use_case="chat", user="ada"), Hold)
    with client.hold(use_case="chat", user="ada") as hold:
        assert_type(hold.settle(credits="1"), Settlement)
    client.get_hold()  # wrong
    client.open_hold(use_case="chat", user="ada", credits=0.5)  # wrong

async def awaited(client: AsyncClient) -> None:
    assert_type(await client.balance(), Balance)
    assert_type(client.budgets(), AsyncIterator[Budget])
    assert_type(await client.open_holds([]), list[ItemResult[OpenedHold]])
    async with client.hold(use_case="chat", user="ada") as hold:
        assert_type(hold, AsyncHold)
        assert_type(await hold.settle(credits="1"), Settlement)
"""


def test_there_are_samples() -> None:
    assert len(SAMPLES) >= 6


@pytest.mark.parametrize("sample", SAMPLES, ids=[f"sample-{number}" for number in range(len(SAMPLES))])
def test_every_sample_runs(sample: str, base_url: str, org: Organization) -> None:
    exec(compile(sample, "README.md", "exec"), {"url": base_url, "key": org.key, "__name__": "sample"})


@pytest.mark.slow
def test_every_sample_is_typed(tmp_path: Path) -> None:
    """As mypy --strict sees it in somebody else's project. What needs openai is left out: reading it takes long."""
    files = []
    for number, sample in enumerate([TYPES, *(each for each in SAMPLES if "import OpenAI" not in each)]):
        files.append(tmp_path / f"sample_{number}.py")
        files[-1].write_text(f"url: str\nkey: str\n{sample}")
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", tmp_path / "mypy.ini", "--cache-dir", tmp_path, *files],
        env={**os.environ, "MYPYPATH": str(SOURCE)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    wrong = [line.split("error: ")[1] for line in checked.stdout.splitlines() if "error: " in line]
    assert [each.split("  [")[1] for each in wrong] == ["call-arg]", "arg-type]"], checked.stdout + checked.stderr
    assert len({*wrong}) == 2


def test_every_method_is_named() -> None:
    named = set(re.findall(r"`(\w+)`", README.split("## Everything else")[1]))
    methods = {name for name in dir(testkase_client.Client) if not name.startswith("_")}
    assert methods - named == {"run", "close", "openai"}
