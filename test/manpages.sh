#!/bin/sh
# test/manpages.sh PAGE...: formats each man page; a warning is an error, and so is a sentence that goes on in a macro's
# line, whose words would be set without blanks.
for page in "$@"; do
    man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null | grep . && failed=1
    grep -HnE '^\.(BI|BR|IB|IR|RB|RI) .* [.,:;]( [[:alpha:]]+){3}' "$page" && failed=1
done
[ -z "$failed" ]
