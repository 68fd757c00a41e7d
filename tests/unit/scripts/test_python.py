"""Which Python the environment is made with: one that was built with optimisation, where there is one."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def chosen(*folders: Path, named: str = "") -> subprocess.CompletedProcess[str]:
    path = ":".join(map(str, folders))
    return subprocess.run(
        ["/bin/sh", ROOT / "scripts/python.sh"], env={"PATH": path, "PYTHON3": named}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """What the script itself needs, with no Python beside it."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "tr").symlink_to(str(shutil.which("tr")))
    return folder


def python(folder: Path, name: str, judged: str | None) -> Path:
    """A Python the script judges so; None: one too old."""
    folder.mkdir(exist_ok=True)
    made = folder / name
    made.write_text("#!/bin/sh\nread -r all <&0\n" + ("exit 1\n" if judged is None else f"echo {judged}\n"))
    made.chmod(0o755)
    return made


def test_one_built_with_optimisation_is_taken_before_a_newer_one_that_was_not(tmp_path: Path, tools: Path) -> None:
    python(tmp_path / "first", "python3.13", "1")
    python(tmp_path / "first", "python3.12", None)
    python(tmp_path / "first", "python3.11", "0")
    best = python(tmp_path / "a folder", "python3.11", "2")
    python(tmp_path / "a folder", "python3", "2")
    assert chosen(tmp_path / "first", tmp_path / "a folder", tools).stdout == f"{best}\n"


@pytest.mark.parametrize(("worth", "other"), [("1", "0"), ("0", None)])
def test_any_other_is_taken_where_there_is_no_such_one(
    tmp_path: Path, tools: Path, worth: str, other: str | None
) -> None:
    python(tmp_path / "first", "python3.14", other)
    best = python(tmp_path / "second", "python3", worth)
    assert chosen(tmp_path / "first", tmp_path / "second", tools).stdout == f"{best}\n"


def test_the_one_that_is_named_is_taken_whatever_it_is(tmp_path: Path, tools: Path) -> None:
    python(tmp_path / "first", "python3", "2")
    named = python(tmp_path / "elsewhere", "my-python", "0")
    assert chosen(tmp_path / "first", tools, named=str(named)).stdout == f"{named}\n"


def test_it_is_said_what_to_do_where_there_is_none(tmp_path: Path, tools: Path) -> None:
    python(tmp_path / "first", "python3", None)
    none = chosen(tmp_path / "first", tools)
    assert none.returncode == 1
    assert "Python 3.11 or newer is needed" in none.stderr
    assert "PYTHON3=/path/to/python" in none.stderr
    named = chosen(tmp_path / "first", tools, named="nothing")
    assert named.returncode == 1
    assert "PYTHON3 is nothing" in named.stderr


def test_a_real_one_is_judged_by_how_it_was_built(tmp_path: Path, tools: Path) -> None:
    """This one, with a wrapper that hears what it is judged as."""
    base = Path(sys._base_executable)  # type: ignore[attr-defined]
    heard, wrapper = tmp_path / "heard", tmp_path / "python3"
    wrapper.write_text(f'#!/bin/sh\nworth=$({base} "$@") || exit 1\necho "$worth" >{heard}\necho "$worth"\n')
    wrapper.chmod(0o755)
    assert chosen(tmp_path, tools).stdout == f"{wrapper}\n"
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    assert heard.read_text() == ("2\n" if optimised or sys.base_prefix == "/usr" else "1\n")
