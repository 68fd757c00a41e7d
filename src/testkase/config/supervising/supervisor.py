"""`make run`: starts the database, the embedded model, the payment simulator, the application and the worker; watches
them; stops them in the opposite order. What ends by itself is started again; what we started dies with us, even by
kill -9."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from testkase.config import bootstrap
from testkase.config.data_folder import DataFolder
from testkase.config.failures import CannotStart
from testkase.config.postgres.cluster import EmbeddedPostgres, last_line
from testkase.config.secrets_file import Secrets, load_or_make
from testkase.config.supervising import console, simulator
from testkase.config.supervising.child import Child
from testkase.config.supervising.children import dies_with_parent
from testkase.config.supervising.demo_file import read_demo
from testkase.config.supervising.ports import check_ports, reachable
from testkase.config.supervising.processes import environ_of_app, environ_of_model, with_own_secrets
from testkase.config.supervising.waiting import wait_for
from testkase.core.pricing import load_price_books
from testkase.foundation.settings import Settings

DATABASE = "testkase"
_SIMULATOR = "simulator"
_SENTENCE = "testkase: "
_READY_SECONDS = 120.0
_DRAIN_SECONDS = 30.0
_POLL_SECONDS = 0.1
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 15.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _StopAskedFor(BaseException):
    """SIGTERM or Ctrl-C: unwinds whatever the supervisor was doing."""


class Supervisor:
    """Everything of one installation on one machine."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.postgres: EmbeddedPostgres | None = None
        self.children: dict[str, Child] = {}

    def run(self) -> int:
        """Until SIGTERM or Ctrl-C; the exit code. Raises CannotStart with one sentence."""
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup, closing the terminal means nothing
                signal.signal(number, _unwind)
        with DataFolder(self.settings.data) as data:
            try:
                self._start(data)
                self._say_ready(data)
                while True:
                    self._watch()
            except _StopAskedFor:
                console.say("Stopping.")
                return 0
            finally:
                for number in _SIGNALS:
                    signal.signal(number, signal.SIG_IGN)
                self._stop()

    def _start(self, data: DataFolder) -> None:
        data.wait_for_earlier_children()
        data.refuse_half_restored()
        check_ports(self.settings)
        load_price_books(self.settings.price_book)  # what is wrong there is told before anything is made
        secrets = load_or_make(data.path)
        self.settings = with_own_secrets(self.settings, secrets)
        simulated = simulator.is_wanted(self.settings)
        if simulated:
            self.settings = simulator.with_simulator(self.settings, data.path)
        owner_url = self._start_database(data, secrets)
        app_url = bootstrap.prepare_roles(
            owner_url, app_password=secrets.app_password, app_url=self.settings.app_database_url
        )
        environ = environ_of_app(self.settings, app_url)
        self._start_child("model-server", environ_of_model(environ), data)
        if simulated:
            self._start_simulator(environ, data)
        console.say("Preparing the database.")
        _prepare({**environ, "DATABASE_URL": owner_url})
        console.say("Starting the application, the worker and the embedded model.")
        self._start_child("serve", environ, data)
        self._start_child("worker", environ, data)
        self._wait_until_ready()

    def _start_database(self, data: DataFolder, secrets: Secrets) -> str:
        """The database's URL as its owner."""
        if self.settings.owner_database_url:
            bootstrap.check_server(self.settings.owner_database_url)
            bootstrap.check_owner(self.settings.owner_database_url)
            return self.settings.owner_database_url
        console.say("Starting the database.")
        self.postgres = EmbeddedPostgres(
            data.path / "postgres", password=secrets.owner_password, log=data.log("postgres")
        )
        self.postgres.start()
        return bootstrap.make_database(self.postgres.url(), DATABASE)

    def _start_child(self, command: str, environ: dict[str, str], data: DataFolder) -> None:
        self._start_as(command, Child(command, environ=environ, log=data.log(command), keep_open=data.children_lock))

    def _start_simulator(self, app: dict[str, str], data: DataFolder) -> None:
        environ = simulator.environ_of_simulator(app, self.settings, data.path)
        log = data.log(_SIMULATOR)
        self._start_as(
            _SIMULATOR, Child(module=simulator.MODULE, environ=environ, log=log, keep_open=data.children_lock)
        )

    def _start_as(self, name: str, child: Child) -> None:
        self.children[name] = child
        child.start()

    def _wait_until_ready(self) -> None:
        """The application must answer and the worker live; without the embedded model, or the simulator, the rest is
        still of use."""
        app, worker = self.children["serve"], self.children["worker"]
        host, port = reachable(self.settings.host), self.settings.port
        if not wait_for(host, port, "/readyz", alive=lambda: app.ended is None, timeout_seconds=_READY_SECONDS):
            raise CannotStart(f"The application did not start; {app.log} says: {_end(app.log)}")
        self._wait_for_helper("model-server", "The embedded model", self.settings.model_port, "/health")
        self._wait_for_helper(_SIMULATOR, "The payment simulator", self.settings.simulator_port, "/healthz")
        if worker.ended is not None:
            raise CannotStart(f"The worker did not start; {worker.log} says: {_end(worker.log)}")

    def _wait_for_helper(self, name: str, title: str, port: int, path: str) -> None:
        if (child := self.children.get(name)) is None:
            return
        alive, seconds = (lambda: child.ended is None), _READY_SECONDS
        if not wait_for("127.0.0.1", port, path, alive=alive, timeout_seconds=seconds):
            console.say(f"{title} did not start; {child.log} says: {last_line(child.log)}")

    def _say_ready(self, data: DataFolder) -> None:
        demo = read_demo(data.path) if self.settings.demo else None
        child, account = self.children.get(_SIMULATOR), self.settings.razorpay
        simulates = child is not None and child.ended is None and account is not None
        console.ready(self.settings, demo, simulator=account.api_url if account and simulates else None)

    def _watch(self) -> None:
        """Start again whatever has ended, the database first: the others cannot do without it."""
        if self.postgres is not None and self.postgres.ended:
            _start_again(self.postgres)
        for name, child in self.children.items():
            if ended := child.start_again_when_due():
                console.say(f"{name} ended {ended}; starting it again. Its log: {child.log}")
        time.sleep(_POLL_SECONDS)

    def _stop(self) -> None:
        """Those that answer people and programs first, the model they call next, the database last."""
        for names in (("serve", "worker"), ("model-server", _SIMULATOR)):
            children = [self.children[name] for name in names if name in self.children]
            for child in children:
                child.ask_to_stop()
            deadline = time.monotonic() + self.settings.stop_delay_seconds + _DRAIN_SECONDS
            for child in children:
                child.wait(deadline - time.monotonic())
        if self.postgres is not None:
            self.postgres.stop()


