#!/usr/bin/env bash
# What the image consists of, and what compose.yaml runs, without a container: run.sh needs root and packages of its own for
# one. The packages are the right ones, and the commands, as they stand there, serve a host behind a NAT in the lab.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/image/engine.sh
. "$TOP/test/image/engine.sh"
cd "$TOP" || exit 1
lab_or_skip "what compose.yaml runs serves a host behind a NAT" "$0" "$@"
lab_begin
export PATH=$B:$PATH HX_NAMESERVER=127.0.0.1 # the default there
export HOME=$WORK/home XDG_CONFIG_HOME=$WORK/home XDG_STATE_HOME=$WORK/home
unset HX_KEY

stage() { awk -v name="$1" '/^FROM / { it = $NF == name } it' "$CONTAINERFILE" | tr -s ' ' '\n'; }
same_packages() { # as make deps installs
    make -s -f - packages <<<$'include Makefile\npackages: ; @printf "%s\\n" $(DEBS)' >"$WORK/debs" || return
    ! stage tools | grep -vxF -f - "$WORK/debs"
}
libraries() { # of the programs, beyond what every Debian has: libc6 and libgcc-s1. Apt knows what those in turn need.
    readelf -dW "$B/hx" "$B/hx-nameserver" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort -u >"$WORK/needed"
    ldd "$B/hx" "$B/hx-nameserver" | awk '$2 == "=>" { print $1, $3 }' | sort -u | join - "$WORK/needed" | cut -d' ' -f2 | xargs readlink -f |
        sed 's/^/*/' | xargs dpkg-query -S | sed -E 's/:.*//' | sort -u | grep -vxE 'libc6|libgcc-s1' >"$WORK/libraries"
    [ -s "$WORK/libraries" ] && ! stage runtime | grep -vxF -f - "$WORK/libraries"
}
# command_of SERVICE KEY: the words of that list, in COMMAND
command_of() {
    local list
    list=$(awk -v it="  $1:" -v key="    *$2:" '/^  [a-z]/ { on = $0 == it } on && $0 ~ "^" key { sub("^" key " *", ""); print }' \
        packaging/compose.yaml)
    mapfile -t COMMAND < <(sed -E 's/^\[ *"?//; s/"? *\]$//; s/"?, *"?/\n/g' <<<"$list")
    [ ${#COMMAND[@]} -gt 1 ]
}
talks() {
    KEY=$(lab_exec s hx key) && hx key --set --file "$WORK/key" <<<"$KEY" &&
        lab_exec h1 timeout 60 hx connect echo --nameserver "$LAB_S" --key-file "$WORK/key" -v <"$WORK/word" >"$WORK/said" &&
        cmp "$WORK/word" "$WORK/said"
}
keeps_secret() { [ -n "$KEY" ] && ! grep -F "$KEY" "$WORK/echo.err" "$WORK/echo.out"; }
check "the image is built with the packages that make deps installs" same_packages
check "it has the libraries of the programs" libraries
lab_core
lab_access 1 port-restricted
lab_router net
echo "an answer" >"$WORK/word"
command_of nameserver command
lab_start nameserver s "${COMMAND[@]}"
check "the nameserver starts" await_line "$WORK/nameserver.err" 'event=listening'
command_of echo command
lab_start echo s "${COMMAND[@]}"
check "the echo is bound" await_line "$WORK/echo.err" '^bound echo as '
command_of nameserver test
check "the nameserver's health is good" lab_exec s "${COMMAND[@]:1}"
check "a host behind a NAT talks with the echo" talks
check "the nameserver's log tells so" await_line "$WORK/nameserver.err" "event=connected .*h2=${LAB_PUBLIC[1]//./\\.}:"
check "and the echo's" await_line "$WORK/echo.err" "^accepted ${LAB_PUBLIC[1]//./\\.}:.* path="
check "which does not tell the key" keeps_secret
finish
