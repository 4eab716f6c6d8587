#!/bin/sh
# Makes the virtual environment from requirements.lock. uv is used where it is found, and not needed.
set -eu
venv=${1:?usage: setup.sh FOLDER}
python=${PYTHON:-python3}

fail() {
    printf 'setup: %s\n  → %s\n' "$1" "$2" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "no $python on PATH" "install Python 3.11 or later, or name one: make setup PYTHON=/path/to/python3.12"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old" "Python 3.11 or later is needed: make setup PYTHON=python3.12"

echo "Setting up $venv (once; about a minute without uv)"
if command -v uv >/dev/null 2>&1; then
    [ -x "$venv/bin/python" ] || uv venv --quiet --seed --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" --require-hashes -r requirements.lock
    uv pip install --quiet --python "$venv/bin/python" --no-build-isolation --no-deps --editable .
    exit 0
fi
[ -x "$venv/bin/pip" ] || "$python" -m venv "$venv" ||
    fail "$python cannot make a virtual environment" "install its venv module (Debian: apt install python3-venv), or uv"

# pip is quiet for most of a minute: say each second how far it is.
log="$venv/setup.log"
: >"$log"
total=$(grep -c '^[a-z0-9].*==' requirements.lock)
"$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r requirements.lock >"$log" 2>&1 &
pip=$!
trap 'kill "$pip" 2>/dev/null || true; exit 130' INT TERM
[ -t 1 ] && start='\r' end='' || start='' end='\n'
while kill -0 "$pip" 2>/dev/null; do
    if grep -q '^Installing collected' "$log"; then step="installing     "; else
        step="fetched $(grep -c '^Collecting' "$log" || true) of $total"; fi
    [ "$step" = "${shown:-}" ] || printf "$start  %s$end" "$step"
    shown=$step
    sleep 1
done
[ -z "$end" ] && printf '\n'
trap - INT TERM
wait "$pip" || {
    tail -n 15 "$log" >&2
    fail "the packages could not be installed" "the lines above are the last of $log; then make setup again"
}
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
