"""Whoever asks the supervisor to stop a second time does not break off what the first one began."""

import signal

import pytest

from testkase.config.supervising import supervisor


def test_a_second_signal_is_not_heard_while_everything_is_stopped() -> None:
    before = {number: signal.getsignal(number) for number in supervisor._SIGNALS}
    try:
        for number in supervisor._SIGNALS:
            signal.signal(number, supervisor._unwind)
        with pytest.raises(supervisor._StopAskedFor):
            signal.raise_signal(signal.SIGTERM)
        for number in supervisor._SIGNALS:
            signal.raise_signal(number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
