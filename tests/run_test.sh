#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# ./memwall test: builds everything, runs every layer, then the hostile-input layer again under sanitizers.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
usage: ./memwall test [--layer NAME] [--no-sanitizers] [CTEST ARGUMENTS]

Builds everything and runs the tests; then builds the fuzz layer with address and undefined-behaviour
sanitizers (build-fuzz/) and runs it again.

  --layer NAME       only one of: unit registers timing calibration cosim golden system fuzz conformance
                     install repo
  --no-sanitizers    leave out the second step
  CTEST ARGUMENTS    passed on, e.g. -R Hbm, -V, --rerun-failed
TEXT
}

layer=
sanitizers=yes
while [ $# -gt 0 ]; do
  case "$1" in
    -h|--help) usage; exit 0 ;;
    --layer) [ $# -ge 2 ] || { usage >&2; exit 2; }; layer=$2; shift 2 ;;
    --no-sanitizers) sanitizers=no; shift ;;
    *) break ;;
  esac
done
[ $# -eq 0 ] || sanitizers=no

build=${MEMWALL_BUILD_DIR:?set by ./memwall}
jobs=$(nproc)
select=(-LE '^bench$')  # speed is reported by ./memwall bench
if [ -n "$layer" ]; then
  case "$layer" in
    unit|registers|timing|calibration|cosim|golden|system|fuzz|conformance|install|repo) ;;
    *) echo "memwall: unknown layer '$layer'" >&2; usage >&2; exit 2 ;;
  esac
  select=(-L "^$layer\$")
fi

cd "$root"
cmake --build "$build"
failed=0
ctest --test-dir "$build" --output-on-failure -j "$jobs" "${select[@]}" "$@" || failed=1

if [ "$sanitizers" = yes ] && { [ -z "$layer" ] || [ "$layer" = fuzz ]; }; then
  echo "memwall: fuzz layer under address and undefined-behaviour sanitizers"
  mkdir -p build-fuzz
  [ -f build-fuzz/build.ninja ] ||
    cmake --preset asan -B build-fuzz -DMEMWALL_BUILD_RTL=OFF -DMEMWALL_BUILD_FIRMWARE=OFF >build-fuzz/configure.log ||
    { cat build-fuzz/configure.log; exit 1; }
  cmake --build build-fuzz --target memwall_fuzz_tests
  ctest --test-dir build-fuzz --output-on-failure -j "$jobs" -L '^fuzz$' || failed=1
fi
exit $failed
