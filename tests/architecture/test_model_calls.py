"""Every way to a model goes through the meter: a model called without a hold is a model nobody pays for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "testkase"
INFERENCE = SOURCE / "services" / "inference"
METERING = SOURCE / "services" / "metering"
PROVIDER_LIBRARIES = {
    "openai",
    "anthropic",
    "google",
    "litellm",
    "ollama",
    "mistralai",
    "cohere",
    "xllamacpp",
    "httptools",
}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(SOURCE.rglob("*.py")):
        yield file, ast.parse(file.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.requirement("P17")
def test_only_inference_imports_what_can_reach_a_provider() -> None:
    for file, tree in sources():
        if INFERENCE in file.parents:
            continue
        names = imported(tree)
        assert not {name.split(".")[0] for name in names} & PROVIDER_LIBRARIES, file
        assert not any(name.startswith("testkase.services.inference.providers") for name in names), file


@pytest.mark.requirement("P17")
def test_only_metering_opens_a_model() -> None:
    for file, tree in sources():
        if INFERENCE in file.parents or METERING in file.parents:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "open":
                assert "catalog" not in ast.unparse(node.value).lower(), f"{file}:{node.lineno}"
