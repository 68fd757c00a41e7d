"""An operator finds every setting in docs/settings.md, and nothing there that does not exist."""

import re
from pathlib import Path

from testkase.foundation import settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs/settings.md").read_text()


def documented() -> set[str]:
    return set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", DOCUMENT, re.MULTILINE))


def read_from_the_environment() -> set[str]:
    names = re.findall(r'"([A-Z][A-Z0-9_]{3,})"', Path(settings.__file__).read_text())
    return set(names) - {"DEBUG", "INFO", "WARNING", "ERROR"}


def test_every_setting_is_documented() -> None:
    assert read_from_the_environment() - documented() == set()


def test_nothing_is_documented_that_does_not_exist() -> None:
    assert documented() - read_from_the_environment() == set()


def test_the_environment_is_read_in_one_place() -> None:
    allowed = (
        "src/testkase/config/",
        "src/testkase/foundation/settings.py",
        "src/testkase/services/inference/",  # providers' keys, under names the operator chose; a variable of libgomp
        "src/testkase/entrypoints/worker/process.py",  # names Django's settings module
    )
    readers = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src/testkase").rglob("*.py")
        if re.search(r"os\.(environ|getenv)", path.read_text())
    ]
    assert [path for path in readers if not path.startswith(allowed)] == []
