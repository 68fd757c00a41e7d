"""The operator's file of identity providers: what is accepted, and what stops the start."""

from pathlib import Path

import pytest

from testkase.config.failures import CannotStart
from testkase.config.identity_providers import identity_providers

ACME = """
[[providers]]
id = "acme"
name = "Acme"
issuer = "https://login.acme.example/"
client_id = "testkase"
client_secret_env = "ACME_CLIENT_SECRET"
"""
ENVIRON = {"ACME_CLIENT_SECRET": "from the environment"}


def test_a_file_whose_editor_marks_it_as_utf_8_is_read_like_any_other(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + ACME) == read(tmp_path, ACME)


def read(folder: Path, text: str) -> object:
    path = folder / "providers.toml"
    path.write_text(text, encoding="utf-8")
    return identity_providers(path, ENVIRON)


def test_without_a_file_there_are_none() -> None:
    assert identity_providers(None) == {}


def test_a_provider_is_read_with_its_secret_from_the_environment(tmp_path: Path) -> None:
    app = {
        "provider_id": "acme",
        "name": "Acme",
        "client_id": "testkase",
        "secret": "from the environment",
        "settings": {"server_url": "https://login.acme.example"},
    }
    assert read(tmp_path, ACME) == {"openid_connect": {"APPS": [app]}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("https://login", "http://login"), "must be an https address"),
        (('"https://login.acme.example/"', '"login"'), "must be an https address"),
        (("ACME_CLIENT_SECRET", "UNSET"), "UNSET is not set"),
        (('id = "acme"', 'id = "Acme Inc"'), "Expected `str` matching regex"),
        (('name = "Acme"', 'secret = "in the file"'), "secret"),
        (("[[providers]]", "[[providers"), "providers.toml"),
    ],
)
def test_what_cannot_be_trusted_stops_the_start(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with pytest.raises(CannotStart, match=words):
        read(tmp_path, ACME.replace(*change))


def test_two_providers_do_not_share_an_id(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="same id"):
        read(tmp_path, ACME + ACME)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="cannot be read"):
        identity_providers(tmp_path / "none.toml", ENVIRON)
