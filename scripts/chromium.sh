#!/bin/sh
# Sees that a Chromium is there for the browser tests, and installs the system's where that is allowed.
set -eu

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing the system's Chromium for the browser tests (once)."
    export DEBIAN_FRONTEND=noninteractive
    if { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1; then
        exit 0
    fi
    reason="apt-get could not install it"
else
    reason="only root can install it"
fi

echo "testkase: there is no Chromium and $reason, so the browser tests are skipped: install the package 'chromium'." >&2
[ -z "${CI:-}" ] # on CI nothing is skipped
