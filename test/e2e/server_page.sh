#!/usr/bin/env bash
# The status page's files as the nameserver serves them, and what its script asks for, without a browser: test/page/run has
# one.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

PAGE=$TOP/server/admin/page
start_nameserver --admin 127.0.0.1:0 || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
ADMIN=$(await_line "$WORK/nameserver.out" '^listening on admin ') && ADMIN=${ADMIN##* }
ask() { # ask PATH [OPTION...]: into $WORK/head and $WORK/body
    curl -s -m 60 -D "$WORK/head" -o "$WORK/body" "${@:2}" "http://$ADMIN$1"
}
field() { # field NAME REGEX: of the last answer
    tr -d '\r' <"$WORK/head" | grep -Eiq "^$1: $2\$"
}
as_it_is() { # as_it_is PATH TYPE FILE
    ask "$1" && field Content-Type "$2" && same "$WORK/body" "$PAGE/$3"
}
not_again() { # who knows it is not sent it again
    local etag
    ask "$1" && etag=$(tr -d '\r' <"$WORK/head" | sed -nE 's/^ETag: //Ip') && [ -n "$etag" ] &&
        ask "$1" -H "If-None-Match: $etag" && grep -q '^HTTP/1.1 304 ' "$WORK/head" &&
        ask "$1" -H 'If-None-Match: "other"' && grep -q '^HTTP/1.1 200 ' "$WORK/head"
}
guarded() { # a browser runs and loads nothing that is not ours
    ask / && field Content-Security-Policy "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; .*" &&
        ! grep -qi unsafe "$WORK/head" && field X-Content-Type-Options nosniff
}
for file in "$PAGE"/*; do
    name=${file##*/}
    case $name in
    index.html) path=/ type='text/html; charset=utf-8' ;;
    *.css) path=/$name type='text/css; charset=utf-8' ;;
    *.js) path=/$name type='text/javascript; charset=utf-8' ;;
    *.svg) path=/$name type='image/svg\+xml' ;;
    esac
    check "$path is served as it is" as_it_is "$path" "$type" "$name"
    check "$path is not sent again to who has it" not_again "$path"
done
check "the page may load nothing from elsewhere" guarded
none_within() { ! grep -En '<style|style=|[[:space:]]on[a-z]+=|javascript:|<script>' "$PAGE/index.html"; }
check "and has no script or style within" none_within
no_markup() { ! grep -nE 'innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function' "$PAGE"/*.js; }
check "nor makes its script markup of what it was told" no_markup
all_there() { # what the page names is served
    local path
    # shellcheck disable=SC2013
    for path in $(grep -Eoh "(href|src)=\"[^\"]+\"|from '[^']+'" "$PAGE"/*.{html,js} | sed -E "s/^[^\"']*[\"']//; s/[\"']\$//"); do
        ask "/${path#./}" -f || { echo "$path" && return 1; }
    done
}
check "all that it names is there" all_there
syntax() {
    local file
    for file in "$PAGE"/*.js; do
        cp "$file" "$WORK/module.mjs" && node --check "$WORK/module.mjs" || return
    done
}
check "its scripts are of the language" syntax

status_told() {
    # Events come for ever.
    curl -s -N -m 60 "http://$ADMIN/events" | grep -m1 -A1 '^event: status' | sed -n 's/^data: //p' >"$WORK/body"
    python3 - "$WORK/body" <<'END'
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    s = json.load(file)
for key in ("names", "connections", "waiters", "sessions", "members", "relay_bytes", "memory_bytes", "uptime_s"):
    assert isinstance(s[key], int), key
assert s["version"] and s["loop_ms"]["p50"] >= 0 and s["loop_ms"]["p99"] >= 0
assert all(len(s["rates"][key]) == 120 for key in ("binds", "introductions", "refused"))
assert "failed" in s["outcomes"] and "unknown" in s["nats"]
END
}
check "the status is told in the words that the script knows" status_told
finish
