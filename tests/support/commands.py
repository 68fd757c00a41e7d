"""Commands of operators, as an operator runs them."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.forks import Fork


def run_command(*words: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`testkase <words>` with nobody who could type anything: its exit code, and what it said where."""
    with tempfile.TemporaryDirectory() as folder:
        said, complained = Path(folder) / "said", Path(folder) / "complained"
        code = Fork(words, environ, said, complained).wait()
        return subprocess.CompletedProcess(["testkase", *words], code, said.read_text(), complained.read_text())
