"""An operator's command works with the secret key of the installation it is about."""

from pathlib import Path

import pytest

from testkase.config.secrets_file import load_or_make, with_kept_secret
from testkase.foundation.settings import Settings


def settings(data: Path) -> Settings:
    return Settings.from_environ({"TESTKASE_DATA": str(data)})


def test_the_key_of_the_data_folder_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TESTKASE_SECRET_KEY", raising=False)
    kept = load_or_make(tmp_path).secret_key
    assert with_kept_secret(settings(tmp_path)).secret_key == kept


def test_the_operators_own_goes_before_it_and_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings(tmp_path)
    assert with_kept_secret(before) is before
    load_or_make(tmp_path)
    monkeypatch.setenv("TESTKASE_SECRET_KEY", "the operator's")
    assert with_kept_secret(before) is before
