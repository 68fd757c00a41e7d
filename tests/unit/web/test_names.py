"""What features are called where people read them."""

import pytest

from testkase.entrypoints.web.templatetags.testkase import use_case


@pytest.mark.parametrize(
    ("slug", "name"),
    [("test_generation", "Test case generation"), ("api", "API"), ("nightly_run", "Nightly run"), ("ci-bot", "Ci bot")],
)
def test_a_feature_is_shown_by_the_name_people_know_it_by(slug: str, name: str) -> None:
    assert use_case(slug) == name
