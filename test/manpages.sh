#!/bin/sh
# test/manpages.sh PAGE...: formats each man page; a warning is an error.
for page in "$@"; do
    man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null | grep . && failed=1
done
[ -z "$failed" ]
