"""Logs of a machine that nobody looks at for a year."""

import os
from pathlib import Path

from testkase.config.supervising.child import Child


def test_a_large_log_is_put_aside_whenever_its_process_is_started_again(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    child = Child("-n1", "-r1", "pass", module="timeit", environ=os.environ, log=log, keep_open=0)
    child.start()
    child.wait(30)
    written = log.read_bytes()
    log.write_bytes(b"x" * 20_000_001)
    child.start()
    child.wait(30)
    assert log.stat().st_size < 1_000
    assert (tmp_path / "child.log.1").stat().st_size == 20_000_001
    log.write_bytes(written)
    child.start()
    child.wait(30)
    assert log.read_bytes().startswith(written)
