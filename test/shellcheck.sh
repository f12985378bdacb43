#!/usr/bin/env bash
# test/shellcheck.sh FILE...: shellcheck, each file once. It would look into what a script sources, and into that again
# with every script that does: nine tenths of its time. So scripts are shown outlines of what they source: all that is
# done when it is sourced, and of its functions the names, and which variables (in capitals) they read and set.
set -u
cd "$(dirname "$0")/.." || exit 1
OUTLINES=$(mktemp -d)
trap 'rm -rf "$OUTLINES"' EXIT

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
            printf "%s() { : \"$@\"", function_name
            for (name in set) printf "; %s=$RANDOM", name
            for (name in used) printf "; : \"$%s\"", name
            print "; }"
            split("", set); split("", used); function_name = ""
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
        { print }'
}
# Those that others source say so, in place of an interpreter.
while read -r file; do
    mkdir -p "$OUTLINES/$(dirname "$file")"
    outline <"$file" >"$OUTLINES/$file"
done < <(git grep -lE '^# shellcheck shell=' -- test client packaging)
# A name is looked for where it runs, and then beside test/e2e, as those of it have it who do not tell.
cd "$OUTLINES" && mkdir -p test/e2e &&
    shellcheck --norc --external-sources --source-path=test/e2e --exclude=SC2119,SC2317 "${@/#/$OLDPWD/}"
