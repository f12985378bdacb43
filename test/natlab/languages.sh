#!/bin/bash
# test/natlab/languages.sh [LANGUAGE...]: who is written in one language reaches who is written in another, each way, and one of
# each meet in a session: all of them behind NATs, with one key. C is hx itself; of the others it is the examples of bindings/. A
# language that is not installed is skipped.
# shellcheck disable=SC2317,SC2119 # tests are called through story; defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"

if [ "${HX_LAB:-}" != inside ]; then
    build_probe || exit 1
    REFUSED=$(lab_refused)
    if [ -z "$REFUSED" ]; then lab_enter "$0" "$@"; fi
else
    lab_begin || exit 1
fi
LANGUAGES=("$@")
[ $# -gt 0 ] || LANGUAGES=(c python go node)
HOMES=(port-restricted masquerade-closed symmetric-random double) # of the members of the group
declare -A MISSING=() # LANGUAGE -> why it is not there
declare -A SAY=()     # LANGUAGE -> the descriptor whose end is what its member types
export HX_NAMESERVER=$LAB_NS HX_LIBRARY=$B/libhx.so.0 LD_LIBRARY_PATH=$B PYTHONDONTWRITEBYTECODE=1
export NODE_PATH=$WORK/node_modules PYTHONPATH=$TOP/bindings/python

# --- the programs ------------------------------------------------------------------------------------------------------
build_go() {
    command -v go >/dev/null || [ -x /usr/lib/go-1.19/bin/go ] || { MISSING[go]='it is not installed: make go' && return; }
    "$TOP/test/go.sh" build -o "$WORK/go/" ./examples/... >"$WORK/go.err" 2>&1 || MISSING[go]='it cannot be built'
}
build_node() { # a copy, as npm would install it
    command -v node >/dev/null || { MISSING[node]='it is not installed: make node' && return; }
    [ ! -e "$TOP/build/deb/usr/include/node" ] || export NODE_INCLUDE=$TOP/build/deb/usr/include/node
    mkdir -p "$NODE_PATH" && cp -r "$TOP/bindings/node" "$NODE_PATH/hx"
    CFLAGS="-I$TOP/client" LDFLAGS="-L$B" "$NODE_PATH/hx/build.sh" >"$WORK/node.err" 2>&1 || MISSING[node]='it cannot be built'
}
# The words of who does that, in PROGRAM.
listens() { # listens LANGUAGE: under that name
    case $1 in
    c) PROGRAM=("$B/hx" bind c --bare --echo) ;;
    python) PROGRAM=(python3 "$TOP/bindings/python/examples/echo.py" listen python) ;;
    go) PROGRAM=("$WORK/go/echo" listen go) ;;
    node) PROGRAM=(node "$NODE_PATH/hx/examples/echo.js" listen node) ;;
    esac
}
connects() { # connects LANGUAGE NAME TEXT
    case $1 in
    c) PROGRAM=(bash -c "exec '$B/hx' connect '$2' --bare <<<'$3'") ;;
    python) PROGRAM=(python3 "$TOP/bindings/python/examples/echo.py" connect "$2" "$3") ;;
    go) PROGRAM=("$WORK/go/echo" connect "$2" "$3") ;;
    node) PROGRAM=(node "$NODE_PATH/hx/examples/echo.js" connect "$2" "$3") ;;
    esac
}
chats() { # chats LANGUAGE MEMBERS: as a member of that name
    case $1 in
    c) PROGRAM=("$B/hx" meet lab --expect "$2" --name c -v) ;;
    python) PROGRAM=(python3 -u "$TOP/bindings/python/examples/chat.py" lab "$2" python) ;;
    go) PROGRAM=("$WORK/go/chat" lab "$2" go) ;;
    node) PROGRAM=(node "$NODE_PATH/hx/examples/chat.js" lab "$2" node) ;;
    esac
}
# tell SENTENCE "LANGUAGE..." COMMAND...: a story that needs those languages
tell() {
    local language
    for language in $2; do
        case ${MISSING[$language]:-} in
        '') continue ;;
        *built) not_ok "$1" "$WORK/$language.err" ;;
        *) skip "$1" "$language: ${MISSING[$language]}" ;;
        esac
        return
    done
    story "$1" "${@:3}"
}

# --- one reaches another -------------------------------------------------------------------------------------------------
listeners() { # all of them on H1
    local language
    lab_up masquerade-closed port-restricted && start_s "$LAB_NS" --rate-per-address 0 || return
    for language in "${LANGUAGES[@]}"; do
        listens "$language"
        [ -n "${MISSING[$language]:-}" ] || lab_start "$language" h1 "${PROGRAM[@]}"
    done
    for language in "${LANGUAGES[@]}"; do
        [ -n "${MISSING[$language]:-}" ] || await_bound 60 1 "$language" || return
    done
}
reaches() { # reaches CONNECTOR LISTENER
    local got rc
    connects "$1" "$2" "from $1 to $2"
    got=$(lab_exec h2 timeout 60 "${PROGRAM[@]}" 2>"$WORK/connect.err")
    rc=$?
    echo "status $rc, got '$got'"
    [ "$rc" = 0 ] && [ "$got" = "from $1 to $2" ]
}

# --- one of each meet ----------------------------------------------------------------------------------------------------
join() { # join HOST LANGUAGE MEMBERS: with an input that stays open; all that it says is in $WORK/LANGUAGE.out
    local fd
    rm -f "$WORK/say" && mkfifo "$WORK/say" && exec {fd}<>"$WORK/say" || return
    SAY[$2]=$fd
    chats "$2" "$3"
    : >"$WORK/$2.out"
    nsenter --net="/run/netns/$1" "${PROGRAM[@]}" <&"$fd" >"$WORK/$2.out" 2>&1 &
    STARTED+=("$!")
}
each_of() { # each_of REGEX LANGUAGE...: each has a line for each other one, whose name stands for NAME
    local language other
    for language in "${@:2}"; do
        for other in "${@:2}"; do
            [ "$other" = "$language" ] || await_line "$WORK/$language.out" "${1//NAME/$other}" || return
        done
    done
}
group() { # group LANGUAGE...: each hears each
    local n=0 language
    STORY_FILES=("${@/%/.out}" nameserver.err)
    lab_up "${HOMES[@]:0:$#}" && start_s "$LAB_NS" --relay || return
    for language in "$@"; do
        n=$((n + 1))
        join "h$n" "$language" $# || return
    done
    each_of '^NAME is here|connected to NAME:' "$@" || return
    for language in "$@"; do echo "I am $language" >&"${SAY[$language]}"; done
    each_of '^NAME: I am NAME$' "$@"
}

THERE=()
for language in "${LANGUAGES[@]}"; do
    case $language in go | node) [ -n "$REFUSED" ] || "build_$language" ;; esac
    [ -n "${MISSING[$language]:-}" ] || THERE+=("$language")
done
story "all who can listen behind a NAT" listeners
for connector in "${LANGUAGES[@]}"; do
    STORY_FILES=(connect.err "${LANGUAGES[@]/%/.err}")
    for listener in "${LANGUAGES[@]}"; do
        tell "$connector behind a NAT reaches $listener behind another one" "$connector $listener" reaches "$connector" "$listener"
    done
done
tell "one of each meet behind NATs of mixed kinds, and each hears each" "${LANGUAGES[*]}" group "${LANGUAGES[@]}"
[ ${#THERE[@]} = ${#LANGUAGES[@]} ] || tell "those that are installed do" "${THERE[*]}" group "${THERE[@]}"
[ -n "$REFUSED" ] || lab_down
finish
