#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# clang-tidy's naming rules (.clang-tidy, firmware/.clang-tidy) on every translation unit of ip/, platform/ and
# firmware/ that the build compiles for the host. usage: check_names.sh BUILD_DIR
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "$1" && pwd)
cd "$root"
command -v clang-tidy >/dev/null || { echo "clang-tidy is not installed: names are unchecked" >&2; exit 1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Of the files in compile_commands.json, those that git knows: one per line.
units=$(python3 - "$build/compile_commands.json" "$root" <<'PY'
import json, pathlib, subprocess, sys
root = pathlib.Path(sys.argv[2]).resolve()
known = set(subprocess.run(["git", "ls-files", "ip", "platform", "firmware"], cwd=root, check=True,
                           capture_output=True, text=True).stdout.split())
for path in sorted({pathlib.Path(entry["directory"], entry["file"]).resolve()
                    for entry in json.load(open(sys.argv[1]))}):
    if path.is_relative_to(root) and str(path.relative_to(root)) in known:
        print(path.relative_to(root))
PY
)
cpp=$(grep '\.cpp$' <<<"$units" || true)
c=$(grep '\.c$' <<<"$units" || true)
[ -n "$cpp" ] && [ -n "$c" ] || { echo "$build/compile_commands.json names no C++ or no C sources" >&2; exit 1; }

# check OPTIONS...: the files on standard input. Whatever clang-tidy complains of stays in the log.
failed=0
check() { xargs -P 2 -n 2 clang-tidy --quiet -p "$build" "$@" >>"$log" 2>&1 || failed=1; }
check --config-file=.clang-tidy <<<"$cpp"
check --config-file=firmware/.clang-tidy <<<"$c"
if [ "$failed" != 0 ]; then
  grep -E 'error:|warning:' "$log" | sort -u || cat "$log"
  exit 1
fi
echo "$(wc -l <<<"$units") translation units keep the naming rules"
