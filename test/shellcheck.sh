#!/usr/bin/env bash
# test/shellcheck.sh FILE...: shellcheck. Those of them that others source are checked once, whole. For those who source
# them shellcheck then reads outlines, which set and use the same names: it spent most of its time on reading the same
# functions again with every script.
set -u
cd "$(dirname "$0")/.." || exit 1
TREE=$(mktemp -d)
trap 'rm -rf "$TREE"' EXIT

# outline FILE: what is outside of its functions stays; of a function, what it sets for others and what it uses.
outline() {
    awk '
        function names(line, at, name, before) {
            while (match(line, /[A-Za-z_][A-Za-z_0-9]*(\[[^]]*\])?\+?=("[^"]*"|\$\(\([^)]*\)\)|[^ ;)]*)/)) {
                at = substr(line, RSTART, RLENGTH)
                before = RSTART > 1 ? substr(line, RSTART - 1, 1) : " "
                line = substr(line, RSTART + RLENGTH)
                name = at
                sub(/[[+=].*/, "", name)
                if (before !~ /[ \t;(]/ || name in own) continue
                sub(/^[^=]*=/, "", at)
                at = name "=" (at ~ /^[A-Za-z0-9_.:\/-]+$/ ? at : "$(any)")
                if (!(at in set)) { set[at] = 1; print "    " at }
            }
        }
        function uses(line, name) {
            while (match(line, /\$\{?[#!]?[A-Za-z_][A-Za-z_0-9]*/)) {
                name = substr(line, RSTART, RLENGTH)
                line = substr(line, RSTART + RLENGTH)
                gsub(/[^A-Za-z_0-9]/, "", name)
                if (!(name in own)) used[name] = 1
            }
        }
        function locals(line, word, n, i) {
            sub(/^[ \t]*(local|declare) /, "", line)
            n = split(line, word, /[ \t;]+/)
            for (i = 1; i <= n; i++)
                if (match(word[i], /^[A-Za-z_][A-Za-z_0-9]*/)) own[substr(word[i], 1, RLENGTH)] = 1
        }
        !inside && /^[A-Za-z_0-9]+\(\) [{(]/ && !/}[ \t]*(#.*)?$/ {
            inside = 1
            split("", own)
            split("", set)
            split("", used)
            print
            next
        }
        inside && /^[})]/ {
            inside = 0
            line = "    : \"$@\""
            for (name in used) line = line " \"${" name "-}\""
            print line
        }
        !inside { print; next }
        /^[ \t]*#/ { next }
        /^[ \t]*(local|declare) / { uses($0); locals($0); next }
        { names($0); uses($0) }
    ' "$1"
}
failed=0
mapfile -t sourced < <(sed -nE 's/^ *# shellcheck source=([^ ]+).*/\1/p' "$@" | sort -u)
mapfile -t others < <(printf '%s\n' "$@" | grep -vxF -f <(printf '%s\n' "${sourced[@]}"))
shellcheck "${sourced[@]}" || failed=1
for file in "${sourced[@]}" "${others[@]}"; do mkdir -p "$TREE/$(dirname "$file")"; done
cp .shellcheckrc "$TREE"
for file in "${others[@]}"; do cp "$file" "$TREE/$file"; done
for file in "${sourced[@]}"; do outline "$file" >"$TREE/$file"; done
(cd "$TREE" && shellcheck "${others[@]}") || failed=1
exit "$failed"
