"""`make run`, as people meet it: one command, one data folder, everything stops when it is told to."""

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from testkase.config.supervising.children import dies_with_parent
from testkase.config.supervising.ports import free_port
from testkase.core import pricing
from tests.support.commands import run_command
from tests.support.installation import NO_MODEL

pytestmark = [pytest.mark.slow, pytest.mark.requirement("B15")]

LIVE_KEYS = {"RAZORPAY_KEY_ID": "rzp_live_a", "RAZORPAY_KEY_SECRET": "hidden", "RAZORPAY_WEBHOOK_SECRET": "hidden"}


class Run:
    """A supervisor on a free port, with as little environment as a fresh machine gives it."""

    def __init__(self, data: Path, port: int | None = None, /, **environ: str) -> None:
        self.data = data
        self.port = port or free_port()
        self.output = data.parent / f"run-{time.monotonic_ns()}.txt"
        with self.output.open("wb") as output:
            self.process = psutil.Popen(
                [sys.executable, "-m", "testkase", "run"],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(data.parent),
                    "PORT": str(self.port),
                    "TESTKASE_DATA": str(data),
                    **environ,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=dies_with_parent(signal.SIGTERM),
            )

    def until_ready(self) -> "Run":
        deadline = time.monotonic() + 120
        while "\nready\n" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)
        return self

    def said(self) -> str:
        return self.output.read_text()

    def everything(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def commands(self) -> set[str]:
        """The last word of every command. Connections of PostgreSQL come and go meanwhile."""
        found = set[str]()
        for process in self.everything():
            with contextlib.suppress(psutil.NoSuchProcess):
                found.update(process.cmdline()[-1:])
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return int(self.process.wait(60))

    def get(self, path: str, key: str = "") -> tuple[int, bytes]:
        address, headers = f"http://127.0.0.1:{self.port}{path}", {"Authorization": f"Bearer {key}"}
        request = urllib.request.Request(address, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def demo(self) -> dict[str, object]:
        content: dict[str, object] = json.loads((self.data / "demo.json").read_text())
        return content


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def whole_run(data: Path) -> Iterator[Run]:
    running = Run(data)
    yield running
    if running.process.is_running():
        running.stop()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Run]]:
    """One data folder and, last, who runs on it. Without the embedded model, which takes longer than all the rest."""
    runs = [Run(tmp_path_factory.mktemp("lasting") / "var", **NO_MODEL)]
    yield runs
    assert runs[-1].until_ready().stop() == 0


@pytest.fixture
def lasting_run(lasting: list[Run]) -> Run:
    """For tests after which everything runs again."""
    return lasting[-1].until_ready()


def gone(processes: list[psutil.Process], seconds: float = 40) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_from_nothing_to_ready_and_back(whole_run: Run) -> None:
    run = whole_run.until_ready()
    assert "model-server" in run.commands()
    demo = run.demo()
    assert set(demo) == {"url", "api_key", "organization", "users"}
    assert set(demo["users"]) == {"owner", "admin", "member"}  # type: ignore[call-overload]
    assert run.get("/healthz")[0] == run.get("/readyz")[0] == run.get("/metrics")[0] == 200
    status, balance = run.get("/api/v1/balance", str(demo["api_key"]))
    assert (status, json.loads(balance)["available"]) == (200, "300.00")
    assert demo["api_key"] in run.said()  # type: ignore[operator]
    simulator = simulator_of(run)
    for name in ("demo.json", "secrets.json", "simulator.json"):
        assert stat.S_IMODE((run.data / name).stat().st_mode) == 0o600

    assert "Another run is using" in refusal(run.data)
    assert run.get("/readyz")[0] == 200

    everything = run.everything()
    assert run.stop() == 0
    assert gone(everything)

    again = Run(run.data, **NO_MODEL).until_ready()
    try:
        assert {**again.demo(), "url": ""} == {**demo, "url": ""}
        assert again.get("/api/v1/balance", str(demo["api_key"]))[0] == 200
        assert simulator_of(again) == simulator
    finally:
        assert again.stop() == 0


def test_everything_dies_with_a_killed_supervisor_and_the_next_run_goes_on(lasting: list[Run]) -> None:
    run = lasting[-1].until_ready()
    everything = run.everything()
    run.process.kill()
    assert gone(everything)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        again = Run(run.data, run.port, RAZORPAY_SIMULATOR_PORT=str(other.getsockname()[1]), **NO_MODEL).until_ready()
    assert again.get("/readyz")[0] == 200
    assert "The payment simulator did not start" in again.said()  # and the rest is of use without it
    assert "Payments are simulated" not in again.said()
    assert again.stop() == 0
    lasting.append(Run(run.data, **NO_MODEL))


