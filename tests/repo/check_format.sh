#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
# Every C and C++ file is formatted by .clang-format.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
git ls-files '*.cpp' '*.h' '*.c' | xargs clang-format --dry-run -Werror
