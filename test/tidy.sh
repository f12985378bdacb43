#!/bin/sh
# test/tidy.sh FILE...: clang-tidy with the flags the Makefile compiles with; what .clang-tidy lists is an error, and so
# are clang's own warnings. ANALYZER_NODES: how many states of a function the analyzer looks at (clang's own limit is
# 225000). A fifteenth of them takes a sixth of the time; `make lint` goes the whole way.
deep="-Xclang -analyzer-config -Xclang max-nodes=${ANALYZER_NODES:-15000}"
for file in "$@"; do
    case $file in
    *.cc) std=gnu++17 ;;
    *) std=gnu11 ;;
    esac
    case $file in
    test/*) checks='-clang-analyzer-*' ;; # it takes most of the time, which the rooms' own code is worth
    *) checks= ;;
    esac
    # shellcheck disable=SC2086 # several words
    clang-tidy --quiet ${checks:+"--checks=$checks"} "$file" -- $deep -std=$std -Wall -Wextra -D_GNU_SOURCE -I. -Iclient -DHX_VERSION='""' 2>&1 |
        grep -v -E 'warnings? generated|^Suppressed|Use -header-filter' && failed=1
done
[ -z "$failed" ]
