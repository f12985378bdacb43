#!/bin/bash
# Runs in a box as a service of its systemd: a fresh Debian, two commands, and a nameserver runs on which a device is bound.
# shellcheck source=test/packages/inside.sh
. /test/inside.sh
export DEBIAN_FRONTEND=noninteractive HOME=/root
cd /packages || exit 1

awaits() { # awaits UNIT REGEX: in its journal, within a minute
    timeout 60 journalctl -q -o cat -n all -f -u "$1" | grep -m 1 -E -- "$2"
}
echoes() { # waits for the device to be there
    [ "$(echo hello | timeout 90 hx connect home --nameserver 127.0.0.1 --key-file /var/lib/hx-bind/home/key --wait 60)" = hello ]
}
refused() { # with another key
    HX_KEY=$(hx key --file /tmp/other) && export HX_KEY && timeout 60 hx ping -c 1 home --nameserver 127.0.0.1 2>&1 | grep 'refused by the holder'
}
keeps_secret() { ! journalctl -q -o cat -u hx-bind@home | grep -F "$(cut -d' ' -f1 /var/lib/hx-bind/home/key)"; }
tells_owner() { # the nameserver, by which key the name was bound: the one that the device has
    local key
    key=$(hx key --device /var/lib/hx-bind/home/device.key) && awaits hx-nameserver "event=bound .*name=home key=${key:0:16}"
}
others_are_refused() { # who has the peers' key, and another device's, may not bind the name
    hx key --device /tmp/device >/dev/null && { timeout 8 hx bind home --echo --nameserver 127.0.0.1 \
        --key-file /var/lib/hx-bind/home/key --device-key /tmp/device --verbose >/tmp/bind 2>&1 </dev/null
        cat /tmp/bind
        ! grep '^bound' /tmp/bind && grep 'owned by' /tmp/bind; }
}
reloads() { # with a limit that was changed meanwhile
    sed -i 's/^max-per-address = .*/max-per-address = 4096/' /etc/hx/nameserver.conf && systemctl reload hx-nameserver &&
        awaits hx-nameserver 'event=reloaded'
}
rules_are_kept() { # a line for one device, in the directory that nobody else can look into, is what counts for that name
    echo "closed bind $(hx key --device /var/lib/hx-bind/home/device.key)" >/var/lib/hx-nameserver/auth &&
        echo "auth = /var/lib/hx-nameserver/auth" >>/etc/hx/nameserver.conf && systemctl restart hx-nameserver &&
        ! setpriv --reuid=nobody --clear-groups cat /var/lib/hx-nameserver/auth || return
    timeout 8 hx bind closed --echo --nameserver 127.0.0.1 --key-file /var/lib/hx-bind/home/key --device-key /tmp/device >/tmp/closed 2>&1 </dev/null
    cat /tmp/closed
    grep 'needs a line `closed bind ed25519:' /tmp/closed && echoes
}
socket_serves() { # in the place of what the configuration says: the device's next datagram starts the service
    systemctl stop hx-nameserver && systemctl enable --now hx-nameserver.socket && echoes && systemctl is-active hx-nameserver
}
healthy() { # as who runs it asks by its socket
    perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new("/run/hx-nameserver-admin.sock") or die "no connection: $!\n";
        print $s "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"; print <$s>' | tee /tmp/healthy && grep -q '^HTTP/1.1 200 ' /tmp/healthy
}
admin_serves() { # by the unit that hx-nameserver.socket shows, also when the service has been started anew
    sed -n 's/^#   //p' /lib/systemd/system/hx-nameserver.socket | tee /etc/systemd/system/hx-nameserver-admin.socket
    systemctl daemon-reload && systemctl stop hx-nameserver.socket hx-nameserver.service &&
        systemctl start hx-nameserver-admin.socket hx-nameserver.socket hx-nameserver.service && healthy &&
        systemctl restart hx-nameserver && healthy && echoes && systemctl stop hx-nameserver-admin.socket &&
        rm /etc/systemd/system/hx-nameserver-admin.socket && systemctl daemon-reload
}
is_nobody() { # is_nobody UNIT: some user that was made for it, without any capability
    local pid
    pid=$(systemctl show -P MainPID "$1") && grep -E '^(Uid|CapBnd|NoNewPrivs|Seccomp):' "/proc/$pid/status" >/tmp/status
    cat /tmp/status
    awk '/^Uid:/ { user = $2 >= 61184 && $2 <= 65519 } /^CapBnd:/ { bound = $2 == 0 } /^NoNewPrivs:/ { new = $2 == 1 }
         /^Seccomp:/ { filter = $2 == 2 } END { exit !(user && bound && new && filter) }' /tmp/status
}
killed() { # systemd starts it again, and the device comes back
    local pid
    pid=$(systemctl show -P MainPID hx-nameserver) && kill -9 "$pid" && systemctl show -P NRestarts hx-nameserver
    for _ in {1..600}; do # the journal's last start may be the first one
        if [ "$(systemctl show -P MainPID hx-nameserver)" != "$pid" ] && systemctl -q is-active hx-nameserver; then break; fi
        read -rt 0.1 <>/run/nap
    done
    echoes
}
# shellcheck disable=SC2046
gone() {
    [ -z "$(ls -d /var/lib/hx* /var/lib/private/hx* /etc/hx* /etc/systemd/system/*/hx* 2>/dev/null)" ] &&
        [ -z "$(ss -Hlun 'sport = :7000' 2>/dev/null)" ] && [ -z "$(systemctl list-units -q --plain 'hx*')" ] &&
        ! systemctl is-active hx-nameserver.socket
}
exposure() { systemd-analyze security --no-pager "$1" | tail -n 1 | sed "s/^[^O]*//"; }

mkfifo /run/nap
check "the first command: apt install ./hx_*.deb ./hx-nameserver_*.deb" apt-get install -y ./hx_*.deb ./hx-nameserver_*.deb
check "the nameserver runs" awaits hx-nameserver 'event=listening'
check "and will after the next boot" systemctl is-enabled hx-nameserver
check "the second command: systemctl enable --now hx-bind@home" systemctl enable --now hx-bind@home
check "the device is bound" awaits hx-bind@home '^bound home as '
check "by the key that it has made for itself" tells_owner
check "who has its key reaches it" echoes
check "and nobody else: another key is refused" refused
check "nor may another device bind the name" others_are_refused
check "it is reached as before" echoes
check "the nameserver is nobody in particular" is_nobody hx-nameserver
check "the device is nobody in particular" is_nobody hx-bind@home
check "its log does not tell the key" keeps_secret
note "systemd-analyze security: $(exposure hx-nameserver.service); $(exposure hx-bind@home.service)"
check "a nameserver that is killed comes back, and so does the device" killed
check "it still knows whose the name is, when the device is away" eval 'systemctl stop hx-bind@home && others_are_refused'
check "the device returns, and has it" eval 'systemctl start hx-bind@home && echoes'
check "a limit that is changed is reloaded" reloads
check "a file of rules is read, and nobody else can read it" rules_are_kept
check "the packages are installed over themselves" dpkg -i ./hx_*.deb ./hx-nameserver_*.deb
check "and the device is reached again" echoes
check "the socket is enabled, and starts the nameserver for the device" socket_serves
check "and --admin's, for who runs it, also when the service is started anew" admin_serves
check "they are purged while they run" apt-get purge -y hx hx-nameserver
check "and nothing runs or is left of them" gone
echo end >&3
