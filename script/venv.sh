# Sourced by the other scripts: makes .venv from the first Python that is new enough, and installs what is pinned.

say() { printf '  %s\n' "$*" >&2; }
fail() { printf '\n  ✗ %s\n' "$*" >&2; exit 1; }

# Of a Python that is new enough and can make .venv: how many microseconds it takes for the kind of work that Promote is.
quickness='
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(1)
import ensurepip, time, venv

class Order:
    def __init__(self, number):
        self.number, self.words = number, {"order": f"ord_{number}"}

def work():
    orders = [Order(number) for number in range(2000)]
    return sum(len(one.words["order"]) for one in orders if one.number % 3)

def took():
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

print(round(1e6 * min(took() for _ in range(300))))
'

# The one that PYTHON names, else the quickest that is installed: one built without optimisations, as version managers
# build it, takes half as long again for all that it does.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        ! "$PYTHON" -c "$quickness" >/dev/null 2>&1 || { printf '%s' "$PYTHON"; return; }
        fail "PYTHON is to name a Python 3.11, 3.12 or 3.13 that has venv and ensurepip, and $PYTHON is none."
    fi
    best= least=
    for name in python3.13 python3.12 python3.11 python3; do
        for candidate in "$(command -v "$name" || true)" "/usr/bin/$name"; do
            [ -x "$candidate" ] && micros=$("$candidate" -c "$quickness" 2>/dev/null) || continue
            if [ -z "$best" ] || [ $((micros * 10)) -lt $((least * 9)) ]; then
                best=$candidate least=$micros
            fi
        done
    done
    [ -z "$best" ] || { printf '%s' "$best"; return; }
    found=$(python3 --version 2>&1 || true)
    fail "Python 3.11, 3.12 or 3.13 with venv is needed; found: ${found:-none}. Install one (on Debian: apt-get install" \
        "python3-venv), or name it with PYTHON=/path/to/python."
}

# What of this file is installed is known by its sum, a file each: who has the tests' packages has the server's.
stamp_of() { printf '%s/.venv/installed-%s' "$root" "$(printf '%s' "$1" | tr -c 'a-z0-9\n' '-')"; }
sum_of() { (cd "$root" && cksum "$1"); }

# prepare_venv FILE...: installs them when one has changed since the last time.
prepare_venv() {
    changed=
    for file in "$@"; do
        [ "$(cat "$(stamp_of "$file")" 2>/dev/null)" = "$(sum_of "$file")" ] || changed=$file
    done
    if [ -x "$root/.venv/bin/python" ] && [ -z "$changed" ]; then
        return
    fi
    python=$(find_python) || exit 1
    free_kb=$(df -Pk "$root" | awk 'NR==2 {print $4}')
    [ "${free_kb:-0}" -gt 1000000 ] || fail "Less than 1 GB is free where $root lies. Make room, then start again."
    if [ ! -x "$root/.venv/bin/python" ]; then
        say "… Making .venv with $("$python" --version), $python"
        rm -rf "$root/.venv"
        "$python" -m venv "$root/.venv" || fail "Can't make .venv; the lines above say why."
    fi
    say "… Installing what $* pins (a minute or two, once)"
    log=$root/.venv/install.log
    (cd "$root" && exec "$root/.venv/bin/python" -m pip install --disable-pip-version-check --no-input \
        --progress-bar off $(printf -- '-r %s ' "$@")) >"$log" 2>&1 &
    pip=$!
    trap 'kill "$pip" 2>/dev/null; exit 130' INT TERM
    waited=0
    while kill -0 "$pip" 2>/dev/null; do
        sleep 1
        waited=$((waited + 1))
        [ $((waited % 15)) -ne 0 ] || say "… $(grep -c '^Collecting' "$log") packages fetched after $waited s"
    done
    wait "$pip" || {
        tail -n 15 "$log" >&2
        ! grep -q 'No space left on device' "$log" || fail "The disk is full. Make room where $root lies, then start again."
        fail "The packages could not be installed; the lines above are the end of .venv/install.log."
    }
    trap - INT TERM
    for file in "$@"; do sum_of "$file" >"$(stamp_of "$file")"; done
    say "✓ Packages are installed"
}
