"""Twenty requirements as teams write them: short and long, with and without limits, roles and prohibitions."""

from pathlib import Path

REQUIREMENTS = tuple(Path(__file__).with_name("requirements.txt").read_text(encoding="utf-8").splitlines())
