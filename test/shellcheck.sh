#!/usr/bin/env bash
# test/shellcheck.sh FILE...: shellcheck, each file once. It would look into what a script sources, and into that again
# with every script that does: nine tenths of its time. So scripts are shown outlines of what they source: all that is
# done when it is sourced, and the names of functions and variables (in capitals) that functions read and set, as far as
# the script has those names: it goes through all that it is shown at each of a script's calls.
set -u
cd "$(dirname "$0")/.." || exit 1
OUTLINES=$(mktemp -d) SHOWN=$(mktemp -d)
trap 'rm -rf "$OUTLINES" "$SHOWN"' EXIT

outline() { # of standard input
    awk '
        function look(text, name) { # what it sets and reads: into set and used
            while (match(text, /\$\{?[#!]?[A-Z][A-Z0-9_]+|[A-Z][A-Z0-9_]+(\[[^]]*\])?\+?=|(read|mapfile|exec) [^;|&]*/)) {
                name = substr(text, RSTART, RLENGTH)
                text = substr(text, RSTART + (name ~ /^[a-z]/ ? 5 : RLENGTH))
                if (name ~ /^\$/) { gsub(/[^A-Z0-9_]/, "", name); used[name] = 1; continue }
                if (name ~ /=$/) { sub(/[^A-Z0-9_].*/, "", name); set[name] = 1; continue }
                while (match(name, /[ {]-?[A-Z][A-Z0-9_]+/)) {
                    set[substr(name, RSTART + 1, RLENGTH - 1)] = 1
                    name = substr(name, RSTART + RLENGTH)
                }
            }
        }
        function told(name) { # the function that has ended
            print "#function", function_name
            function_name = ""
        }
        until_word != "" { # a here-document
            if (function_name == "") print; else look($0)
            text = $0; sub(/^\t+/, "", text)
            if (text == until_word) until_word = ""
            next
        }
        match($0, /<<-?[\047"]?[A-Z]+/) && !/<<</ {
            until_word = substr($0, RSTART, RLENGTH); gsub(/[^A-Z]/, "", until_word)
        }
        function_name == "" && /^[a-z_0-9]+\(\) [{(]/ {
            function_name = substr($0, 1, index($0, "(") - 1)
            look($0)
            if (/[})]( *#.*)?$/ && !/\{ *#.*$/) told()
            next
        }
        function_name != "" { if (/^[})]/) told(); else look($0); next }
        { print }
        END {
            for (name in set) print "#set", name
            for (name in used) print "#read", name
        }'
}
# show FILE OUTLINE...: those, as the script FILE is to see them
show() {
    awk -v shown="$SHOWN" -v outlines="$OUTLINES/" '
        FNR == 1 && NR != 1 { to = shown "/" substr(FILENAME, length(outlines) + 1); printf "" >to }
        NR == FNR { while (match($0, /[A-Za-z_][A-Za-z_0-9]*/)) {
            word[substr($0, RSTART, RLENGTH)] = 1
            $0 = substr($0, RSTART + RLENGTH)
        } next }
        $1 == "#function" { if ($2 in word) print $2 "() { : \"$@\"; }" >to; next }
        $1 == "#set" { if ($2 in word) print $2 "=$RANDOM" >to; next }
        $1 == "#read" { if ($2 in word) print ": \"$" $2 "\"" >to; next }
        { print >to }' "$@"
}
# Those that others source say so, in place of an interpreter.
outlines=()
while read -r file; do
    mkdir -p "$OUTLINES/$(dirname "$file")" "$SHOWN/$(dirname "$file")"
    outline <"$file" >"$OUTLINES/$file"
    outlines+=("$OUTLINES/$file")
done < <(git grep -lE '^# shellcheck shell=' -- test client packaging)
# A name is looked for where it runs, and then beside test/e2e, as those of it have it who do not tell.
cd "$SHOWN" && mkdir -p test/e2e || exit 1
failed=0
for file in "${@/#/$OLDPWD/}"; do
    show "$file" "${outlines[@]}"
    shellcheck --norc --external-sources --source-path=test/e2e --exclude=SC2119,SC2317 "$file" || failed=1
done
exit $failed
