#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# ./memwall bench: speed of the models on this host. Reported, never a pass or fail.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
usage: ./memwall bench [hart|memory|hbf|link|pnm|system|kernels|all] [GOOGLE BENCHMARK ARGUMENTS]

  hart     instructions per second of the hart at several quanta
  memory   requests and DRAM cycles per second of the memory engine: one pseudo-channel, a whole stack, trains,
           near idle, 100 GB through eight stacks
  hbf      page senses per second of the HBF core
  link     flits per second of the link protocol, both ends
  pnm      cycles per second of the Verilated decode unit with its adapter
  system   tokens per wall-second of the bundled model, PNM as model and as RTL
  kernels  numerics kernels, accelerator and decode unit model on their own
TEXT
}

name=all
case "${1:-all}" in
  -h|--help) usage; exit 0 ;;
  hart|memory|hbf|link|pnm|system|kernels|all) name=${1:-all}; [ $# -eq 0 ] || shift ;;
  -*) ;;
  *) echo "memwall: unknown benchmark '$1'" >&2; usage >&2; exit 2 ;;
esac

build=${MEMWALL_BUILD_DIR:?set by ./memwall}
names=$name
[ "$name" != all ] || names="hart memory hbf link pnm system kernels"
kernels="numerics_bench accel_speed_bench pnm_speed_bench"
for each in $names; do
  targets=bench_$each
  [ "$each" != kernels ] || targets=$kernels
  # shellcheck disable=SC2086
  cmake --build "$build" --target $targets >"$build/bench.log" || { tail -n 40 "$build/bench.log"; exit 2; }
done
cd "$root"
for each in $names; do
  echo "== $each"
  if [ "$each" = kernels ]; then
    ctest --test-dir "$build" -L '^bench$' -V | sed -n 's/^[0-9]*: //p' | grep -vE '^(\[|Note:|Running|$|Test )'
  else
    "$build/tests/bench/bench_$each" "$@"
  fi
done
