"""Files and functions stay small enough to be read in one go."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
LONGEST_FILE = 300
LONGEST_FUNCTION = 50


def sources() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_longer_than_300_lines() -> None:
    too_long = {name(path): lines for path in sources() if (lines := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert too_long == {}


def test_no_function_is_longer_than_50_lines() -> None:
    too_long = [
        f"{name(path)}:{function.lineno} {function.name}"
        for path in sources()
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno >= LONGEST_FUNCTION
    ]
    assert too_long == []


@pytest.mark.parametrize("suffix", [".sql", ".html", ".css"])
def test_other_sources_stay_readable(suffix: str) -> None:
    lines = {name(path): len(path.read_text().splitlines()) for path in SOURCE.rglob(f"*{suffix}")}
    ours = {path: count for path, count in lines.items() if "/vendor/" not in path and ".min." not in path}
    assert {path: count for path, count in ours.items() if count > 2 * LONGEST_FILE} == {}


def test_every_module_says_what_it_is() -> None:
    silent = [
        name(path)
        for path in sources()
        if (text := path.read_text()).strip()
        and path.parent.name != "migrations"
        and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []
