"""The guide for operators names services, settings and words of the log that exist; test_documents does the rest."""

import re
from pathlib import Path

import yaml

from tests.architecture.test_settings_documented import documented

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/operations.md").read_text()


def test_every_service_exists() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for line in re.findall(r"docker compose (?:exec|run --rm) ([a-z]+)", GUIDE):
        assert line in services, line


def test_every_setting_named_in_it_exists() -> None:
    others = {"OWNER_PASSWORD", "APP_PASSWORD", "BYPASSRLS", "SIGTERM", "DAY", "FOLDER", "NUMBER"}
    named = {name.removesuffix("_FILE") for name in re.findall(r"\b(?:TESTKASE|RAZORPAY|LOG)_[A-Z_]+\b", GUIDE)}
    assert named - documented() - others == set()


def test_what_the_log_is_said_to_say_is_said_somewhere() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src/testkase").rglob("*.py"))
    for words in ("unforeseen error", "an organization could not be checked", "heads could not be published"):
        assert words in GUIDE
        assert words in source
