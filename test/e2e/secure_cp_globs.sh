#!/usr/bin/env bash
# test/e2e/secure_cp_globs.sh: patterns for names on the other side, of hx cp and hx ls.
# shellcheck source=test/lib.sh disable=SC2016 # what eval runs
. "$(dirname "$0")/../lib.sh"

start_nameserver_with_home
mkdir -p share/a/deep share/b here
start_bound home home --share "$WORK/share:rw" || exit 1
for name in one.jpg two.jpg three.png .hidden.jpg 'with blank.jpg' 'st*r' a/x.jpg a/y.png a/deep/z.jpg b/x.jpg; do
    echo "$name" >"share/$name"
done
cp_() { timeout 60 "$B/hx" cp "$@" >cp.out 2>cp.err; }
ls_() { timeout 60 "$B/hx" ls "$@" >ls.out 2>ls.err; }
got() { # got NAME...: these are in here/, and nothing else; then it is empty
    local there
    there=$(cd here && find . -type f -printf '%P\n' | sort)
    find here -mindepth 1 -delete
    [ "$there" = "$(printf '%s\n' "$@" | sort)" ] || { echo "there: $there" && false; }
}

check "the other side says what a pattern means" cp_ 'home:*.jpg' here
check "no hidden ones, as in a shell" got one.jpg two.jpg 'with blank.jpg'
check "a '*' stays within a directory" eval "cp_ 'home:*/*.jpg' here; got x.jpg"
check "of one name twice, the first one comes, and that is said" grep -q 'same name' cp.err
check "with what leads to it" eval "cp_ 'home:a/*.?[n]g' here && got y.png"
check "directories match, too, and come whole" eval "cp_ 'home:[a-b]' here && got a/x.jpg a/y.png a/deep/z.jpg b/x.jpg"
check "alone, if that is asked for" eval "cp_ 'home:*/' here && got a/x.jpg a/y.png a/deep/z.jpg b/x.jpg"
check "several patterns, and names" eval "cp_ 'home:o*' home:three.png 'home:tw?.jpg' here && got one.jpg three.png two.jpg"
check "what is there as written wins" eval "cp_ 'home:st*r' here && got 'st*r'"
echo other >share/stair
check "still" eval "cp_ 'home:st*r' here && got 'st*r'"
rm 'share/st*r'
check "then it is a pattern" eval "cp_ 'home:st*r' here && got stair"
check "a quoted one is a name" eval "! cp_ 'home:st\\*r' here && got"
check "which is said" grep -q 'nothing there matches' cp.err
echo star >'share/st*r'
check "and it is found by it" eval "cp_ 'home:st\\*r' here && got 'st*r'"
check "one match goes where a file would" eval "cp_ 'home:t*.png' here/renamed && got renamed"
check "of several it must be a directory" eval "! cp_ 'home:*.jpg' here/renamed && got"
check "no match is a failure" eval "! cp_ 'home:*.gif' here && grep -q 'nothing there matches' cp.err"
check "and costs only itself" eval "! cp_ 'home:*.gif' 'home:*.png' here; got three.png"
check "nothing is found above the share" eval "! cp_ 'home:../*' here && got"
ln -s one.jpg share/link.jpg
check "a link that matches is left out, and named" eval "cp_ 'home:l*' 'home:o*' here && grep -q '^1 symbolic link left out.*link.jpg' cp.err && got one.jpg"
check "so it is if it is all that matches" eval "cp_ 'home:l*' here && grep -q '^1 symbolic link left out.*link.jpg' cp.err && got"
check "-L copies what it leads to" eval "cp_ -L 'home:l*' here && cmp share/one.jpg here/link.jpg && got link.jpg"
check "-P copies it" eval "cp_ -P 'home:l*' here && [ -L here/link.jpg ]"
rm -f here/link.jpg share/link.jpg
mkdir office
start_bound office office --share "$WORK/office:rw" || exit 1
check "from one peer to another, too" eval "cp_ 'home:*.jpg' home:three.png office: && [ \"\$(ls office | tr '\n' ,)\" = 'one.jpg,three.png,two.jpg,with blank.jpg,' ]"
check "and within one" eval "cp_ 'home:o*.jpg' home:b && cmp share/one.jpg share/b/one.jpg && rm share/b/one.jpg"
check "no match is a failure there, as well" eval "! cp_ 'home:*.gif' office: && grep -q 'nothing there matches' cp.err"
check "here the shell has done it" eval "echo >here/up1; echo >here/up2; cp_ here/up* home: && [ -e share/up2 ]"
find here -mindepth 1 -delete
rm share/up*

ln -s one.jpg share/link
check "hx ls shows a link that matches" eval 'ls_ -l "home:[lo]*" && grep -q "link -> one.jpg" ls.out'
rm share/link
check "hx ls takes them, too" eval 'ls_ "home:*.jpg" && [ "$(cat ls.out)" = "$(printf "%s\n" one.jpg two.jpg "'"'with blank.jpg'"'")" ]'
check "with what leads to them" eval 'ls_ "home:*/*.jpg" && [ "$(tr "\n" " " <ls.out)" = "a/x.jpg b/x.jpg " ]'
check "a directory alone is looked into" eval 'ls_ "home:[a]" && [ "$(tr "\n" " " <ls.out)" = "deep x.jpg y.png " ]'
check "no match is a failure" eval '! ls_ "home:*.gif" && grep -q "nothing there matches" ls.err'
check "a name that is there as written is one" eval 'ls_ "home:st*r" && [ "$(wc -l <ls.out)" = 1 ]'

deep=$(printf '*/%.0s' {1..60})
mkdir -p "share/$(printf 'd/%.0s' {1..40})"
check "a pattern as deep as can be is answered" ended 20000 1 'nothing there matches' "$B/hx" cp "home:$deep*" here
check "so is one that tries many ways" ended 20000 1 'nothing there matches' "$B/hx" cp "home:$(printf '*d%.0s' {1..50})x" here
finish
