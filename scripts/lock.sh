#!/bin/sh
# Renews the lock files from pyproject.toml: for every platform, with hashes, without the address of any index.
set -eu
cd "$(dirname "$0")/.."

uv=$(command -v uv || echo .venv/uv/bin/uv)
if [ ! -x "$uv" ]; then
    .venv/bin/python -m pip --disable-pip-version-check install -qq --target .venv/uv uv
fi
export UV_SYSTEM_CERTS=1 # trust whom this machine trusts, as pip does
common="--universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --quiet"
# shellcheck disable=SC2086
"$uv" pip compile pyproject.toml $common -o requirements.lock
# shellcheck disable=SC2086
"$uv" pip compile pyproject.toml --group dev $common -o requirements-dev.lock
# shellcheck disable=SC2086
"$uv" pip compile pyproject.toml --extra tracing $common -o requirements-tracing.lock
