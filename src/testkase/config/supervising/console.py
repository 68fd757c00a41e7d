"""What `make run` says."""

from typing import Any

from testkase.foundation.settings import Settings


def say(text: str) -> None:
    """One line, at once, also where the output is a pipe."""
    print(text, flush=True)


def ready(settings: Settings, demo: dict[str, Any] | None, *, simulator: str | None = None) -> None:
    """Where to go, who to sign in as, which key to use; the last line is the word others wait for."""
    say(f"\nTestKase is at {settings.public_url}\n")
    if demo is not None:
        say(f"  {demo['organization']}, a demonstration organization:")
        for role, user in demo["users"].items():
            say(f"    {role:<8}{user['email']:<30}{user['password']}")
        say(f"    {'API key':<8}{demo['api_key']}")
        say(f"    {'OpenAI':<8}{settings.public_url}/openai/v1 as the base URL of any client\n")
    if simulator is not None:
        say(f"  Payments are simulated, no money moves: {simulator}\n")
    say(f"  All state is in {settings.data}; logs in {settings.data / 'log'}. Ctrl-C stops everything.\n")
    say("ready")
