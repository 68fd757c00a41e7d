"""A slice of the campaign of tampering; what the self-audit would not see, the campaign would."""

from pathlib import Path

import pytest

from campaigns.tampering import tampering
from campaigns.tampering.tampering import tamper
from tests.support.cluster import TestDatabase


@pytest.mark.slow
@pytest.mark.requirement("B4", "I12")
def test_every_change_of_a_superuser_is_found_and_right_books_are_right(database: TestDatabase, tmp_path: Path) -> None:
    outcome = tamper(database, tmp_path, changes=100, seed=20_261_128)
    assert outcome.faults == [], outcome.line
    assert int(outcome.figures["books"]) == 4
    assert int(outcome.figures["untouched looked at"]) == 2
    assert outcome.figures["forged"]
    assert int(outcome.figures["of sums of days"]) > 10


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A self-audit that says what it is told to."""
    said: list[str] = []
    monkeypatch.setattr(tampering, "faults_of", lambda *_: said)
    return said


def test_a_self_audit_that_sees_nothing_is_found(database: TestDatabase, tmp_path: Path, blind: list[str]) -> None:
    assert len(tamper(database, tmp_path, changes=10, seed=1).faults) == 10


def test_a_false_alarm_is_a_fault(database: TestDatabase, tmp_path: Path, blind: list[str]) -> None:
    blind.append("I2 0")
    assert tamper(database, tmp_path, changes=10, seed=1).faults == ["book 1, untouched: I2 0"]
