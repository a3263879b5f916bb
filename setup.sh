#!/bin/sh
# Makes .venv with exactly what requirements.txt locks, and this project in it, editable. Run by `make setup`.
# Costs nothing when the lock has not changed. Names no package index: pip's own configuration says where to look.
set -eu
cd "$(dirname "$0")"

venv_python=.venv/bin/python
stamp=.venv/installed-lock

say() { printf '%s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

suits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        suits "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 to 3.14."
        say "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.14 python3.11 python \
        "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.1[1-4]*/bin/python3; do
        if suits "$candidate"; then
            say "$candidate"
            return
        fi
    done
    fail "no Python 3.11 to 3.14 found. Install one, or name it: make PYTHON=/path/to/python3 ..."
}

# Debian ships Python without ensurepip: then a virtualenv or a pip at hand does as well.
make_venv() {
    rm -rf .venv
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -m venv .venv
    elif "$python" -m virtualenv --version >/dev/null 2>&1; then
        "$python" -m virtualenv --quiet .venv
    elif "$python" -m pip --version >/dev/null 2>&1 && "$python" -m venv --without-pip .venv >/dev/null 2>&1; then
        "$python" -m pip --python "$venv_python" --version >/dev/null 2>&1 || no_venv
    else
        no_venv
    fi
}

no_venv() {
    rm -rf .venv
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    fail "$python has no venv module that can install pip. On Debian or Ubuntu:
    apt install python3-venv        (or python$version-venv)
and run the same command again."
}

# The lock holds pip too, so an environment made without it gets it from the other pip, once.
install_locked() {
    if "$venv_python" -m pip --version >/dev/null 2>&1; then
        "$venv_python" -m pip install --disable-pip-version-check --require-hashes --requirement requirements.txt
    else
        "$python" -m pip --python "$venv_python" install --require-hashes --requirement requirements.txt
    fi
}

fingerprint=$(cat requirements.txt setup.sh | cksum)" $(pwd)"
if suits "$venv_python" && [ "$(cat "$stamp" 2>/dev/null)" = "$fingerprint" ]; then
    exit 0
fi

if ! suits "$venv_python" || ! "$venv_python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    say "Making .venv with $("$python" --version) ($python)"
    make_venv
fi
python=${python:-$venv_python}
say "Installing the locked packages (about 160 of them, servers included: a few minutes the first time)"
install_locked
"$venv_python" -m pip install --disable-pip-version-check --quiet \
    --no-deps --no-index --no-build-isolation --editable .
say "$fingerprint" > "$stamp"
say "Ready."
