#!/bin/sh
# test/tidy.sh FILE...: clang-tidy with the flags the Makefile compiles with; what .clang-tidy lists is an error.
for file in "$@"; do
    case $file in
    *.cc) std=gnu++17 ;;
    *) std=gnu11 ;;
    esac
    case $file in
    test/*) checks='-clang-analyzer-*' ;; # it takes most of the time, which the rooms' own code is worth
    *) checks= ;;
    esac
    clang-tidy --quiet ${checks:+"--checks=$checks"} "$file" -- -std=$std -D_GNU_SOURCE -I. -Iclient -DHX_VERSION='""' 2>&1 |
        grep -v -E 'warnings? generated|^Suppressed|Use -header-filter' && failed=1
done
[ -z "$failed" ]
