"""A scripted upstream and catalogues that lead to it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from testkase.services.inference import (
    Capabilities,
    Catalog,
    ModelEntry,
    Provider,
    Timeouts,
)
from testkase.services.inference.model import Kind
from tests.support.upstream import Upstream, scripted_upstream

PROVIDER = Provider(
    name="scripted",
    base_url="",
    api_key="sk-scripted-key",
    no_training=True,
    zero_retention=True,
)


class Lab:
    """Makes catalogues of one model, `m`, served by the scripted upstream."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.made: list[Catalog] = []

    def catalog(
        self,
        *,
        read_timeout: float = 5.0,
        write_timeout: float = 5.0,
        base_url: str | None = None,
        capabilities: Capabilities | None = None,
        kind: Kind = "openai",
    ) -> Catalog:
        able = capabilities or Capabilities()
        version = "2024-10-21" if kind == "azure" else ""
        provider = replace(
            PROVIDER,
            base_url=base_url or self.upstream.base_url,
            timeouts=Timeouts(connect=1.0, read=read_timeout, write=write_timeout),
            capabilities=able,
            kind=kind,
            api_version=version,
        )
        entry = ModelEntry(
            name="m",
            provider="scripted",
            upstream_model="m-2026",
            context_window=100_000,
            max_output_tokens=8_192,
            no_training=True,
            zero_retention=True,
            capabilities=able,
            kind=kind,
        )
        self.made.append(Catalog([(provider, (entry,))]))
        return self.made[-1]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with scripted_upstream() as running:
        yield running


@pytest.fixture
async def lab(upstream: Upstream) -> AsyncIterator[Lab]:
    laboratory = Lab(upstream)
    yield laboratory
    for catalog in laboratory.made:
        await catalog.close()
