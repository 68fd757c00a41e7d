"""What a report of the bench says of the run."""

import sys
import sysconfig

import pytest
from rich.console import Console

from bench.figures import Figures
from bench.report import Report, show
from bench.sizes import QUICK


@pytest.mark.parametrize(
    ("prefix", "arguments", "without"),
    [("/opt", "'--enable-shared'", True), ("/opt", "'--enable-optimizations'", False), ("/usr", "", False)],
)
def test_a_python_that_was_built_without_optimisation_is_called_so(
    monkeypatch: pytest.MonkeyPatch, prefix: str, arguments: str, without: bool
) -> None:
    monkeypatch.setattr(sys, "base_prefix", prefix)
    monkeypatch.setattr(sysconfig, "get_config_var", {"CONFIG_ARGS": arguments}.get)
    console = Console(record=True, width=150)
    show(console, Report(sizes=QUICK, load_before=0.0, figures=Figures(), judged=()))
    assert ("built without optimisation" in console.export_text()) == without
