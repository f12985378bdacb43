# shellcheck shell=bash
# test/image/engine.sh: podman for the tests, with nothing in the machine's own store. Source it, then `engine FOLDER`.
# What takes long is done once for a machine, by prepare.sh: Debian's base system, made by mmdebstrap since no registry
# is asked for anything, and the layers of packages on top of it.
# shellcheck disable=SC2034 # for the scripts that source this
IMAGE_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/hx-test-image
CONTAINERFILE=packaging/Containerfile

# engine FOLDER [CACHE]: keeps its images and containers there; those of CACHE are read besides.
engine() {
    mkdir -p "$1"
    cat >"$1/storage.conf" <<EOF
[storage]
driver = "overlay"
graphroot = "$1/store"
runroot = "$1/run"
[storage.options]
additionalimagestores = [${2:+\"$2/store\"}]
EOF
    # No cgroups and low limits: the tests need none, and not every root may set them. No systemd is asked.
    cat >"$1/containers.conf" <<EOF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
cgroups = "disabled"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
tmp_dir = "$1/tmp"
compat_api_enforce_docker_hub = false
EOF
    export CONTAINERS_STORAGE_CONF=$1/storage.conf CONTAINERS_CONF=$1/containers.conf BUILDAH_ISOLATION=chroot
}
# What the kept layers are made from.
image_stages() { awk '/^FROM / { kept = / AS (tools|runtime)$/ } kept' "$CONTAINERFILE"; }
image_stamp() { image_stages | sha256sum | cut -d' ' -f1; }
# image_refused: why the image cannot be tested now; prints nothing if it can be.
image_refused() {
    local tool
    [ "$(id -u)" = 0 ] || { echo "only root can run a Containerfile's steps here" && return; }
    for tool in podman docker-compose mmdebstrap; do
        command -v "$tool" >/dev/null || { echo "no program '$tool': make image installs it" && return; }
    done
}
image_is_ready() { [ "$(cat "$IMAGE_CACHE/stamp" 2>/dev/null)" = "$(image_stamp)" ]; }
