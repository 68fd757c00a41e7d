"""`python -m razorpay_simulator --port 9000 --key-id rzp_test_… --key-secret …`: a local Razorpay until stopped."""

import sys

from razorpay_simulator.app import create_app
from razorpay_simulator.config import Config, NotStarted, read
from razorpay_simulator.server import run


def main() -> int:
    """The exit code."""
    try:
        config = read(sys.argv[1:])
        run(create_app(config), config.port, started=lambda port: _say(config, port))
    except (NotStarted, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _say(config: Config, port: int) -> None:
    print(f"Razorpay simulator on http://127.0.0.1:{port} for key {config.key_id}. No money moves.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
