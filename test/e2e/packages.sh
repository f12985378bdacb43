#!/usr/bin/env bash
# What can be known of the packages without building them, which `make deb` does: their lists fit what `make install`
# installs, the library's symbols are those that are listed, versions agree, units and scripts are well formed, and what
# `make dist` packs is the same from another clone, at another time, with another umask, and from itself.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"
cd "$TOP" || exit 1
DEBIAN=packaging/debian
VERSION=$(sed -n 's/^VERSION *:= *//p' Makefile)

installed() { # what the recipe of `make install` puts where, with nothing built anew: the programs are there
    make -s install -o all B="$B" DESTDIR="$WORK/tmp" PREFIX=/usr LIBDIR=/usr/lib/triplet UNITDIR=/lib/systemd/system \
        ZSHDIR=/usr/share/zsh/vendor-completions && (cd "$WORK/tmp" && find . ! -type d | cut -c3- | sort >"$WORK/installed")
}
lists_fit() { # each file is in exactly one package, or is said to be in none; and no line is of nothing
    local list line
    : >"$WORK/listed"
    for list in "$DEBIAN"/*.install "$DEBIAN"/not-installed; do
        while read -r line _; do
            case $line in debian/*) [ -e "$DEBIAN/${line#debian/}" ] || { echo "$list: no $line" && return 1; } ;; esac
            case $line in debian/* | usr/lib/python3) continue ;; esac # Python's: of the wheel
            # shellcheck disable=SC2086 # a pattern
            (cd "$WORK/tmp" && find $line ! -type d) >"$WORK/found" || { echo "$list: nothing is $line" && return 1; }
            cat "$WORK/found" >>"$WORK/listed"
        done <"$list"
    done
    sort "$WORK/listed" | diff "$WORK/installed" -
}
symbols_fit() { # a new function of hx.h belongs into the list, with the version that has it first; none goes
    sed -n 's/^ \(hx_[a-z_0-9]*\)@Base .*/\1/p' "$DEBIAN/libhx0.symbols" >"$WORK/symbols"
    [ -s "$WORK/symbols" ] && nm -D --defined-only "$B/libhx.so.0" | awk '{ print $3 }' | sort | diff "$WORK/symbols" -
}
versions_agree() {
    [ -n "$VERSION" ] && head -n 1 "$DEBIAN/changelog" | grep "^hx ($VERSION-" && grep "^version = \"$VERSION\"$" bindings/python/pyproject.toml
}
build_depends() { # as make deps installs, but for what every build has
    sed -n '/^Build-Depends:/,/^[A-Z]/s/^ \([^ ,]*\).*/\1/p' "$DEBIAN/control" | grep -vE '^(debhelper-compat|dh-sequence-.*|python3)$' |
        sort >"$WORK/control"
    make -s -f - packages <<<$'include Makefile\npackages: ; @printf "%s\\n" $(DEBS)' |
        grep -vxE 'gcc|g\+\+|make|libc6-dev|binutils' | sort | diff - "$WORK/control"
}
scripts_parse() {
    local script
    for script in "$DEBIAN"/*.{postinst,prerm,postrm}; do sh -n "$script" && grep -qx '#DEBHELPER#' "$script" || return; done
}
device_unit() { # without a word
    sed "s|^ExecStart=hx |ExecStart=$B/hx |" "client/tool/hx-bind@.service" >"$WORK/hx-bind@.service"
    systemd-analyze verify --man=no "$WORK/hx-bind@.service" >"$WORK/verify.out" 2>&1
    ! grep . "$WORK/verify.out" &&
        systemd-analyze security --offline=yes --no-pager --threshold=20 "$WORK/hx-bind@.service"
}
configurations_are_taken() {
    "$B/hx" config check "$DEBIAN/etc/config" || return
    # A port and a place of its own, and else as it stands there.
    sed 's|^listen = .*|listen = 127.0.0.1:0|; s|^listen-tcp = .*|listen-tcp = 127.0.0.1:0|; s|/var/lib/hx-nameserver|'"$WORK"'|' \
        "$DEBIAN/etc/nameserver.conf" >"$WORK/nameserver.conf"
    start nameserver "$B/hx-nameserver" --config "$WORK/nameserver.conf"
    await_line "$WORK/nameserver.out" 'listening on tcp' || return
    kill "$PID" && await_exit "$PID"
}
firewall_parses() { # what docs/capacity.md shows
    awk '/^```/ { rules = /nft$/; next } rules' docs/capacity.md >"$WORK/rules"
    grep -q 'dport' "$WORK/rules" && unshare -Urn nft -c -f "$WORK/rules"
}
dist_is_the_same() {
    local sum
    packaging/dist.sh "$WORK/dist" "$VERSION" || return
    sum=$(sha256sum <"$WORK/dist/hx-$VERSION.tar.gz")
    # The files as they are here, in another clone: that one has the same commit, and so the same time.
    (umask 077 && git clone -q --shared --no-checkout . "$WORK/clone" && cd "$WORK/clone" && git read-tree HEAD &&
        mkdir -p "$WORK/files" && tar -xzf "$WORK/dist/hx-$VERSION.tar.gz" -C "$WORK/files" &&
        cp -r "$WORK/files/hx-$VERSION/." . && find . -path ./.git -prune -o -type f -exec touch {} + && git add -A &&
        TZ=Asia/Kathmandu LC_ALL=C.UTF-8 packaging/dist.sh "$WORK/again" "$VERSION") || return
    [ "$(sha256sum <"$WORK/again/hx-$VERSION.tar.gz")" = "$sum" ] || return
    cd "$WORK/files/hx-$VERSION" && mkdir build && touch build/x && (umask 007 && packaging/dist.sh build/dist "$VERSION") &&
        [ "$(sha256sum <"build/dist/hx-$VERSION.tar.gz")" = "$sum" ]
}

check "make install puts its files where the packages look for them" installed
check "each file that it installs is in one package" lists_fit
check "the library has the symbols that its package lists" symbols_fit
check "the versions agree" versions_agree
check "the packages are built with what make deps installs" build_depends
check "the maintainers' scripts are well formed" scripts_parse
if command -v systemd-analyze >/dev/null; then
    check "the unit of a device is well formed, and little exposed" device_unit
    echo "# $(systemd-analyze security --offline=yes --no-pager "$WORK/hx-bind@.service" | tail -n 1)"
else
    skip "the unit of a device is well formed, and little exposed" "no systemd-analyze on this machine"
fi
check "the programs take the configurations that the packages bring" configurations_are_taken
if unshare -Urn nft list ruleset >/dev/null 2>&1; then
    check "nftables takes the rules of docs/capacity.md" firewall_parses
else
    skip "nftables takes the rules of docs/capacity.md" "no nft, or no network namespaces here"
fi
if [ "$(git rev-parse --show-prefix 2>/dev/null || echo none)" = "" ]; then
    check "the archive of the sources is the same from elsewhere, at another time, and from itself" dist_is_the_same
else
    skip "the archive of the sources is the same from elsewhere, at another time, and from itself" "no git here"
fi
finish