def test_whatever_is_killed_is_started_again(lasting_run: Run) -> None:
    run = lasting_run
    key = str(run.demo()["api_key"])
    server = int((run.data / "postgres/postmaster.pid").read_text().split()[0])
    commands = {child.pid: child.cmdline()[-1] for child in run.process.children()}
    killed, before = ("serve", "worker", "razorpay_simulator"), len(run.said())
    for pid in [server, *(pid for pid, command in commands.items() if command in killed)]:
        os.kill(pid, signal.SIGKILL)
    answers(run, key)
    eventually(lambda: simulator_of(run))
    assert "The database ended by itself" in run.said()[before:]


def test_a_database_killed_again_while_it_recovers_does_not_end_everything(lasting_run: Run) -> None:
    run = lasting_run
    key = str(run.demo()["api_key"])
    killed: set[int] = set()
    deadline = time.monotonic() + 60
    while len(killed) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
        for child in run.process.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.name() == "postgres" and child.pid not in killed:
                    child.kill()
                    killed.add(child.pid)
    answers(run, key)


def simulator_of(run: Run) -> str:
    """Where its payment simulator answers. Raises OSError while it does not."""
    said = re.search(r"Payments are simulated, no money moves: (http://127\.0\.0\.1:[0-9]+)$", run.said(), re.MULTILINE)
    assert said is not None, run.said()
    with urllib.request.urlopen(f"{said[1]}/healthz", timeout=10) as answer:
        assert answer.status == 200
    return said[1]


def answers(run: Run, key: str) -> None:
    """Wait until the balance can be read."""
    eventually(lambda: run.get("/api/v1/balance", key)[0] == 200)


def eventually(holds: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if holds():
                return
        time.sleep(0.1)
    raise AssertionError("It never was so.")


def refusal(data: Path, **environ: str) -> str:
    """The one sentence a run ends with."""
    sentences = refusals(data, **environ)
    assert len(sentences) == 1, sentences
    return sentences[0]


def refusals(data: Path, **environ: str) -> list[str]:
    """What a run ends with."""
    least = {"PATH": os.environ["PATH"], "PORT": str(free_port()), "TESTKASE_DATA": str(data)}
    done = run_command("run", environ={**least, **environ})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"PORT": "0"}, "PORT must be a port number"),
        ({"PORT": "8140", "TESTKASE_WORKER_METRICS_PORT": "8140"}, "TESTKASE_WORKER_METRICS_PORT is 8140 as PORT is"),
        ({"HOST": "nowhere.invalid"}, "is not an address of this machine"),
        (LIVE_KEYS | {"RAZORPAY_API_URL": "http://127.0.0.1:9000"}, "Live keys of Razorpay are for https://api"),
        ({"DATABASE_URL": "not an address"}, "DATABASE_URL is not a PostgreSQL address"),
        ({"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/db"}, "DATABASE_URL does not lead to a database"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(data: Path, environ: dict[str, str], words: str) -> None:
    sentence = refusal(data, **environ)
    assert words in sentence
    assert "hidden" not in sentence


def test_a_busy_port_is_named(data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"Port {port} on 127.0.0.1 is in use" in refusal(data, PORT=port)
        metrics = refusal(data, TESTKASE_WORKER_METRICS_PORT=port)
        assert f"or choose another: TESTKASE_WORKER_METRICS_PORT={int(port) + 1}" in metrics


def test_every_fault_of_a_price_book_is_told_at_once(data: Path, tmp_path: Path) -> None:
    book = (Path(pricing.__file__).parent / "price_book/2026-11-01.toml").read_text()
    faulty = book.replace('currency = "USD"', 'currency = "EUR"').replace("monthly_allowance", "allowance")
    (tmp_path / "2026-11-01.toml").write_text(faulty)
    said = refusals(data, TESTKASE_PRICE_BOOK=str(tmp_path))
    assert len(said) == 3, said
    assert {line.removeprefix("testkase: ").split(": ")[1] for line in said} == {
        "currency", "monthly_allowance", "allowance",
    }  # fmt: skip


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal(tmp_path / "file/var")
