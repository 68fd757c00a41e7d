"""What people call a use case, wherever they read of it: on pages, in letters, in the activity history."""

FEATURES = {"test_generation": "Test case generation", "chat": "Chat assistant", "report": "AI report"}
"""The product's own, in the order of breakdowns."""


def use_case_name(slug: str) -> str:
    """ "test_generation" → "Test case generation"; another program's slug is made readable: "nightly-tests" → "Nightly
    tests"."""
    if slug == "api":  # calls that name no feature of their own
        return "API"
    return FEATURES.get(slug) or slug.replace("_", " ").replace("-", " ").capitalize()
