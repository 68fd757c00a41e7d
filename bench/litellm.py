"""LiteLLM's proxy in front of the same upstream, for the gateway to be compared with. Only when asked for: it needs an
environment of its own, which is made once from the package index."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.gateway import CALLERS, GatewayCase, Target
from bench.programs import App
from testkase.config.supervising.children import dies_with_parent
from testkase.config.supervising.ports import free_port
from tests.support.programs import wait_for_port

_REQUIREMENT = "litellm[proxy]"
_START_SECONDS = 180.0
_NO_KEYS = {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
"""It answers anybody on loopback, which spares it the look-up of a key."""

_CONFIG = """
model_list:
  - model_name: testkase-demo
    litellm_params: {{model: openai/testkase-demo, api_base: "http://127.0.0.1:{port}/v1", api_key: bench}}
"""


class NotInstalled(Exception):
    """It could not be installed or started; says why."""


def environment(folder: Path) -> Path:
    """The program, installed where it is not yet. Raises NotInstalled."""
    program = folder / "bin" / "litellm"
    if program.exists():
        return program
    commands = (
        [sys.executable, "-m", "venv", str(folder)],
        [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            _REQUIREMENT,
        ],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotInstalled(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{command[0]} failed")
    return program


@contextmanager
def proxy(folder: Path | None, upstream_port: int) -> Iterator[Target]:
    """The proxy, running with one worker and no database. `folder` is None where it is not asked for.
    Raises NotInstalled."""
    if folder is None:
        raise NotInstalled("ask for it with --litellm")
    program, port = environment(folder / "litellm"), free_port()
    config = folder / "litellm.yaml"
    config.write_text(_CONFIG.format(port=upstream_port))
    with (folder / "litellm.log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), "--config", str(config), "--port", str(port), "--host", "127.0.0.1"],
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", **_NO_KEYS},
            stdout=log,
            stderr=log,
            preexec_fn=dies_with_parent(),  # noqa: PLW1509 - it only makes system calls
        )
    try:
        try:
            wait_for_port(port, _START_SECONDS)
        except TimeoutError as error:
            raise NotInstalled(f"it did not start; see {folder / 'litellm.log'}") from error
        yield Target("LiteLLM", f"http://127.0.0.1:{port}", "/v1/chat/completions", process.pid)
    finally:
        process.terminate()
        process.wait(30)


def litellm_cases(app: App, target: Target) -> Iterator[GatewayCase]:
    """Whole answers, one caller and sixteen, as of the gateway."""
    for callers in CALLERS:
        yield GatewayCase(app, target, stream=False, callers=callers)
