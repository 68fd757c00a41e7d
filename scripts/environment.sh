#!/bin/sh
# Makes .venv from a lock file, once per content of that file: environment.sh run | development.
# A warm start compares two files and is done.
set -eu
cd "$(dirname "$0")/.."

case "${1:-}" in
    run) lock=requirements.lock ;;
    development) lock=requirements-dev.lock ;;
    *) echo "usage: environment.sh run | development" >&2; exit 2 ;;
esac

venv=.venv
python=$venv/bin/python

fail() { echo "testkase: $1" >&2; exit 1; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

make_venv() {
    base=$(scripts/python.sh) || exit 1
    rm -rf "$venv"
    if "$base" -m venv "$venv" >/dev/null 2>&1; then
        return
    fi
    # Some systems ship Python without ensurepip. A pip outside can still fill an environment that has none.
    rm -rf "$venv"
    "$base" -m venv --without-pip "$venv" >/dev/null 2>&1 ||
        fail "$base cannot make a virtual environment in $(pwd): install its venv module (Debian, Ubuntu: python3-venv) and see that the folder can be written."
    "$base" -m pip --version >/dev/null 2>&1 ||
        fail "$base has no pip: install it (Debian, Ubuntu: python3-venv or python3-pip)."
}

install() {
    echo "Installing the environment into $venv (once; a minute or two)."
    rm -f "$venv"/installed-*.lock
    if "$python" -m pip --version >/dev/null 2>&1; then
        set -- "$python" -m pip
    else
        set -- "$(scripts/python.sh)" -m pip --python "$python"
    fi
    install_halves "$@" || fail "The packages of $lock could not be installed; what pip says is above."
    compile
    cp "$lock" "$venv/installed-$lock"
    # The development lock holds everything the other one does.
    [ "$lock" = requirements.lock ] || cp requirements.lock "$venv/installed-requirements.lock"
}

# Two at a time: pip uses one core, and waits for every download. Each package is in one half, whole.
install_halves() {
    halves=$(mktemp -d) || return 1
    awk -v folder="$halves" '/^[^ #]/ { packages++ } { print > (folder "/" packages % 2) }' "$lock"
    pids=""
    trap 'kill $pids 2>/dev/null; exit 130' INT TERM # what a shell runs in the background does not hear of Ctrl-C
    for half in "$halves"/*; do
        "$@" --disable-pip-version-check install -qq --no-input --no-deps --no-compile --require-hashes \
            --only-binary :all: -r "$half" &
        pids="$pids $!"
    done
    failed=0
    for pid in $pids; do
        wait "$pid" || failed=1
    done
    trap - INT TERM
    rm -rf "$halves"
    return $failed
}

site_packages() { "$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

# On every core, which pip does not. Some packages carry templates that are no Python: what remains is compiled when it
# is first imported, as is what is large and hardly ever imported.
compile() {
    "$python" -m compileall -qq -j 0 -x \
        '/(allauth/socialaccount/providers|faker|graphql|mypy|mypyc|oauthlib|openai|pip|pygments/lexers|setuptools)/' \
        "$(site_packages)" || true
}

# The source is on the path by a .pth file: nothing to build, and edits are live. Rewritten when the clone has moved.
link_source() {
    link=$(site_packages)/testkase-source.pth
    if [ "$(cat "$link" 2>/dev/null || true)" != "$(pwd)/src" ]; then
        echo "$(pwd)/src" >"$link"
    fi
}

if ! "$python" -c '' 2>/dev/null || ! is_new_enough "$python"; then
    make_venv
fi
cmp -s "$lock" "$venv/installed-$lock" || install
link_source
