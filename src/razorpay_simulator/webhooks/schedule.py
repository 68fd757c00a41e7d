"""When a message that was not taken is sent again: 10 s, 20 s, 40 s … an hour, for a day."""

from razorpay_simulator.config import Config


def retry_after(config: Config, attempts: int) -> int:
    """Seconds to wait after so many failed attempts."""
    doubled: int = config.backoff_first_seconds * 2 ** min(attempts - 1, 30)
    return min(doubled, config.backoff_most_seconds)


def given_up(config: Config, created_at: float, now: float) -> bool:
    """Whether a message has been tried for long enough."""
    return now - created_at >= config.give_up_after_seconds
