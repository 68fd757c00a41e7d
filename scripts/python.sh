#!/bin/sh
# Prints the Python to make an environment with: PYTHON3 where it is set; otherwise, of those on the PATH, the newest that
# was built with optimisation. One that was not, as pyenv builds them unless told to, takes up to a third more of the
# processor for what we do, and is only used where there is no other.
set -eu

# 2: built with optimisation, as those of distributions are. 1: without. 0: it cannot make an environment.
judge() {
    "$1" -c '
import sys, sysconfig
from importlib.util import find_spec
if sys.version_info < (3, 11):
    sys.exit(1)
complete = find_spec("venv") and (find_spec("ensurepip") or find_spec("pip"))
optimised = sys.base_prefix == "/usr" or "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
print(0 if not complete else 2 if optimised else 1)
' </dev/null 2>/dev/null
}

on_the_path() {
    for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
        printf '%s\n' "${PATH:-}" | tr : '\n' | while IFS= read -r folder; do
            [ ! -x "${folder:-.}/$name" ] || printf '%s\n' "${folder:-.}/$name"
        done
    done
}

fail() { echo "testkase: $1" >&2; exit 1; }

if [ -n "${PYTHON3:-}" ]; then
    judge "$PYTHON3" >/dev/null || fail "PYTHON3 is $PYTHON3, which is not Python 3.11 or newer."
    command -v "$PYTHON3"
    exit
fi

chosen="" best=-1
while [ "$best" -lt 2 ] && IFS= read -r candidate; do
    worth=$(judge "$candidate") || continue
    [ "$worth" -le "$best" ] || { chosen=$candidate best=$worth; }
done <<PYTHONS
$(on_the_path)
PYTHONS

[ -n "$chosen" ] ||
    fail "Python 3.11 or newer is needed (found: $(python3 --version 2>/dev/null || echo none)); install it, or name one: PYTHON3=/path/to/python make run"
echo "$chosen"
