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

# Whom the script takes at its word.
HX_KEY=$("$B/hx" key --file "$WORK/key") && export HX_KEY
start_bound home home -n "$NS" --echo
"$B/hx" ping home -n "$NS" -c 1 >"$WORK/ping.out" 2>&1
told() { # both sides, of the one introduction
    ask /api/introductions && python3 - "$WORK/body" <<'END'
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    i, = json.load(file)["introductions"]
outcomes = {o["by"]: o for o in i["outcomes"]}
assert set(outcomes) == {"h1", "h2"} and i["told"] and i["session"]
assert i["name"] == "home" and i["id"] > 0 and i["age_s"] >= 0 and i["h1"] and i["h2"] and i["h2_name"] == ""
assert all(o["outcome"] and o["ms"] >= 0 and "reason" in o for o in outcomes.values())
END
}
check "an introduction is told in the words that the script knows" await_true 20 told
names_told() {
    ask '/api/names?limit=25&match=om' && python3 - "$WORK/body" <<'END'
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    page = json.load(file)
name, = page["names"]
assert name["name"] == "home" and name["peer"] and name["transport"] and name["since_s"] >= 0
assert name["introductions"] == 1 and page["next"] is None
END
}
check "and so are names that match" names_told
none_matches() { ask '/api/names?match=x' && python3 -c "import json, sys; sys.exit(json.load(sys.stdin)['names'] != [])" <"$WORK/body"; }
check "those that do not are left out" none_matches
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
assert sum(s["outcomes"].values()) == 1 and sum(s["nats"].values()) == 2
END
}
check "and the status" status_told
finish
