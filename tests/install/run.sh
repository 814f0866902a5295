#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# Installs the build tree, builds the consumer project from the installed package and runs it.
# usage: run.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >"$work/log" || { cat "$work/log"; exit 1; }
cmake -S "$here/consumer" -B "$work/build" -G Ninja "-DCMAKE_PREFIX_PATH=$work/prefix" >"$work/log" ||
  { cat "$work/log"; exit 1; }
cmake --build "$work/build"
"$work/build/consumer"
