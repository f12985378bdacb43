#!/usr/bin/env bash
# What `make deb` does: builds Debian's packages in a clean Debian, from what `make dist` has packed, and tries them: built
# once more elsewhere they are the same; lintian has no error to tell; they come and go in a clean system; two commands
# make a nameserver with a device in a fresh one; and their own tests (packaging/debian/tests) pass with them installed.
# Only root can do so. KEEP=1 keeps the boxes' files.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/packages/box.sh
. "$TOP/test/packages/box.sh"
cd "$TOP" || exit 1
OUT=$TOP/build/packages

REFUSED=$(boxes_refused)
if [ -n "$REFUSED" ]; then
    echo "$REFUSED" >&2
    exit 1
fi
if [ "${HX_BOXES:-}" != inside ]; then
    rm -rf "$WORK"
    HX_BOXES=inside exec unshare -m bash "$0" "$@" # mounts end with it
fi
trap 'boxes_end; cleanup' EXIT

# builds BOX FOLDER COMMAND...: the packages, there, by nobody in particular, with COMMAND before dpkg's
builds() {
    local name=$1 at=$2
    shift 2
    box "$name" build && mkdir -p "$WORK/boxes/$name/root$at" &&
        tar -xzf "$DIST" -C "$WORK/boxes/$name/root$at" && cp "$DIST" "$WORK/boxes/$name/root$at/hx_$VERSION.orig.tar.gz" &&
        cp -r "$WORK/boxes/$name/root$at/hx-$VERSION"/{packaging/,}debian && chown -R 65534:65534 "$WORK/boxes/$name/root$at" &&
        in_box "$name" --user=nobody --chdir="$at/hx-$VERSION" --setenv=HOME=/nonexistent "$@"
}
hardened() { # each program: position independent, bound at its start, with guarded stacks and checked copies
    local file
    for file in usr/bin/hx usr/bin/udtcurl usr/sbin/hx-nameserver; do
        file=$WORK/built/$file && echo "$file"
        readelf -hldW "$file" >"$WORK/elf" && grep -q 'Type: *DYN' "$WORK/elf" && grep -q 'GNU_RELRO' "$WORK/elf" &&
            grep -q 'FLAGS_1.*NOW.*PIE' "$WORK/elf" && nm -D "$file" >"$WORK/names" && grep -q __stack_chk_fail "$WORK/names" &&
            grep -q '_chk@' "$WORK/names" || return
    done
}
unpacked() { local deb; for deb in "$OUT"/*.deb; do dpkg-deb -x "$deb" "$WORK/built" || return; done; }
same_again() {
    local deb differs=0
    for deb in "$OUT"/*.deb; do
        cmp "$deb" "$WORK/boxes/second/root/srv/else/where/$(basename "$deb")" && continue
        differs=1
        rm -rf "$WORK"/{one,other}
        dpkg-deb -R "$deb" "$WORK/one" && dpkg-deb -R "$WORK/boxes/second/root/srv/else/where/$(basename "$deb")" "$WORK/other" &&
            diff -r "$WORK/one" "$WORK/other"
    done
    return $differs
}
linted() { in_box first --chdir=/build -- lintian --allow-root --fail-on error --tag-display-limit 0 "hx_${VERSION}-1_$ARCH.changes"; }
# shellcheck disable=SC2016 # the box's shell
downloaded() { # what the packages need: the names into /needed, the files to where apt finds them without a network
    box fresh system &&
        in_box fresh --network --bind-ro="$OUT:/packages" -- sh -c 'apt-get update -q && cd /packages &&
            apt-get install -q -s $(ls ./*.deb | grep -v dbgsym) >/needed.all &&
            awk "/^Inst/ { print \$2 }" /needed.all | grep -vxE "hx|hx-nameserver|libhx0|libhx-dev|python3-hx" >/needed &&
            echo "APT::Keep-Downloaded-Packages true; Binary::apt::APT::Keep-Downloaded-Packages true;" >/etc/apt/apt.conf.d/99keep &&
            rm -f /etc/apt/apt.conf.d/docker-clean &&
            apt-get install -y -q --no-install-recommends --download-only $(cat /needed) &&
            apt-get install -y -q --download-only $(ls ./*.deb | grep -v dbgsym)'
}
# shellcheck disable=SC2016
lives_and_goes() {
    box lifecycle fresh system && in_box lifecycle --bind-ro="$OUT:/packages" --bind-ro="$TOP/test/packages:/test" -- \
        sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(cat /needed) && exec bash /test/lifecycle.sh'
}
boots() { # the script runs as a service there, and ends it
    local root=$WORK/boxes/boot/root
    box boot fresh system && cat >"$root/etc/systemd/system/two-commands.service" <<'UNIT' &&
[Unit]
Description=two commands
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=bash /test/two_commands.sh
TimeoutStartSec=600
UNIT
        mkdir -p "$root/etc/systemd/system/multi-user.target.wants" &&
        ln -s ../two-commands.service "$root/etc/systemd/system/multi-user.target.wants/" &&
        in_box boot --bind-ro="$OUT:/packages" --bind-ro="$TOP/test/packages:/test" --boot </dev/null
}
own_tests() {
    box tests build && in_box tests --network --bind-ro="$OUT:/packages" -- sh -c 'apt-get update -q && cd /packages &&
        autopkgtest ./*.deb ./*.dsc -- null' >"$WORK/autopkgtest" 2>&1 && grep -E '^[a-z-]+ +PASS$' "$WORK/autopkgtest" && return
    tail -n 40 "$WORK/autopkgtest" && false
}

VERSION=$(sed -n 's/^VERSION *:= *//p' Makefile)
ARCH=$(dpkg --print-architecture)
DIST=build/dist/hx-$VERSION.tar.gz
check "clean Debians are there" boxes_prepare
check "the packages are built in a clean Debian, without a network" builds first /build -- \
    dpkg-buildpackage -us -uc -j"$(nproc)"
rm -rf "$OUT" && mkdir -p "$OUT" && cp "$WORK/boxes/first/root/build"/hx_* "$WORK/boxes/first/root/build"/*.deb "$OUT" 2>/dev/null
check "they are whole" unpacked
check "the programs are hardened" hardened
check "lintian finds no error" linted
check "they are built once more, elsewhere, with another umask, language, clock zone and fewer at once" builds second /srv/else/where \
    --setenv=LANG=C.UTF-8 --setenv=TZ=Asia/Kathmandu -- sh -c 'umask 002 && exec dpkg-buildpackage -us -uc -b -j1'
check "and are the same, byte for byte" same_again
check "what they need is there without a network" downloaded
check "they are tried in a clean system" lives_and_goes
tell_box "$WORK/boxes/lifecycle/root/told"
check "a fresh Debian boots" boots
tell_box "$WORK/boxes/boot/root/told"
check "their own tests pass where they are installed (autopkgtest)" own_tests
echo "# the packages: $(cd "$OUT" && echo *.deb)"
finish
