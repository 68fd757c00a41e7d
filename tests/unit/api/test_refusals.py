"""What a caller is told of errors that are no problems."""

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from testkase.entrypoints.api.refusals import as_problem


@pytest.mark.parametrize("error", [psycopg.OperationalError("gone"), PoolTimeout("none left"), OSError("no route")])
def test_what_may_pass_is_worth_a_repetition(error: Exception) -> None:
    assert as_problem(error).code == "unavailable"


@pytest.mark.parametrize("error", [psycopg.DataError("cannot contain NUL"), ZeroDivisionError("division by zero")])
def test_a_fault_of_ours_is_said_to_be_one_and_logged(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    assert as_problem(error).code == "internal"
    assert [record.levelname for record in caplog.records] == ["ERROR"]
