#!/bin/sh
# build.sh [OUTPUT]: builds the addon, build/hx.node, with the C compiler. It looks for Node's headers in $NODE_INCLUDE and where
# Debian's libnode-dev and Node's own packages have them, and for libhx where the compiler looks, with $CFLAGS and $LDFLAGS.
here=$(cd "$(dirname "$0")" && pwd) || exit 1
output=${1:-$here/build/hx.node}
headers=
for dir in "${NODE_INCLUDE:-}" /usr/include/node "$(dirname "$(command -v node)")/../include/node"; do
    if [ -z "$headers" ] && [ -e "$dir/node_api.h" ]; then headers=$dir; fi
done
if [ -z "$headers" ]; then
    echo "hx: Node's headers are not found: apt-get install libnode-dev, or set NODE_INCLUDE" >&2
    exit 1
fi
mkdir -p "$(dirname "$output")"
# libuv's header is beside Node's, or a directory further up (Debian's libuv1-dev). libuv itself is in node.
# shellcheck disable=SC2086 # lists of words
exec ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -g -fPIC -Wall -Wextra -fvisibility=hidden -shared ${CFLAGS:-} -I"$headers" \
    -I"$headers/.." -o "$output" "$here"/src/*.c ${LDFLAGS:-} -lhx -lpthread
