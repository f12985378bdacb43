#!/bin/bash
# test/natlab/files.sh [FILES DIRECTORIES [LOSS...]]: a tree of small files over a round trip of 100 ms, beside tar through
# the same connection; and what a second copy costs. HX_OLD: an hx of another version, to be tried at either end as well.
# shellcheck disable=SC2317 # tests are called through story
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
lab_or_skip 'a tree of small files takes the time of its bytes' "$0" "$@"
lab_begin || exit 1
FILES=${1:-1000} DIRECTORIES=${2:-100} LOSSES=("${@:3}")
[ ${#LOSSES[@]} -gt 0 ] || LOSSES=(0)
RTT_MS=100
HX_HERE=$B/hx # of who copies
STORY_FILES=({bind,cp,tar}.err)
export HX_NAMESERVER=$LAB_NS

make_tree() {
    python3 - "$WORK/tree" "$FILES" "$DIRECTORIES" <<'P'
import os, random, sys
top, files, directories = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(7)
for d in range(directories):
    os.makedirs(f"{top}/d{d}")
for i in range(files):
    with open(f"{top}/d{i % directories}/file{i}", "wb") as f:
        f.write(random.randbytes(1024))
P
}
listed() { (cd "$1" && find . -mindepth 1 -printf '%P %m %T@ %y\n' | sort); }
same_tree() { diff -r "$1" "$2" && diff <(listed "$1") <(listed "$2"); }
begin() { # begin HX: it is bound as "lab", with a share and a tar for each direction
    lab_down
    lab_delay 2 $((RTT_MS / 2))
    lab_up none none && start_s || return 1
    rm -rf "$WORK/share" "$WORK/out"
    mkdir -p "$WORK/share" "$WORK/out"
    lab_start untar h1 socat -t 300 TCP-LISTEN:9001,bind=127.0.0.1,fork,reuseaddr "EXEC:tar x -C $WORK/share"
    lab_start tar h1 socat -t 300 TCP-LISTEN:9002,bind=127.0.0.1,fork,reuseaddr "EXEC:tar c -C $WORK tree"
    BOUND_BEFORE=$(grep -cE 'event=bound .*name=lab( |$)' "$WORK/nameserver.err")
    lab_start bind h1 "$1" bind lab -v --share "$WORK/share:rw" --allow 127.0.0.1:9001 --allow 127.0.0.1:9002
    await_bound
}
timed() { # timed COMMAND...: on H2; sets MS
    local begun=$EPOCHREALTIME rc
    lab_exec h2 "$@"
    rc=$?
    MS=$(ms_between "$begun" "$EPOCHREALTIME")
    return "$rc"
}
copy() { # copy SRC DST
    timed timeout 200 "$HX_HERE" cp "$1" "$2" >"$WORK/cp.err" 2>&1
}
tar_up() { tar c -C "$WORK" tree | timeout 200 "$B/hx" connect lab --to 127.0.0.1:9001 2>"$WORK/tar.err"; }
tar_down() { timeout 200 "$B/hx" connect lab --to 127.0.0.1:9002 </dev/null 2>"$WORK/tar.err" | tar x -C "$WORK/out"; }
# The slower one may have met a busy disk, or others wanted a processor: it may try twice more.
both() { # both TAR FROM TO DIRECTORY: the tree, by tar into DIRECTORY, then twice by hx cp
    local tar=$1 from=$2 to=$3 there=$4 first tar_ms
    export -f tar_up tar_down
    export B WORK
    for _ in 1 2 3; do
        rm -rf "$there/tree"
        timed bash -c "$tar" || return 1
        tar_ms=$MS
        diff -r "$WORK/tree" "$there/tree" || return 1
        rm -rf "$there/tree"
        copy "$from" "$to" || return 1
        first=$MS
        same_tree "$WORK/tree" "$there/tree" || return 1
        copy "$from" "$to" || return 1
        NOTE="$FILES files in $DIRECTORIES directories: tar $tar_ms ms, hx cp $first ms, again $MS ms"
        echo "$NOTE"
        grep -q '; 0 B of it moved' "$WORK/cp.err" || return 1
        # the handshake of whoever copies in milliseconds is all that there is to be seen
        [ "$first" -le $((tar_ms * 3 / 2 + 500)) ] && [ "$MS" -le $((5 * RTT_MS + tar_ms)) ] && return
    done
    return 1
}
copies() { # copies LOSS up|down
    begin "$B/hx" && lab_loss "$1" || return 1
    case $2 in
    up) both tar_up "$WORK/tree" lab: "$WORK/share" ;;
    down) cp -a "$WORK/tree" "$WORK/share/tree" && both tar_down lab:tree "$WORK/out" "$WORK/out" ;;
    esac
}
another() { # another HERE THERE: versions that know batches, and that do not
    HX_HERE=$1
    begin "$2" && copy "$WORK/tree" lab: && same_tree "$WORK/tree" "$WORK/share/tree" &&
        copy lab:tree "$WORK/out" && same_tree "$WORK/tree" "$WORK/out/tree"
}
make_tree
for loss in "${LOSSES[@]}"; do
    story "at $loss % loss a tree of small files goes to the peer in at most 1.5 times tar's time" copies "$loss" up
    story "and comes from it" copies "$loss" down
done
if [ -n "${HX_OLD:-}" ]; then
    story "an older peer is copied to and from" another "$B/hx" "$HX_OLD"
    story "and copies itself" another "$HX_OLD" "$B/hx"
fi
finish
