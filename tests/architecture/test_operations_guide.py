"""The guide for operators names commands, settings, files and addresses that exist."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from testkase.config import commands
from testkase.entrypoints.cli.app import app
from tests.architecture.test_settings_documented import documented

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/operations.md").read_text()
FENCED = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
INLINE = re.findall(r"`([^`\n]+)`", re.sub(r"^```sh\n.*?^```", "", GUIDE, flags=re.MULTILINE | re.DOTALL))
COMMANDS = sorted(
    {
        match[1]
        for text in [*INLINE, *(line for block in FENCED for line in block.splitlines())]
        if (match := re.search(r"(?:^|\s)testkase ([a-z].*)$", text))
    }
)


@cache
def help_of(command: str) -> str:
    commands._add_operators_commands()
    asked = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    return asked.stdout if asked.exit_code == 0 else ""


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_exists_with_its_options(line: str) -> None:
    command, *words = line.split()
    said = help_of(command)
    assert said, f"there is no command {command}"
    for word in words:
        if word.startswith("--"):
            assert word in said, f"{command} has no {word}"


def test_every_make_target_and_service_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for target in re.findall(r"\bmake ([a-z]+)", GUIDE):
        assert f"\n{target}:" in makefile, target
    for line in re.findall(r"docker compose (?:exec|run --rm) ([a-z]+)", GUIDE):
        assert line in services, line


def test_every_setting_named_in_it_exists() -> None:
    others = {"OWNER_PASSWORD", "APP_PASSWORD", "BYPASSRLS", "SIGTERM", "DAY", "FOLDER", "NUMBER"}
    named = {name.removesuffix("_FILE") for name in re.findall(r"\b(?:TESTKASE|RAZORPAY|LOG)_[A-Z_]+\b", GUIDE)}
    assert named - documented() - others == set()


def test_every_link_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z -]", "", line.lower()).strip().replace(" ", "-")
        for line in re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", GUIDE):
        path, _, anchor = target.partition("#")
        assert not path or (ROOT / "docs" / path).exists(), target
        assert path or anchor in headings, target


def test_what_the_log_is_said_to_say_is_said_somewhere() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src/testkase").rglob("*.py"))
    for words in ("unforeseen error", "an organization could not be checked", "heads could not be published"):
        assert words in GUIDE
        assert words in source
