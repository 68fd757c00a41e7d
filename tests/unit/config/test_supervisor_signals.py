"""What the supervisor makes of signals, and of the last words of its children."""

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


@pytest.mark.parametrize(
    ("log", "word"),
    [
        ('{"event": "a"}\ntestkase: one\ntwo\n', "one\ntwo"),
        ('testkase: of an earlier start\n{"event": "b"}\nFatal Python error', "Fatal Python error"),
        ("testkase: earlier\nTraceback (most recent call last):\n  File\nOSError: 28\n", "OSError: 28"),
        ("", ""),
    ],
)
def test_the_last_word_of_a_log_is_a_whole_sentence_of_the_last_start(log: str, word: str) -> None:
    assert supervisor._last_word(log) == word
