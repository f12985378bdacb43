# shellcheck shell=bash
# test/packages/inside.sh: what the scripts source that run in a box.
exec 3>>/told 4>>/output
: >/output
check() { # check SENTENCE COMMAND...
    local name=$1 begun
    shift
    begun=$(wc -l </output)
    echo "== $name" >&4
    if "$@" >&4 2>&1 </dev/null; then
        echo "ok - $name" >&3
    else
        echo "not ok - $name" >&3
        tail -n +"$((begun + 1))" /output | tail -n 30 >&3
    fi
}
note() { echo "$*" >&3; }
