#!/bin/sh
# test/tidy.sh FILE...: clang-tidy with the flags the Makefile compiles with; what .clang-tidy lists is an error, and so
# are clang's own warnings. ANALYZER_NODES: how many states of a function the analyzer looks at (clang's own limit is
# 225000). `make check` looks at few, where most mistakes show; `make lint` goes the whole way, for ten times as long.
deep="-Xclang -analyzer-config -Xclang max-nodes=${ANALYZER_NODES:-4000}"
failed=
text=
# places: in what it reads, a line of $text is one of the file that it was taken from.
places() {
    awk -v text="$text" '
        BEGIN {
            while (text != "" && (getline line <text) > 0) {
                n++
                if (line ~ /^#line 1 "/) { split(line, part, "\""); first = n }
                at[n] = part[2] ":" n - first
            }
        }
        text != "" && index($0, text ":") == 1 {
            $0 = substr($0, length(text) + 2)
            n = $0 + 0
            sub(/^[0-9]+/, at[n])
        }
        { print }
        END { exit !NR }'
}
# tidy STANDARD CHECKS FILE...: in one process.
tidy() {
    std=$1 checks=$2
    shift 2
    [ $# -gt 0 ] || return 0
    # shellcheck disable=SC2086 # several words
    told=$(clang-tidy --quiet --config-file=.clang-tidy ${checks:+"--checks=$checks"} "$@" -- $deep -std="$std" \
        -Wall -Wextra -D_GNU_SOURCE -I. -Iclient -isystem build/deb/usr/include/node \
        -isystem build/deb/usr/include -DHX_VERSION='""' 2>&1) || failed=1
    echo "$told" | grep -v -E '^$|warnings? generated|^Suppressed|Use -header-filter' | places && failed=1
}
# The analyzer takes most of the time, which the rooms' own code is worth, and tests are not. One process serves many
# files: its start takes a tenth of a second. But not those that use va_list: in clang 14 the checker of it keeps the names
# of the first file, and does not know them again in the next one. Of forty kinds of mistakes it is the only one.
# The rooms' C++ is checked as one text, as checks go through all that a file includes: through UDT's headers and the
# C++ library's once, and not with every file. So names within those files' namespaces differ, too.
for file in "$@"; do
    case $file in
    test/*.cc) test_cc="$test_cc $file" ;;
    test/*) test_c="$test_c $file" ;;
    *.cc) room_cc="$room_cc $file" ;;
    *)
        if grep -q '\<va_[a-z]*' "$file"; then tidy gnu11 '' "$file"; else room_c="$room_c $file"; fi
        ;;
    esac
done
# shellcheck disable=SC2086 # lists of file names without blanks
tidy gnu11 '' $room_c
# shellcheck disable=SC2086
tidy gnu11 '-clang-analyzer-*' $test_c
if [ -n "$room_cc" ]; then
    text=$(mktemp --suffix=.cc)
    for file in $room_cc; do
        printf '#line 1 "%s"\n' "$file"
        cat "$file"
    done >"$text"
    tidy gnu++17 '' "$text"
    rm "$text"
fi
# The tests' are programs, each in a namespace of its own behind all that any of them includes. There main() is a function as
# others: it must return.
if [ -n "$test_cc" ]; then
    text=$(mktemp --suffix=.cc)
    # shellcheck disable=SC2086
    grep -h '^#include <' $test_cc >"$text"
    for file in $test_cc; do
        printf 'namespace %s {\n#line 1 "%s"\n' "$(basename "$file" .cc)" "$file"
        cat "$file"
        echo '}'
    done >>"$text"
    tidy gnu++17 '-clang-analyzer-*' "$text"
    rm "$text"
fi
[ -z "$failed" ]
