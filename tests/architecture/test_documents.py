"""Whatever the documents name exists: files, headings, commands and their options, targets of make, settings."""

import re
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from testkase.config.commands import _add_operators_commands
from testkase.entrypoints.api.catalogue import PROBLEMS
from testkase.entrypoints.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/README.md")], key=str)
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def anchors(text: str) -> set[str]:
    """Headings as a forge makes addresses of them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(name))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (folder / path).resolve() if path else ROOT / name
        assert place.exists(), target
        assert not anchor or anchor in anchors(place.read_text()), target


@pytest.mark.parametrize("name", NAMES)
def test_every_file_named_exists(name: str) -> None:
    named = re.findall(r"`((?:src|tests|docs|bench|campaigns|deploy|scripts)/[\w./-]+)`", text_of(name))
    assert [path for path in named if not (ROOT / path).exists()] == []


def commands_in(text: str) -> set[str]:
    """`testkase …` in code, to the end of the line or of the backticks."""
    code = "\n".join([*FENCE.findall(text), *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))])
    return {
        match.strip() for match in re.findall(r"(?:-m |^|\s)testkase ([a-z][a-z-]*(?: [^#\n|]*)?)", code, re.MULTILINE)
    }


@cache
def options() -> dict[str, set[str]]:
    """Every command of `testkase` with its options."""
    _add_operators_commands()
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return {
        name: {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for name, command in group.commands.items()
    }


COMMANDS = sorted({command for name in NAMES for command in commands_in(text_of(name))})


def test_commands_are_found_in_the_documents() -> None:
    assert {command.split()[0] for command in COMMANDS} >= {"verify", "distribute", "backup", "campaign"}


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_exists_with_its_options(line: str) -> None:
    command, *words = line.split()
    assert command in options()
    assert {word.partition("=")[0] for word in words if word.startswith("--")} - options()[command] == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_target_of_make_exists(name: str) -> None:
    text, makefile = text_of(name), (ROOT / "Makefile").read_text()
    code = "\n".join([*FENCE.findall(text), *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))])
    for target in re.findall(r"(?:^|\s)make ([a-z-]+)", code, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_table_of_errors_is_the_programs_own() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+?) \| (.+?) \|$", text_of("docs/errors.md"), re.MULTILINE)
    assert {code: (int(status), title, what) for code, status, title, what in rows} == {
        code: tuple(known) for code, known in PROBLEMS.items()
    }
