#!/usr/bin/env bash
# A real Prometheus, of Debian's packages, scrapes a gateway; promtool checks what it is given.
# SAMSYN_BIN names the binary. What is missing is installed where that is allowed, else it says so.
set -euo pipefail

readonly start_seconds_max=60

skip() {
  echo "prometheus: skipped: $1"
  exit 0
}

# Debian's package starts a service when it is installed; only its programs are wanted here.
find_programs() {
  if command -v prometheus >/dev/null && command -v promtool >/dev/null; then return; fi
  if ! command -v apt-get >/dev/null; then
    skip "prometheus is missing; install it with promtool"
  fi
  if ! (cd "$work" && apt-get download prometheus >/dev/null 2>&1); then
    skip "prometheus is missing and apt-get could not download it; apt-get install prometheus"
  fi
  dpkg-deb -x "$work"/prometheus_*.deb "$work/programs"
  PATH=$work/programs/usr/bin:$PATH
  if ! promtool --version >/dev/null 2>&1; then
    skip "the downloaded prometheus does not run here; apt-get install prometheus"
  fi
}

free_port() {
  python3 - <<'EOF'
import socket
with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    print(one.getsockname()[1])
EOF
}

# Waits until a command succeeds.
until_it_holds() {
  local waited=0
  until "$@" >/dev/null 2>&1; do
    if ((waited++ >= start_seconds_max * 10)); then
      echo "prometheus: failed: $*" >&2
      cat "$work"/*.log >&2
      exit 1
    fi
    sleep 0.1
  done
}

get() {
  python3 - "$1" <<'EOF'
import sys
import urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
    sys.stdout.write(answer.read().decode())
EOF
}

# Whether a query has an answer that is not empty.
answers() {
  get "http://127.0.0.1:$scraper/api/v1/query?query=$1" | grep -q '"result":\[{'
}

work=$(mktemp -d)
running=()
finish() {
  for one in "${running[@]}"; do
    kill "$one" 2>/dev/null || true
    wait "$one" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT

find_programs
"$SAMSYN_BIN" demo --write "$work/domain" >/dev/null
listen=$(free_port) operations=$(free_port) scraper=$(free_port)
printf '\n[operations]\nlisten = "127.0.0.1:%s"\n' "$operations" >>"$work/domain/config.toml"
# A gateway refuses what looks like a setting of its own and is none.
env -u SAMSYN_BIN -u SAMSYN_VENV SAMSYN_LISTEN="127.0.0.1:$listen" \
  "$SAMSYN_BIN" serve --config "$work/domain/config.toml" 2>"$work/serve.log" &
running+=($!)
until_it_holds get "http://127.0.0.1:$operations/readyz"

get "http://127.0.0.1:$operations/metrics" >"$work/metrics"
# It also complains of style; a complaint fails as well.
promtool check metrics <"$work/metrics"

cat >"$work/prometheus.yml" <<EOF
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: samsyn
    static_configs: [{targets: ["127.0.0.1:$operations"]}]
EOF
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
  --web.listen-address="127.0.0.1:$scraper" >"$work/prometheus.log" 2>&1 &
running+=($!)
until_it_holds answers 'up%7Bjob%3D%22samsyn%22%7D%3D%3D1'
for metric in samsyn_log_applied samsyn_changes_total samsyn_change_duration_seconds_bucket \
  samsyn_certificate_left_seconds samsyn_alarms process_resident_memory_bytes; do
  until_it_holds answers "$metric"
done
echo "prometheus: passed"
