#!/usr/bin/env bash
# bindings/python: its own tests, on libhx and against the C tools. They print TAP.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"

cd "$TOP/bindings/python" || exit 1
export B HX_LIBRARY=$B/libhx.so.0 PYTHONDONTWRITEBYTECODE=1
unset HX_NAMESERVER HX_KEY
timeout 800 python3 tests/tap.py test_streams test_errors test_aio test_groups test_life test_tools
