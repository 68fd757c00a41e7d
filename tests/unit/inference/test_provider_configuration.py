"""The provider file is refused with a sentence that says what to write (R69–R71)."""

from pathlib import Path
from typing import Any

import pytest

from testkase.foundation.settings import Settings
from testkase.services.inference import EMBEDDED_MODEL, Catalog, ProviderNotAccepted
from testkase.services.inference.configuration import check_base_url, load_providers

GOOD = """
[[providers]]
name = "openai"
base_url = "https://api.openai.com/v1/"
api_key_env = "OPENAI_API_KEY"
no_training = true
zero_retention = true
capabilities = { max_completion_tokens = true, store = true, max_choices = 8, request = { provider = { zdr = true } } }
timeouts = { read = 90.0 }

[[providers.models]]
name = "gpt-5-mini"
upstream = "gpt-5-mini-2025-08-07"
context_window = 400000
max_output_tokens = 16384
"""
KEY = {"OPENAI_API_KEY": "sk-secret"}


def written(folder: Path, text: str) -> Path:
    file = folder / "providers.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_complete_entry_is_accepted(tmp_path: Path) -> None:
    [(provider, (entry,))] = load_providers(written(tmp_path, GOOD), KEY)
    assert (provider.base_url, provider.api_key) == (
        "https://api.openai.com/v1",
        "sk-secret",
    )
    assert (entry.name, entry.upstream_model, entry.max_output_tokens) == (
        "gpt-5-mini",
        "gpt-5-mini-2025-08-07",
        16384,
    )
    assert entry.capabilities.request == (("provider", '{"zdr":true}'),)
    assert provider.timeouts.read == 90
    assert "sk-secret" not in repr(provider)


@pytest.mark.requirement("R70", "R71")
@pytest.mark.parametrize("declaration", ["no_training", "zero_retention"])
@pytest.mark.parametrize("value", ["", "= false"])
def test_a_missing_declaration_is_refused(tmp_path: Path, declaration: str, value: str) -> None:
    line = f"{declaration} {value}" if value else ""
    text = GOOD.replace(f"{declaration} = true", line)
    with pytest.raises(
        ProviderNotAccepted,
        match=rf"'openai': {declaration} is not declared. Write `{declaration} = true`",
    ):
        load_providers(written(tmp_path, text), KEY)


@pytest.mark.requirement("R69")
@pytest.mark.parametrize(
    "url",
    ["http://api.example.com/v1", "http://10.0.0.4/v1", "http://192.168.1.4:8000", "http://localhost.example.com/v1",
     "http://0.0.0.0:8000/v1", "http://127.0.0.1.nip.io/v1", "ftp://x", "api.example.com", "", "https://", "https://u:p@h/v1",
     "https://h/v1?key=1", "https://h:port/v1", "https://[::1/v1"],
)  # fmt: skip
def test_a_url_without_tls_or_with_more_than_a_place_is_refused(url: str) -> None:
    with pytest.raises(ProviderNotAccepted):
        check_base_url(url, place="test")


@pytest.mark.requirement("R69")
@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "http://127.0.0.1:8080/v1",
        "http://[::1]:8080/v1",
        "http://localhost:1234/v1",
    ],
)
def test_https_or_loopback_is_accepted(url: str) -> None:
    assert check_base_url(url + "/", place="test") == url


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("api_key_env =", "api_key ="), "api_key"),
        (("[[providers.models]]", "[[providers.modles]]"), "modles"),
        (("context_window = 400000", 'context_window = "400k"'), "context_window"),
        (("max_output_tokens = 16384", "max_output_tokens = 0"), "max_output_tokens"),
        (('name = "openai"', 'name = ""'), "name"),
        (('name = "openai"', "name = openai"), "Invalid value"),
        (("max_choices = 8", "max_choices = 800"), "max_choices"),
    ],
)
def test_a_malformed_file_is_refused_at_its_place(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    file = written(tmp_path, GOOD.replace(*change))
    with pytest.raises(ProviderNotAccepted, match=sentence) as refused:
        load_providers(file, KEY)
    assert str(file) in refused.value.detail


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OPENAI_API_KEY": ""},
        {"OPENAI_API_KEY": "sk with space"},
        {"OPENAI_API_KEY": "sk-\n"},
    ],
)
def test_a_key_that_is_not_there_is_named_but_never_shown(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ProviderNotAccepted, match="OPENAI_API_KEY") as refused:
        load_providers(written(tmp_path, GOOD), environ)
    assert "with space" not in refused.value.detail


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProviderNotAccepted, match=r"absent\.toml cannot be read"):
        load_providers(tmp_path / "absent.toml", {})


def test_two_providers_of_one_name_or_one_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProviderNotAccepted, match="same name"):
        load_providers(written(tmp_path, GOOD + GOOD), KEY)
    configured = load_providers(written(tmp_path, GOOD + GOOD.replace('"openai"', '"other"')), KEY)
    with pytest.raises(
        ProviderNotAccepted,
        match="'gpt-5-mini' is offered by both 'openai' and 'other'",
    ):
        Catalog(configured)


def test_the_embedded_model_is_there_when_it_has_a_port(tmp_path: Path) -> None:
    def names(**environ: Any) -> list[str]:
        return [entry.name for entry in Catalog.from_settings(Settings.from_environ(environ), KEY).models()]

    assert names() == []
    assert names(TESTKASE_MODEL_PORT="9000") == [EMBEDDED_MODEL]
    both = names(TESTKASE_MODEL_PORT="9000", TESTKASE_PROVIDERS=str(written(tmp_path, GOOD)))
    assert both == [EMBEDDED_MODEL, "gpt-5-mini"]
