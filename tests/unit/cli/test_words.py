"""What operators type is refused in a sentence where it cannot be meant, before anything is asked of the database."""

import pytest
from typer.testing import CliRunner

import testkase.entrypoints.cli.books  # noqa: F401 - registers its commands
from testkase.entrypoints.cli.app import app


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("9" * 30, "5", "--id", "a"), "less than or equal to 9223372036854775807"),
        (("0", "5", "--id", "a"), "greater than or equal to 1"),
        (("1", "5", "--id", ""), "an id has 1 to 128 characters"),
        (("1", "5", "--id", "a" * 129), "an id has 1 to 128 characters"),
        (("1", "5", "--id", "a", "--until", "9999-12-31"), "no day follows it"),
    ],
)
def test_a_grant_that_cannot_be_meant_is_one_sentence(words: tuple[str, ...], told: str) -> None:
    done = CliRunner().invoke(app, ["grant", *words])
    assert (done.exit_code, told in done.output) == (2, True), done.output
