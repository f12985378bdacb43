#!/bin/sh
# test/deps.sh PACKAGE...: installs the Debian packages that are missing; says nothing if none is. "PACKAGE=unpacked"
# is only unpacked, into build/deb: a test may want a server's program without this machine becoming such a server.
missing=
unpack=
for package in "$@"; do
    name=${package%=unpacked}
    if [ "$name" != "$package" ]; then
        [ -e "build/deb/$name" ] || unpack="$unpack $name"
    else
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $name"
    fi
done
[ -z "$missing$unpack" ] && exit 0
echo "installing:$missing$unpack"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
fail() {
    echo "cannot install$missing$unpack: install them by hand, then try again" >&2
    exit 1
}
$sudo apt-get update -q >/dev/null || fail
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # a list of words
    $sudo apt-get install -y -q --no-install-recommends $missing >/dev/null || fail
fi
mkdir -p build/deb
for name in $unpack; do
    # shellcheck disable=SC2015 # all of it or nothing
    (cd build/deb && apt-get download -q "$name" >/dev/null 2>&1 && dpkg -x "$name"_*.deb . && rm "$name"_*.deb && : >"$name") ||
        fail
done
exit 0
