"""Whether an address can be bound, before anything else is started."""

import errno
import socket
from typing import Any

from testkase.config.failures import CannotStart
from testkase.foundation.settings import Settings


def check_ports(settings: Settings) -> None:
    """Raises CannotStart, naming the setting, when the processes of one machine could not all listen."""
    check_free(settings.host, settings.port)
    others = {
        "TESTKASE_WORKER_METRICS_PORT": settings.worker_metrics_port,
        "TESTKASE_MODEL_PORT": settings.model_port,
        "RAZORPAY_SIMULATOR_PORT": settings.simulator_port,
    }
    for variable, port in others.items():
        if port == settings.port:
            raise CannotStart(f"{variable} is {port} as PORT is: choose another for one of them.")
    if settings.worker_metrics_port:
        check_free(settings.host, settings.worker_metrics_port, variable="TESTKASE_WORKER_METRICS_PORT")


def check_free(host: str, port: int, *, variable: str = "PORT") -> None:
    """Raises CannotStart, saying what to do, when nobody could listen there."""
    if port == 0:
        raise CannotStart("PORT must be a port number from 1 to 65535, not 0.")
    family, kind, protocol, _, address = _resolve(host, port)
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise CannotStart(_reason(host, port, error, variable)) from error


def address_of(host: str) -> str:
    """The address to listen on, where `host` may be a name such as localhost. Raises CannotStart."""
    return str(_resolve(host, 0)[4][0])


def _resolve(host: str, port: int) -> tuple[Any, ...]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise CannotStart(f"HOST={host} is not an address of this machine.") from error


def _reason(host: str, port: int, error: OSError, variable: str) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 8000
        return f"Port {port} on {host} is in use: stop what listens there, or choose another: {variable}={other}"
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than this user has: choose one above 1023 for {variable}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"HOST={host} is not an address of this machine."
    return f"Port {port} on {host} cannot be used: {error.strerror}."


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    try:
        check_free(host, port)
    except CannotStart:
        return False
    return True


def free_port() -> int:
    """A port on loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def reachable(host: str) -> str:
    """The address by which this machine itself reaches a server bound to `host`."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
