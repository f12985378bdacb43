#!/usr/bin/env bash
# The image and the compose file, as a person uses them: podman builds what the Containerfile says, docker-compose starts
# what compose.yaml says on the nameserver's host of the NAT lab, and a host behind a NAT talks with the echo. Only root
# can do so. Base and packages are Debian's, put together once by prepare.sh; the programs are built anew, but for the
# objects that this folder's build has already (WHOLE=1: all of it).
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/image/engine.sh
. "$TOP/test/image/engine.sh"
cd "$TOP" || exit 1

if [ "${HX_LAB:-}" != inside ]; then
    REFUSED=$(image_refused)
    if [ -z "$REFUSED" ] && ! image_is_ready; then REFUSED="make image makes what it stands on, in some minutes"; fi
    if [ -n "$REFUSED" ]; then
        skip "a host behind a NAT talks with the echo in a container" "$REFUSED"
        finish
    fi
    rm -rf "$WORK"
    # No user namespace, other than the lab elsewhere: an image has several users.
    HX_LAB=inside exec unshare -nmpf --mount-proc --kill-child bash "$0" "$@"
fi
mount -t cgroup2 cgroup2 /sys/fs/cgroup # the runtime refuses a mixture of both kinds
lab_begin
engine "$WORK/engine" "$IMAGE_CACHE"
trap 'umount -lR "$WORK/engine/store/overlay" 2>/dev/null; cleanup' EXIT
export DOCKER_HOST=unix:///run/podman.sock # in a /run of our own
COMPOSE=(docker-compose -f packaging/compose.yaml -p hx)
NAMESERVER_1=hx_nameserver_1 ECHO_1=hx_echo_1 # as docker-compose calls the two

build() {
    local objects=()
    if [ -z "${WHOLE:-}" ]; then objects=(-v "$TOP/build/release:/src/build/release:O"); fi
    podman build --pull=never "${objects[@]}" -f "$CONTAINERFILE" -t hx .
}
starts() {
    await_line "$WORK/up.out" '^nameserver.* listening on .*:7000' && await_line "$WORK/up.out" '^echo.* bound echo as '
}
is_nobody() { # is_nobody CONTAINER: in particular, nor can it become somebody
    local status
    status=/proc/$(podman inspect -f '{{.State.Pid}}' "$1")/status
    cat "$status"
    [ "$(podman exec "$1" id -un)" = hx ] && grep -q '^NoNewPrivs:.1$' "$status" && grep -q '^CapBnd:.0*$' "$status"
}
keeps_image() { ! podman exec "$1" touch /var/x /usr/local/bin/x; }
key_of_echo() { podman exec "$ECHO_1" hx key; }
takes_key() { KEY=$(key_of_echo) && [ -n "$KEY" ] && "$B/hx" key --set --file "$WORK/key" <<<"$KEY"; }
talks() {
    lab_exec h1 timeout 60 "$B/hx" connect echo --nameserver "$LAB_S" --key-file "$WORK/key" -v <"$WORK/word" >"$WORK/said" &&
        cmp "$WORK/word" "$WORK/said"
}
told() { # by both, and the key by neither
    await_line "$WORK/up.out" "^nameserver.*event=connected .*h2=${LAB_PUBLIC[1]//./\\.}:" &&
        await_line "$WORK/up.out" "^echo.* accepted ${LAB_PUBLIC[1]//./\\.}:.* path=" &&
        await_line "$WORK/up.out" "^echo.* peer - at ${LAB_PUBLIC[1]//./\\.}:.*: left after" &&
        ! grep -F "$KEY" "$WORK/up.out"
}
has_kept_key() {
    "${COMPOSE[@]}" up -d --no-build --no-deps --force-recreate echo && [ "$(key_of_echo)" = "$KEY" ]
}
stop() { # both end by themselves when they are told to
    kill -INT "$UP" && await_exit "$UP"
    podman ps -a --format '{{.Names}} {{.Status}}' | tee "$WORK/ps"
    [ "$(grep -c ' Exited (0) ' "$WORK/ps")" = 2 ]
}

check "the image is built as the Containerfile says" build
lab_core
lab_access 1 port-restricted
lab_router net
lab_start engine s podman system service --time=0 "$DOCKER_HOST"
for _ in {1..200}; do
    if [ -S "${DOCKER_HOST#unix://}" ]; then break; fi
    read -rt 0.05 <>/run/open
done
echo "an answer" >"$WORK/word"
lab_start up s "${COMPOSE[@]}" up --no-build --no-color
UP=$PID
check "docker-compose starts the nameserver and the echo" starts
for name in "$NAMESERVER_1" "$ECHO_1"; do
    check "$name is nobody in particular" is_nobody "$name"
    check "$name can change nothing of its image" keeps_image "$name"
done
check "the nameserver is in good health" podman healthcheck run "$NAMESERVER_1"
check "it answers curl, too" lab_exec net curl -sSf --max-time 60 "http://$LAB_S:7000/"
check "the echo's key is had from its container" takes_key
check "a host behind a NAT talks with the echo" talks
check "the log tells so, and not the key" told
check "a new container of the echo has the same key" has_kept_key
check "a host behind a NAT talks with that one" talks
check "both end when they are told to" stop
finish
