#!/bin/bash
# Runs in a box where the packages' dependencies are installed and systemd is not running: the packages come, are upgraded,
# go and come back, and in the end nothing of them is left.
# shellcheck source=test/packages/inside.sh
. /test/inside.sh
export DEBIAN_FRONTEND=noninteractive
OURS=(hx hx-nameserver libhx0 libhx-dev python3-hx)

files() { # what lies there, with owners and modes; and who is known. Not what dpkg keeps for itself.
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /test -o -path /packages -o \
        -path /older -o -path /told -o -path /output -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log -o \
        -path /etc/ld.so.cache -o -name __pycache__ \) -prune -o -printf '%p %u:%g %m %l\n' | sort
    cat /etc/passwd /etc/group
}
older() { # the same packages with a smaller version
    local deb root
    mkdir -p /older
    for deb in /packages/*.deb; do
        case $deb in *-dbgsym_*) continue ;; esac
        root=/older/root
        rm -rf "$root" && dpkg-deb -R "$deb" "$root" && sed -i "s/0\.1\.0-1/0.1.0-0/g" "$root/DEBIAN/control" &&
            dpkg-deb -b "$root" /older/ || return
    done
    rm -rf "$root"
}
packages() { find "$1" -name '*.deb' ! -name '*-dbgsym_*'; }
# shellcheck disable=SC2046 # names without blanks
installs() { dpkg -i $(packages "$1"); }
versions() { # versions EXPECTED: all have it
    dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' "${OURS[@]}" | tee /tmp/versions
    [ "$(grep -c " $1 installed$" /tmp/versions)" = ${#OURS[@]} ]
}
works() {
    hx --version && hx-nameserver --version && udtcurl --version && python3 -c 'import hx; print(hx.libhx_version())' &&
        hx config check /etc/hx/config
}
leaves() { # what services and administrators have left there
    echo "; mine" >>/etc/hx/nameserver.conf
    echo "# mine" >>/etc/hx/config
    mkdir -p /var/lib/private/hx-nameserver /var/lib/private/hx-bind/home
    ln -sfn private/hx-nameserver /var/lib/hx-nameserver
    ln -sfn private/hx-bind /var/lib/hx-bind
    echo kept | tee /var/lib/private/hx-nameserver/names.db >/var/lib/private/hx-bind/home/key
    mkdir -p /etc/systemd/system/multi-user.target.wants
    ln -sf /lib/systemd/system/hx-bind@.service /etc/systemd/system/multi-user.target.wants/hx-bind@home.service
}
kept() {
    tail -n 1 /etc/hx/nameserver.conf | grep -x '; mine' && tail -n 1 /etc/hx/config | grep -x '# mine' &&
        grep kept /var/lib/hx-nameserver/names.db /var/lib/hx-bind/home/key
}
gone() { # but for what a removal shall keep
    local package
    for package in "${OURS[@]}"; do
        [ ! -e "/usr/share/doc/$package" ] || return
    done
    [ ! -e /usr/bin/hx ] && [ ! -e /usr/sbin/hx-nameserver ] && ! python3 -c 'import hx' && kept
}
nothing_left() { files >/tmp/after && diff /tmp/before /tmp/after; }

mkdir -p /etc/systemd/system/multi-user.target.wants # of nobody in particular
rm -rf /older
files >/tmp/before
check "the packages are installed, an older version of them" eval 'older && installs /older && versions 0.1.0-0'
check "the programs start, and Python finds its package" works
leaves
check "they are upgraded" eval 'installs /packages && versions 0.1.0-1'
check "with what was configured, and the keys" kept
check "the programs start after that" works
check "they are removed" dpkg -r "${OURS[@]}"
check "and leave configuration and keys, nothing else" gone
check "they are installed again" eval 'installs /packages && versions 0.1.0-1'
check "with what was configured before" kept
check "they are purged" dpkg -P "${OURS[@]}"
check "and leave nothing behind" nothing_left
echo end >&3
