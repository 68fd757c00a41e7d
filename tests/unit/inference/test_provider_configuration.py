"""The provider file is refused with a sentence that says what to write (R69–R71)."""

import re
from pathlib import Path
from typing import Any

import pytest

from testkase.core.pricing import load_price_books
from testkase.foundation.settings import Settings
from testkase.services.inference import EMBEDDED_MODEL, Catalog, ProviderNotAccepted
from testkase.services.inference.addresses import check_base_url
from testkase.services.inference.configuration import load_providers, load_quality

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


def test_a_file_whose_editor_marks_it_as_utf_8_is_read_like_any_other(tmp_path: Path) -> None:
    assert load_providers(written(tmp_path, "\ufeff" + GOOD), KEY) == load_providers(written(tmp_path, GOOD), KEY)


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


OTHERS = """
[[providers]]
name = "anthropic"
kind = "anthropic"
base_url = "https://api.anthropic.com/v1"
no_training = true
zero_retention = true
capabilities = { thinking = "level" }

[[providers.models]]
name = "claude-haiku-4-5"
context_window = 200000
max_output_tokens = 8192
thinking = "budget"
sampling = false
fallback = ["gpt-5-mini"]

[[providers]]
name = "azure"
kind = "azure"
api_version = "2024-10-21"
base_url = "https://example.openai.azure.com"
no_training = true
zero_retention = true

[[providers.models]]
name = "gpt-5"
upstream = "our-deployment"
context_window = 400000
max_output_tokens = 8192

[quality.chat]
fast = "claude-haiku-4-5"
best = "gpt-5"
"""


def test_every_kind_of_provider_can_be_named(tmp_path: Path) -> None:
    (_, _), (_, (claude,)), (azure, (gpt,)) = load_providers(written(tmp_path, GOOD + OTHERS), KEY)
    assert (claude.kind, claude.capabilities.thinking, claude.capabilities.sampling) == ("anthropic", "budget", False)
    assert claude.fallback == ("gpt-5-mini",)
    assert (azure.kind, azure.api_version, gpt.upstream_model) == ("azure", "2024-10-21", "our-deployment")
    assert load_quality(tmp_path / "providers.toml") == {
        ("chat", "fast"): "claude-haiku-4-5",
        ("chat", "best"): "gpt-5",
    }


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (('kind = "azure"\n', 'kind = "bedrock"\n'), "bedrock"),
        (('api_version = "2024-10-21"\n', ""), "api_version names"),
        (('kind = "azure"\n', ""), "api_version is for Azure only"),
        (('{ thinking = "level" }', "{ store = true }"), "store has no meaning for the kind 'anthropic'"),
        (('kind = "anthropic"\n', ""), "thinking has no meaning"),
        (("[quality.chat]", "[quality.poetry]"), "no feature 'poetry'"),
        (("fast = ", "slow = "), "slow"),
        (('best = "gpt-5"', 'best = "gpt-6"'), "quality.chat.best names 'gpt-6'"),
        (('["gpt-5-mini"]', '["gpt-6"]'), "falls back to 'gpt-6'"),
        (('["gpt-5-mini"]', '["claude-haiku-4-5"]'), "no other model"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_with_its_name(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    text = GOOD + OTHERS.replace(*change)
    file = written(tmp_path, text)
    with pytest.raises(ProviderNotAccepted, match=sentence) as refused:
        Catalog.from_settings(Settings.from_environ({"TESTKASE_PROVIDERS": str(file)}), KEY)
    assert refused.value.detail.startswith(f"{file}: ")


def test_levels_follow_from_prices_where_the_operator_named_none(tmp_path: Path) -> None:
    """The cheapest model is fast, the dearest best; the embedded one is among them only where there is no other."""
    prices = {EMBEDDED_MODEL: 1, "gpt-5-mini": 20, "claude-haiku-4-5": 10, "gpt-5": 90}
    environ = {"TESTKASE_PROVIDERS": str(written(tmp_path, GOOD + OTHERS)), "TESTKASE_MODEL_PORT": "9000"}
    catalog = Catalog.from_settings(Settings.from_environ(environ), KEY)

    def names(feature: str, **other: int | None) -> list[str]:
        costs: dict[str, int | None] = {**prices, **other}
        return [entry.name for entry in catalog.levels(feature, lambda entry: costs[entry.name]).values()]

    assert names("report") == ["claude-haiku-4-5", "gpt-5-mini", "gpt-5"]
    assert names("chat") == ["claude-haiku-4-5", "gpt-5-mini", "gpt-5"]
    assert names("chat", **{"gpt-5": None}) == ["claude-haiku-4-5", "claude-haiku-4-5", "gpt-5-mini"]
    only = Catalog.from_settings(Settings.from_environ({"TESTKASE_MODEL_PORT": "9000"}), {})
    assert {entry.name for entry in only.levels("chat", lambda _: 1).values()} == {EMBEDDED_MODEL}
    assert only.levels("chat", lambda _: None) == {}


def test_the_example_in_the_documentation_is_accepted(tmp_path: Path) -> None:
    document = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
    file = written(tmp_path, "\n".join(re.findall(r"```toml\n(.*?)```", document, re.DOTALL)))
    keys = dict.fromkeys(re.findall(r'api_key_env = "([A-Z_]+)"', document), "sk-secret")
    settings = Settings.from_environ({"TESTKASE_PROVIDERS": str(file)})
    entries = Catalog.from_settings(settings, keys).models()
    assert {entry.kind for entry in entries} == {"openai", "anthropic", "gemini", "azure"}
    assert {entry.name for entry in entries} - set(load_price_books().books[-1].models()) == set()
