# shellcheck shell=bash disable=SC2034 # what is set here is for the scripts that source this
# test/natlab/dialogue.sh: two hosts talk while something happens to their networks. Source it after programs.sh, inside.
GAP_MS=$((${GAP_MS:-3000} * SLOW)) # longer, and people think that it is over

# dialogue_story FUNCTION: up to three times, while one of its changes was late and has never been in time.
dialogue_story() {
    IN_TIME=() # changes of this story that were in time, once
    [ -p "$WORK/silence" ] || mkfifo "$WORK/silence" && exec {SILENCE}<>"$WORK/silence"
    for TRY in 1 2 3; do
        CHANGES=0 LATE=
        "$1"
        lab_down
        [ -n "$LATE" ] || break
    done
}
pause() { # pause SECONDS: the lab's weather has no end of its own that could be awaited
    read -rt "$1" -u "$SILENCE"
}
begin() { # begin COMMAND...: without it there is no story
    "$@" && return
    not_ok "they meet: $1" "$WORK"/*.err
    return 1
}
talk() { # talk EVERY_MS COMMAND...: on H2; once it is answered
    rm -f "$WORK/score" && mkfifo "$WORK/score" && exec {SCORE}<>"$WORK/score" || return
    : >"$WORK/talk.out"
    lab_exec h2 python3 "$TOP/test/natlab/metronome.py" "$@" <"$WORK/score" >"$WORK/talk.out" 2>"$WORK/talk.err" &
    TALK=$!
    STARTED+=("$TALK")
    await_line "$WORK/talk.out" '^first' 10 >/dev/null
}
# change SENTENCE MOST_MS EVENT...: it happens, and the dialogue goes on. Where nothing but the time was wrong, the story may
# be told twice more: others want a processor, too.
change() {
    local sentence=$1 most=$2 passed
    CHANGES=$((CHANGES + 1))
    echo mark >&"$SCORE"
    "${@:3}"
    echo "settle $CHANGES" >&"$SCORE"
    passed=$(await_line "$WORK/talk.out" "^passed $CHANGES |^broken" 70)
    passed=${passed#passed "$CHANGES" }
    if [[ ! $passed =~ ^[0-9]+$ ]]; then
        not_ok "$sentence: $passed" "$WORK/talk.out" "$WORK/talk.err" "$WORK/bind.err" "$WORK/nameserver.err"
        return
    fi
    echo "# $sentence: longest silence $passed ms"
    if [ -n "${IN_TIME[CHANGES]:-}" ]; then
        return
    elif [ "$passed" -le "$most" ]; then
        ok "$sentence"
        IN_TIME[CHANGES]=yes
    elif [ "$TRY" = 3 ]; then
        not_ok "$sentence: $passed ms" "$WORK/talk.out" "$WORK/talk.err" "$WORK/bind.err" "$WORK/nameserver.err"
    else
        LATE=yes
    fi
}
no_line_is_lost() {
    echo end >&"$SCORE"
    await_exit "$TALK" 70
    exec {SCORE}>&-
    cat "$WORK/talk.out"
    grep -q '^whole' "$WORK/talk.out"
}
