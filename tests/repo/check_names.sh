#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# clang-tidy's naming rules on every translation unit of ip/ and platform/. usage: check_names.sh BUILD_DIR
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$1
cd "$root"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! git ls-files 'ip/*.cpp' 'platform/*.cpp' | xargs -P 2 -n 6 clang-tidy --quiet -p "$build" >"$log" 2>/dev/null; then
  grep -E 'error:|warning:' "$log" | sort -u
  exit 1
fi
