#!/usr/bin/env bash
# Partners in other languages against the demo: the Python verifier over the test vectors, a session,
# then the kit as a partner gets it: its Python and Java samples, and its contract. A receiver of OTLP
# in Python, and a real Prometheus, for what a gateway tells its operators.
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
  "$py" -m pip install --quiet --disable-pip-version-check opentelemetry-proto \
    -r "$root/services/cli/kit/python/requirements.txt"
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

# The kit as a partner gets it, with the stubs made as its guide says.
make_kit() {
  "$bin" partner kit raddningstjansten --out "$work/kit" --profiles "$profiles" \
    --as raddningstjansten >/dev/null
  (cd "$work/kit/python" && "$py" -m grpc_tools.protoc -I ../proto --python_out=. \
    --grpc_python_out=. ../proto/samsyn/v1/*.proto)
}

readonly java_packages=(default-jdk-headless libgoogle-common-protos-java libgrpc-java
  libnetty-java libnetty-tcnative-java libnetty-tcnative-jni libperfmark-java libprotobuf-dev
  libprotobuf-java protobuf-compiler protobuf-compiler-grpc-java-plugin)
readonly jars=/usr/share/java
# Debian's netty-all is empty: each part is a file of its own.
readonly java_parts=(grpc-{api,context,core,netty,protobuf,protobuf-lite,stub}
  netty-{buffer,codec,codec-http,codec-http2,common,handler,resolver,tcnative,transport}
  netty-transport-native-unix-common protobuf guava perfmark-{api,impl}
  proto-google-common-protos error_prone_annotations jsr305 opencensus-api)

# Which file or command the Java sample needs and does not find.
java_lacks() {
  local one
  for one in "${java_parts[@]}"; do
    [[ -f $jars/$one.jar ]] || echo "$jars/$one.jar"
  done
  for one in javac protoc grpc_java_plugin; do
    command -v "$one" >/dev/null || echo "$one"
  done
  [[ -n $(java_native) ]] || echo libnetty-tcnative.so
}

java_native() {
  find /usr/lib -name libnetty-tcnative.so 2>/dev/null | head -n 1
}

# Builds the Java sample with Debian's libraries.
build_java() {
  local part protos
  mkdir -p "$work/java/made" "$work/java/classes" "$work/java/native"
  # Netty looks for it under this name, and Debian has another.
  cp -L "$(java_native)" "$work/java/native/libnetty_tcnative.so"
  protos=$("$py" -c 'import google.rpc as g, pathlib; print(pathlib.Path(list(g.__path__)[0]).parents[1])')
  (cd "$work/kit/proto" && protoc -I . --java_out="$work/java/made" \
    --grpc-java_out="$work/java/made" \
    --plugin=protoc-gen-grpc-java="$(command -v grpc_java_plugin)" samsyn/v1/*.proto)
  # Debian's release of these is older than `ErrorInfo`.
  protoc -I "$protos" --java_out="$work/java/made" google/rpc/{error_details,status}.proto
  sed -i 's/@javax\.annotation\.Generated(/@javax.annotation.processing.Generated(/' \
    "$work"/java/made/samsyn/v1/*Grpc.java
  class_path=$work/java/classes
  # Some releases have the last two in files of their own.
  for part in "${java_parts[@]}" failureaccess gson; do
    class_path+=:$jars/$part.jar
  done
  find "$work/java/made" "$work/kit/java" -name '*.java' >"$work/java/sources"
  javac -proc:none -nowarn -d "$work/java/classes" -cp "$class_path" "@$work/java/sources"
}

java_partner() {
  timeout 60 java -Djava.library.path="$work/java/native" -cp "$class_path" partner.Partner "$@"
}

# The Java sample against the demo and against the contract.
java_tests() {
  local lacks contract passed=0
  if [[ -n $(java_lacks) && $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
    apt-get install --yes --no-install-recommends "${java_packages[@]}" >"$work/apt.log" 2>&1 ||
      tail -n 3 "$work/apt.log"
  fi
  lacks=$(java_lacks | head -n 1)
  if [[ -n $lacks ]]; then
    echo "skipped: the Java sample: $lacks is missing; apt-get install ${java_packages[*]}"
    return
  fi
  if ! build_java >"$work/java.log" 2>&1; then
    cat "$work/java.log"
    echo "java: 0 passed, 2 failed"
    failed=1
    return
  fi
  if java_partner "$profiles/raddningstjansten" whoami | grep -q 'raddningstjansten with 1 grants' &&
    java_partner "$profiles/raddningstjansten" picture sthlm-skarholmen 2025-09 | grep -q findings &&
    java_partner "$profiles/raddningstjansten" follow "$work/java/journal" 8 | grep -c . | grep -q 8
  then
    passed=$((passed + 1))
  fi
  PYTHONPATH=$work/kit/python "$py" "$work/kit/contract.py" "$work/java/contract" --seconds 90 \
    >"$work/java/said" 2>&1 &
  contract=$!
  until [[ -f $work/java/contract/profile/profile.toml ]] &&
    grep -q 'start your client' "$work/java/said"; do sleep 0.1; done
  java_partner "$work/java/contract/profile" whoami >/dev/null || true
  java_partner "$work/java/contract/profile" picture kit-area 2025-09 >/dev/null || true
  # It ends with 1: its access ends.
  java_partner "$work/java/contract/profile" follow "$work/java/kept" >/dev/null 2>&1 || true
  if wait "$contract"; then passed=$((passed + 1)); else cat "$work/java/said"; fi
  if [[ $passed -ne 2 ]]; then failed=1; fi
  echo "java: $passed passed, $((2 - passed)) failed"
}

cd "$here"
prepare
tests test_vectors
bin=$(binary)
export SAMSYN_BIN=$bin
serve
SAMSYN_PROFILES=$profiles tests test_session
make_kit
SAMSYN_KIT=$work/kit tests test_contract
SAMSYN_PROFILES=$profiles SAMSYN_KIT=$work/kit tests test_kit
java_tests
echo "not run: the .NET sample; there is no .NET here"
tests test_telemetry
"$here/prometheus.sh" || failed=1
exit "$failed"
