#!/bin/sh
# Renews both lock files from pyproject.toml: for every platform, with hashes, without the address of any index.
set -eu
cd "$(dirname "$0")/.."

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    .venv/bin/python -m pip --disable-pip-version-check install --quiet --target .venv/uv uv
    uv=.venv/uv/bin/uv
fi
common="--universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --quiet"
# shellcheck disable=SC2086
"$uv" pip compile pyproject.toml $common -o requirements.lock
# shellcheck disable=SC2086
"$uv" pip compile pyproject.toml --group dev $common -o requirements-dev.lock
