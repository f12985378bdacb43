# shellcheck shell=bash
# test/packages/box.sh: clean Debians for the tests of the packages. Source it after test/lib.sh. Two are made once for a
# machine and each state of the build dependencies, by mmdebstrap from where apt has its packages: `build`, with what
# building needs, and `system`, which is small and has systemd. What happens in a box lies above one of them, in $WORK.
PACKAGES_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/hx-test-packages
BOXES=()

# boxes_refused: why none can be had now; prints nothing if they can be.
boxes_refused() {
    local tool
    [ "$(id -u)" = 0 ] || { echo "only root can put a Debian up in a folder here" && return; }
    for tool in mmdebstrap systemd-nspawn; do
        command -v "$tool" >/dev/null || { echo "no program '$tool': make deb installs it" && return; }
    done
}
build_depends() { # without debhelper's names for parts of other packages
    sed -n '/^Build-Depends:/,/^[A-Z]/s/^ \([^ ,]*\).*/\1/p' "$TOP/packaging/debian/control" |
        sed 's/debhelper-compat/debhelper/; s/dh-sequence-python3/dh-python/'
}
boxes_prepare() {
    local stamp
    mkdir -p "$PACKAGES_CACHE" || return
    exec 9>"$PACKAGES_CACHE/lock"
    flock 9
    stamp=$(build_depends | sha256sum)
    [ "$(cat "$PACKAGES_CACHE/stamp" 2>/dev/null)" != "$stamp" ] || return 0
    rm -rf "$PACKAGES_CACHE"/{stamp,build,system}
    timeout 1500 mmdebstrap --variant=minbase --include="build-essential fakeroot lintian autopkgtest $(build_depends | xargs)" \
        bookworm "$PACKAGES_CACHE/build" &&
        timeout 900 mmdebstrap --variant=minbase --include=systemd-sysv,dbus bookworm "$PACKAGES_CACHE/system" &&
        echo "$stamp" >"$PACKAGES_CACHE/stamp"
}
# box NAME BELOW...: a new one, above those, the uppermost first: boxes, or those of the cache
box() {
    local name=$1 lower=() below
    shift
    for below; do
        if [ -d "$WORK/boxes/$below/upper" ]; then lower+=("$WORK/boxes/$below/upper"); else lower+=("$PACKAGES_CACHE/$below"); fi
    done
    mkdir -p "$WORK/boxes/$name"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=$(IFS=: && echo "${lower[*]}"),upperdir=$WORK/boxes/$name/upper,workdir=$WORK/boxes/$name/work" \
        "$WORK/boxes/$name/root" && BOXES+=("$name")
}
# in_box NAME OPTION... -- COMMAND...: with a network of its own, where there is loopback alone, but for "--network"
in_box() {
    local options=(--private-network) name=$1
    shift
    if [ "$1" = --network ]; then options=() && shift; fi
    timeout 1500 systemd-nspawn -q --register=no --keep-unit --pipe "${options[@]}" -D "$WORK/boxes/$name/root" "$@"
}
# tell_box FILE: of what was tried in a box, whose script has written "ok - ..." and "not ok - ..." there, and last "end"
tell_box() {
    local line
    while IFS= read -r line; do
        case $line in
        "ok - "*) ok "${line#ok - }" ;;
        "not ok - "*) not_ok "${line#not ok - }" ;;
        end) return ;;
        *) echo "# $line" ;;
        esac
    done <"$1"
    not_ok "what is tried in the box comes to its end" "$1"
}
boxes_end() {
    local name
    for name in "${BOXES[@]}"; do umount "$WORK/boxes/$name/root" || umount -l "$WORK/boxes/$name/root"; done
}
