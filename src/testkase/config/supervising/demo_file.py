"""`demo.json`: how to use the demo organization, for people and for tests."""

from pathlib import Path
from typing import Any

import msgspec

from testkase.config.private_file import write_private

FILE_NAME = "demo.json"
ROLES = ("owner", "admin", "member")


def read_demo(folder: Path) -> dict[str, Any] | None:
    """The file's content; None where it is missing or incomplete."""
    try:
        demo = msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=dict[str, Any])
        complete = bool(demo["api_key"]) and all(demo["users"][role]["password"] for role in ROLES)
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return None
    return demo if complete else None


def write_demo(folder: Path, demo: dict[str, Any]) -> None:
    """Whole or not at all, for its user's eyes only."""
    write_private(folder / FILE_NAME, msgspec.json.format(msgspec.json.encode(demo), indent=2) + b"\n")