def _start_again(postgres: EmbeddedPostgres) -> None:
    """Until it answers: one that is killed once more while it recovers, or finds the disk full for a while, must not
    take everything else down for good."""
    console.say("The database ended by itself; starting it again.")
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            postgres.start()
        except (CannotStart, OSError) as problem:
            console.say(f"{problem} Trying again.")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        else:
            return


def _prepare(environ: dict[str, str]) -> None:
    """Migrate and seed in a process of its own: Django's memory goes with it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "testkase", "prepare"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=dies_with_parent(),  # noqa: PLW1509 - the supervisor has no threads
    )
    try:
        said, _ = process.communicate()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.returncode != 0:
        if "Traceback" in said:
            console.say(said)
        raise CannotStart(_last_word(said) or "it said nothing")


def _end(log: Path) -> str:
    return _last_word(log.read_text(errors="replace"))


def _last_word(said: str) -> str:
    """What a process of ours ended with: its sentence, of several lines where there are several faults, else the last
    line."""
    lines = said.strip().splitlines()
    for number in reversed(range(len(lines))):
        if lines[number].startswith(_SENTENCE):
            return "\n".join(lines[number:]).removeprefix(_SENTENCE)
        if lines[number].startswith(("{", "Traceback")):  # of the log, with sentences of earlier starts before it
            break
    return lines[-1] if lines else ""


def _unwind(_number: int, _frame: FrameType | None) -> None:
    """Once: whoever asks again while everything is being stopped must not break that off."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise _StopAskedFor
