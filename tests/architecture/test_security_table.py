"""The table of OWASP ASVS 5.0 is whole, and what it names as evidence is there."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs/asvs.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "docs/security.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (V[\d.]+) \| ([12]) \| ([^|]+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall(TABLE)
VERDICTS = {"held", "n/a", "**not held**"}

BY_CHAPTER = {
    "V1": 27, "V2": 11, "V3": 19, "V4": 10, "V5": 9, "V6": 35, "V7": 18, "V8": 7, "V9": 7, "V10": 29, "V11": 14,
    "V12": 9, "V13": 13, "V14": 9, "V15": 13, "V16": 16, "V17": 7,
}  # fmt: skip
"""How many requirements of levels 1 and 2 the standard has in each chapter."""
OF_LEVEL_1, OF_LEVEL_2 = 70, 183
OF_LEVEL_3 = set(
    re.findall(
        r"V\S+",
        """V1.2.10 V1.3.12 V1.5.3 V2.3.5 V2.4.2 V3.1.1 V3.2.3 V3.3.5 V3.4.7 V3.4.8 V3.5.6 V3.5.7 V3.5.8 V3.6.1 V3.7.3
        V3.7.4 V3.7.5 V4.1.4 V4.1.5 V4.2.2 V5.2.4 V6.3.5 V6.3.8 V6.4.5 V6.5.6 V6.7.1 V7.5.3 V8.1.3 V8.2.4 V8.3.2 V10.2.3
        V10.3.5 V10.4.12 V11.1.3 V11.2.4 V11.3.4 V11.5.2 V11.7.1 V12.1.4 V13.1.2 V13.2.6 V13.3.3 V13.4.6 V14.2.5 V15.1.4
        V15.2.4 V15.4.1 V16.5.4 V17.1.2 V17.2.5""",
    )
)


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def named(text: str) -> set[str]:
    """Paths that stand in code marks, with the name of a test where one follows."""
    return set(re.findall(r"`((?:src|tests|docs|deploy|scripts|campaigns)/[^`\s]+|requirements[\w-]*\.lock)`", text))


def test_every_requirement_of_both_levels_is_there_once() -> None:
    ids = [row[0] for row in ROWS]
    assert [one for one, count in Counter(ids).items() if count > 1] == []
    assert Counter(one.split(".")[0] for one in ids) == BY_CHAPTER
    assert Counter(row[1] for row in ROWS) == {"1": OF_LEVEL_1, "2": OF_LEVEL_2}
    assert set(ids) & OF_LEVEL_3 == set()
    assert len(ROWS) == sum(1 for line in TABLE.splitlines() if line.startswith("| V")), "a row cannot be read"


def test_requirements_of_a_section_follow_each_other_but_for_those_of_level_3() -> None:
    numbers: dict[str, list[int]] = {}
    for one in (row[0] for row in ROWS):
        section, _, number = one.rpartition(".")
        numbers.setdefault(section, []).append(int(number))
    for section, found in numbers.items():
        missing = [f"{section}.{number}" for number in range(1, max(found)) if number not in found]
        assert found == sorted(found), section
        assert set(missing) <= OF_LEVEL_3, missing


def test_every_verdict_has_its_evidence_or_its_reason() -> None:
    for number, _, asked, verdict, shown in ROWS:
        assert verdict in VERDICTS, number
        assert len(asked) > 4, number
        assert len(shown) > 6, number
        assert verdict != "**not held**" or not shown.startswith("`"), f"{number}: what does not hold says why"


@pytest.mark.parametrize("text", [TABLE, SECURITY], ids=["asvs.md", "security.md"])
def test_every_test_and_file_named_is_there(text: str) -> None:
    assert len(named(text)) > 15
    for one in sorted(named(text)):
        path, _, test = one.partition("::")
        assert (ROOT / path).exists(), one
        assert not test or test in functions_of(path), one


def test_every_campaign_named_exists() -> None:
    known = (ROOT / "docs/campaigns.md").read_text(encoding="utf-8")
    for text in (TABLE, SECURITY):
        for names in re.findall(r"campaigns? ((?:`[a-z_-]+`(?:, | and )?)+)", text):
            for name in re.findall(r"`([a-z_-]+)`", names):
                assert f"`{name}`" in known or f" {name} " in known, name
