#!/bin/sh
# The style of the tree: clang-format, file length, nothing of this machine in the files.
cd "$(dirname "$0")/.." || exit 1
n=0 bad=0
result() { # text, problem lines
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        bad=1
        echo "not ok $n - $1"
        echo "$2" | head -40 | sed 's/^/# /'
    fi
}
files=$(git ls-files '*.c' '*.h')
result "every C file is as .clang-format says" "$(echo "$files" | xargs clang-format --dry-run 2>&1 | grep -oE '^[^ :]+\.[ch]:[0-9]+' | sort -u -t: -k1,1)"
result "no C file above 800 lines" "$(echo "$files" | xargs wc -l | awk '$1 > 800 && $2 != "total"')"
result "no shell script with a syntax error" "$(git ls-files | while read -r f; do
    [ -f "$f" ] && head -c 20 "$f" | grep -aq '^#!/bin/sh' && { sh -n "$f" 2>&1 || :; }; done)"
echo "1..$n"
exit $bad
