#!/usr/bin/env bash
# test/image/prepare.sh: makes what test/image/run.sh stands on, once for a machine and each state of the Containerfile's
# packages; that takes some minutes. `make image` runs it.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/image/engine.sh
. test/image/engine.sh
refuse() { echo "$1" && exit 1; }
REFUSED=$(image_refused)
[ -z "$REFUSED" ] || refuse "$REFUSED"
mkdir -p "$IMAGE_CACHE" || refuse "no folder $IMAGE_CACHE"
exec 9>"$IMAGE_CACHE/lock"
flock 9
! image_is_ready || exit 0
echo "making the base of the image's test"
engine "$IMAGE_CACHE"
step() { timeout 900 "$@" >>"$IMAGE_CACHE/log" 2>&1 || refuse "$1 $2 failed: $(tail -n 1 "$IMAGE_CACHE/log")"; }
rm -f "$IMAGE_CACHE/stamp" "$IMAGE_CACHE/log"
if ! podman image exists debian:12 2>/dev/null; then
    step mmdebstrap --variant=minbase bookworm "$IMAGE_CACHE/base.tar"
    step podman import "$IMAGE_CACHE/base.tar" debian:12
    rm -f "$IMAGE_CACHE/base.tar"
    step podman tag debian:12 debian:12-slim
fi
for stage in tools runtime; do
    step podman build --pull=never --target "$stage" -t "hx-$stage" -f "$CONTAINERFILE" packaging
done
podman image prune -f >/dev/null 2>&1
image_stamp >"$IMAGE_CACHE/stamp"
