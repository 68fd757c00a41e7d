#!/bin/sh
# Sees that a Chromium is there for the browser tests, and installs the system's where that is allowed: the one that
# cannot open windows, where the system has it, for it shows the same pages in a third of the time.
# `chromium.sh light` installs that one beside another Chromium; where it cannot, the other does.
set -eu

light=chromium-headless-shell

is_there() {
    for name in "$@"; do
        if command -v "$name" >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}

some_is_there() { is_there $light chromium chromium-browser google-chrome google-chrome-stable; }

# What is not downloaded in time is given up; what is, is installed undisturbed.
download_and_install() {
    {
        timeout "$2" apt-get install -y -qq --no-install-recommends --download-only "$1" &&
            apt-get install -y -qq --no-install-recommends --no-download "$1"
    } >/dev/null 2>&1 </dev/null
}

install() {
    patience=900
    if some_is_there; then
        patience=60
    fi
    export DEBIAN_FRONTEND=noninteractive
    echo "Installing the system's Chromium for the browser tests (once)."
    timeout $patience apt-get update -qq >/dev/null 2>&1 </dev/null || return 1
    download_and_install $light $patience || some_is_there || download_and_install chromium $patience
}

if is_there $light || { some_is_there && [ "${1:-}" != light ]; }; then
    exit 0
fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    reason="apt-get could not install it"
    install || true
else
    reason="only root can install it"
fi
if some_is_there; then
    exit 0
fi

echo "testkase: there is no Chromium and $reason, so the browser tests are skipped: install the package 'chromium'." >&2
[ -z "${CI:-}" ] # on CI nothing is skipped
