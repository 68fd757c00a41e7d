#!/bin/sh
# The embedded model needs the system's libgomp, which small container images leave out. Everything else works without.
set -eu

[ "$(uname -s)" = Linux ] || exit 0
for library in /usr/lib/libgomp.so.1 /usr/lib64/libgomp.so.1 /usr/lib/*/libgomp.so.1 /lib/*/libgomp.so.1; do
    [ -e "$library" ] && exit 0
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing the system's libgomp1 for the embedded model (once)."
    export DEBIAN_FRONTEND=noninteractive
    if { apt-get update -qq && apt-get install -y -qq --no-install-recommends libgomp1; } >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "testkase: libgomp is missing, so the embedded model will not start: install libgomp1 (Debian, Ubuntu) or libgomp." >&2
