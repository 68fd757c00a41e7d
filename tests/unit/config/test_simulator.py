"""The payment simulator of a demonstration: what it is given, and what stays the same between two starts."""

import socket
import stat
from pathlib import Path

import pytest

from testkase.config.supervising import simulator
from testkase.config.supervising.ports import free_port
from testkase.config.supervising.processes import environ_of_app, environ_of_model
from testkase.foundation.settings import Settings

KEYS = {"RAZORPAY_KEY_ID": "rzp_test_a", "RAZORPAY_KEY_SECRET": "b", "RAZORPAY_WEBHOOK_SECRET": "c"}


def settings(folder: Path, **environ: str) -> Settings:
    return Settings.from_environ({"TESTKASE_DATA": str(folder), **environ})


def test_an_operators_command_finds_the_running_simulator_and_moves_nothing(tmp_path: Path) -> None:
    assert simulator.beside_demonstration(settings(tmp_path)).razorpay is None
    assert list(tmp_path.iterdir()) == []
    started = simulator.with_simulator(settings(tmp_path), tmp_path)
    with socket.socket() as running:
        running.bind(("127.0.0.1", started.simulator_port))
        running.listen()
        assert simulator.beside_demonstration(settings(tmp_path)).razorpay == started.razorpay
    assert simulator.beside_demonstration(settings(tmp_path, TESTKASE_DEMO="0")).razorpay is None


@pytest.mark.requirement("B15")
def test_only_a_demonstration_without_keys_has_a_simulator(tmp_path: Path) -> None:
    assert simulator.is_wanted(settings(tmp_path))
    assert not simulator.is_wanted(settings(tmp_path, TESTKASE_DEMO="0"))
    assert not simulator.is_wanted(settings(tmp_path, **KEYS))


def test_keys_and_address_stay(tmp_path: Path) -> None:
    first, second = (simulator.with_simulator(settings(tmp_path), tmp_path) for _ in range(2))
    assert first.razorpay == second.razorpay
    assert first.razorpay is not None
    assert first.razorpay.is_test
    assert first.razorpay.api_url == f"http://127.0.0.1:{first.simulator_port}"
    assert first.razorpay.checkout_js == f"{first.razorpay.api_url}/v1/checkout.js"
    assert stat.S_IMODE((tmp_path / "simulator.json").stat().st_mode) == 0o600


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "simulator.json").write_text("{")
    made = simulator.with_simulator(settings(tmp_path), tmp_path)
    assert made.razorpay == simulator.with_simulator(settings(tmp_path), tmp_path).razorpay


def test_a_port_taken_meanwhile_is_left_to_its_owner(tmp_path: Path) -> None:
    first = simulator.with_simulator(settings(tmp_path), tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.simulator_port))
        other.listen()
        second = simulator.with_simulator(settings(tmp_path), tmp_path)
    assert second.simulator_port != first.simulator_port
    assert first.razorpay is not None
    assert second.razorpay is not None
    assert second.razorpay.key_secret == first.razorpay.key_secret


def test_the_operator_may_choose_the_port(tmp_path: Path) -> None:
    port = free_port()
    asked = settings(tmp_path, RAZORPAY_SIMULATOR_PORT=str(port))
    assert simulator.with_simulator(asked, tmp_path).simulator_port == port


def test_each_process_gets_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:hidden@127.0.0.1/db")
    made = simulator.with_simulator(settings(tmp_path, TESTKASE_SECRET_KEY="hidden-key"), tmp_path)
    app = environ_of_app(made, "postgresql://app:hidden@127.0.0.1/db")
    assert Settings.from_environ(app).razorpay == made.razorpay
    assert made.razorpay is not None
    assert made.razorpay.key_secret not in environ_of_model(app).values()
    told = simulator.environ_of_simulator(app, made, tmp_path)
    assert not [value for value in told.values() if "hidden" in value]
    assert told["RAZORPAY_SIMULATOR_WEBHOOK_URL"] == "http://127.0.0.1:8000/webhooks/razorpay"
    assert told["RAZORPAY_SIMULATOR_KEY_SECRET"] == made.razorpay.key_secret
    assert told["RAZORPAY_SIMULATOR_PORT"] == str(made.simulator_port)


def test_ids_do_not_come_again_when_its_file_is_lost(tmp_path: Path) -> None:
    made = simulator.with_simulator(settings(tmp_path), tmp_path)
    first, second = (simulator.environ_of_simulator({}, made, tmp_path) for _ in range(2))
    assert first["RAZORPAY_SIMULATOR_SEED"] != second["RAZORPAY_SIMULATOR_SEED"]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000/webhooks/razorpay"),
        ("::", "http://[::1]:8000/webhooks/razorpay"),
        ("localhost", "http://localhost:8000/webhooks/razorpay"),
        ("192.0.2.7", None),
    ],
)
def test_webhooks_go_to_this_machine_alone(tmp_path: Path, host: str, url: str | None) -> None:
    made = simulator.with_simulator(settings(tmp_path, HOST=host), tmp_path)
    told = simulator.environ_of_simulator({}, made, tmp_path)
    assert told.get("RAZORPAY_SIMULATOR_WEBHOOK_URL") == url
