# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# For the scripts beside this file: the repository's root as the current directory, the packages, and
# a quiet build.

set -eu
cd "$(dirname "$0")/.."

CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$(nproc)}
export CMAKE_BUILD_PARALLEL_LEVEL CTEST_PARALLEL_LEVEL

# build PRESET: the tree in build/PRESET. What the tools say is shown only if they fail.
build() {
    echo "building build/$1"
    mkdir -p "build/$1"
    if ! { cmake --preset "$1" && cmake --build --preset "$1"; } >"build/$1/build.log" 2>&1; then
        cat "build/$1/build.log" >&2
        echo "$0: the build failed; its output is above" >&2
        return 1
    fi
}
