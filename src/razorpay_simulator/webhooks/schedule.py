"""When a message that was not taken is sent again: 10 s, 20 s, 40 s … an hour, for a day."""

from razorpay_simulator.config import Config


def retry_after(config: Config, attempts: int) -> int:
    """Seconds to wait after so many failed attempts."""
    doubled: int = config.backoff_first_seconds * 2 ** min(attempts - 1, 30)
    return min(doubled, config.backoff_most_seconds)


def given_up(config: Config, attempts: int) -> bool:
    """Whether so many attempts have taken long enough. Counted by them and not by the clock: while the simulator was
    not running, nothing was tried."""
    return sum(retry_after(config, attempt) for attempt in range(1, attempts)) >= config.give_up_after_seconds
