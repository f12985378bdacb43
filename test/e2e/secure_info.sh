#!/usr/bin/env bash
# hx info: the path to a peer, and what the own key may do there, nothing of others.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
start_nameserver_with_home
export LC_ALL=C.UTF-8
mkdir "$HOME/public"
for label in laptop guest; do label_key $label "$WORK/$label"; done
info() { # info KEYFILE ARGUMENT...
    timeout 60 "$HX" info -q --key-file "$1" "${@:2}" >info.out 2>info.err
}
tells() { # tells KEYFILE NAME LINE...: these are all, but for path, round trip and time
    info "$1" "$2" && diff <(printf '%s\n' "${@:3}") <(grep -vE '^(path|round trip|found) ' info.out)
}
object() { # object KEYFILE NAME EXPRESSION: true of what --json prints
    info "$1" "$2" --json && python3 -c "import json, sys; o = json.load(sys.stdin); sys.exit(not ($3))" <info.out
}

OWN=$HOME/.config/hx/key
VERSION=$("$HX" --version | sed 's/hx //')
ALL=(--allow 127.0.0.1:22 --allow udp:127.0.0.1:53 --allow "/run/x y" --allow-listen 8080)
start_bound home home "${ALL[@]}" --share "$HOME/public:rw" --exec 'echo secret' --pty \
    --key-label laptop:share=ro,exec,allow=10.0.0.1:80 --key-label guest:
start_bound pipe pipe

check "a key that has no entry is told what is for all" tells "$OWN" home "name        home" "version     $VERSION" \
    "key label   none" "target      127.0.0.1:22" "target      udp:127.0.0.1:53" "target      /run/x y" \
    "listen      8080" "files       read and write" "command     yes, also at a terminal" "echo        no" \
    "pipe        no"
check "and how the peer is reached" grep -qE '^path +(lan|direct|ipv6), at [][0-9a-f:.]+$' info.out
check "with a round trip" grep -qE '^round trip +[0-9]+\.[0-9]{3} ms$' info.out
check "and when that was found" grep -qE '^found +[0-9]+ ms after the search began$' info.out
check "the command itself is nobody's business" eval '! grep -q secret info.out'
check "the laptop is told its label, and what its entry says" tells "$WORK/laptop" home "name        home" \
    "version     $VERSION" "key label   laptop" "target      10.0.0.1:80" "listen      none" \
    "files       read only" "command     yes, also at a terminal" "echo        no" "pipe        no"
check "a guest, who may do nothing, of nothing" tells "$WORK/guest" home "name        home" "version     $VERSION" \
    "key label   guest" "target      none" "listen      none" "files       none" "command     none" \
    "echo        no" "pipe        no"
check "who is a pipe says so" tells "$OWN" pipe "name        pipe" "version     $VERSION" "key label   none" \
    "target      none" "listen      none" "files       none" "command     none" "echo        no" "pipe        yes"
check "and is still one for the next" [ "$(echo hello | timeout 60 "$HX" connect pipe -q && cat pipe.out)" = hello ]
check "--json has the same" object "$WORK/laptop" home \
    'o["label"] == "laptop" and o["allow"] == ["10.0.0.1:80"] and o["allow_listen"] == [] and o["share"] == "ro"
     and o["exec"] and o["pty"] and not o["echo"] and not o["pipe"] and not o["older"] and o["version"]'
check "and the path" object "$OWN" home \
    'o["name"] == "home" and o["path"]["rtt_ms"] > 0 and o["path"]["found_ms"] >= 0 and ":" in o["path"]["address"]
     and o["allow"][2] == "/run/x y" and o["label"] is None'
info "$OWN" nobody
check "a name that nobody holds is a failure" [ $? = 1 ]
check "which says what to do" grep -q 'for it on the other host' info.err
timeout 60 "$HX" info -q home | grep "^pipe " >pipe.line
check "the answer goes whole into a pipe" [ "${PIPESTATUS[*]}" = "0 0" ]
finish
