"""(h) How long `make run` takes until it says that it is ready, with the environment in place and no data yet."""

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from testkase.config.supervising.ports import free_port

_PATIENCE_SECONDS = 120
_ROOT = Path(__file__).parents[1]


def seconds_until_ready() -> float:
    """Raises RuntimeError when it ends before it is ready."""
    with tempfile.TemporaryDirectory(prefix="testkase-bench-run-") as folder:
        environ = {**os.environ, "TESTKASE_DATA": str(Path(folder) / "data"), "PORT": str(free_port())}
        for name in ("DATABASE_URL", "TESTKASE_APP_DATABASE_URL"):
            environ.pop(name, None)
        began = time.perf_counter()
        with subprocess.Popen(
            ["make", "--silent", "run"],
            cwd=_ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as making:
            try:
                return _said_ready(making, began)
            finally:
                os.killpg(making.pid, signal.SIGTERM)
                making.communicate(timeout=_PATIENCE_SECONDS)


def _said_ready(making: "subprocess.Popen[str]", began: float) -> float:
    assert making.stdout is not None
    said = []
    for line in making.stdout:
        said.append(line)
        if line.strip() == "ready":
            return time.perf_counter() - began
        if time.perf_counter() - began > _PATIENCE_SECONDS:
            break
    raise RuntimeError(f"`make run` was not ready: {''.join(said)[-500:]}")
