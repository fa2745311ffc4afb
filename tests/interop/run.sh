#!/usr/bin/env bash
# A partner in Python against the demo: its own verifier over the test vectors, then a session; a
# receiver of OTLP in Python, and a real Prometheus, for what a gateway tells its operators.
# SAMSYN_VENV names a virtual environment to use or make; without it one is made and removed.
# SAMSYN_BIN names the binary; without it the release is built.
set -euo pipefail

readonly here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly root=$(cd "$here/../.." && pwd)
readonly python=${PYTHON:-python3}
readonly serving_seconds_max=1800

if ! command -v "$python" >/dev/null; then
  echo "skipped: $python is missing; install Python 3.11 or newer with its venv"
  exit 0
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "run.sh: $python is older than 3.11; set PYTHON to a newer one" >&2
  exit 1
fi

work=$(mktemp -d)
demo=
failed=0

finish() {
  if [[ -n $demo ]]; then
    kill -INT "$demo" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$demo" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$demo" 2>/dev/null || true
    wait "$demo" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

prepare() {
  local venv=${SAMSYN_VENV:-$work/venv}
  [[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
  py=$venv/bin/python
  "$py" -m pip install --quiet --disable-pip-version-check grpcio grpcio-tools cryptography \
    opentelemetry-proto
  mkdir "$work/stubs"
  (cd "$root/proto" && "$py" -m grpc_tools.protoc -I . --python_out="$work/stubs" \
    --grpc_python_out="$work/stubs" samsyn/v1/*.proto)
}

# Runs one file of unit tests and tells its closing line.
tests() {
  local name=$1 log=$work/$1.log
  if ! PYTHONPATH=$work/stubs PYTHONDONTWRITEBYTECODE=1 "$py" -m unittest -v "$name" \
    >"$log" 2>&1; then
    cat "$log"
    failed=1
  fi
  "$py" - "$name" "$log" <<'EOF'
import re, sys
name, log = sys.argv[1], open(sys.argv[2], encoding="utf-8").read()
ran = re.search(r"^Ran (\d+) test", log, re.M)
bad = re.search(r"^FAILED \((.*)\)", log, re.M)
faults = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", bad[1])) if bad else 0
count = int(ran[1]) if ran else 0
passed = max(count - faults, 0) if ran else 0
print(f"{name}: {passed} passed, {faults if ran else 1} failed")
EOF
}

binary() {
  if [[ -z ${SAMSYN_BIN:-} ]]; then
    (cd "$root" && cargo build --release --locked >&2)
  fi
  echo "${SAMSYN_BIN:-$root/target/release/samsyn}"
}

# Starts the demo with a folder for temporary files of its own, so that what it leaves there names
# this demo and no other.
serve() {
  mkdir "$work/tmp"
  TMPDIR=$work/tmp "$bin" demo >"$work/demo.log" 2>&1 &
  demo=$!
  local waited=0
  until grep -q 'Still serving' "$work/demo.log"; do
    if ! kill -0 "$demo" 2>/dev/null || ((waited++ >= serving_seconds_max)); then
      echo "run.sh: the demo does not serve; it said:" >&2
      cat "$work/demo.log" >&2
      return 1
    fi
    sleep 1
  done
  profiles=$(cat "$work/tmp/samsyn-demo-profiles")
}

cd "$here"
prepare
tests test_vectors
bin=$(binary)
export SAMSYN_BIN=$bin
serve
SAMSYN_PROFILES=$profiles tests test_session
tests test_telemetry
"$here/prometheus.sh" || failed=1
exit "$failed"
