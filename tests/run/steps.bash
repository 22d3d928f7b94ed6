# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The Roomwire founders
#
# The steps of `./dev test`, `check` and `fuzz`: each runs with its output in build/log/, and the
# summary at the end says what passed, failed, or was skipped and why. Sourced by dev.
# shellcheck shell=bash disable=SC2154

step_lines=()
step_failures=0
step_number=0
log_folder=$root/build/log

steps_begin() {
    mkdir -p "$log_folder"
    steps_started=$SECONDS
}

# step NAME COMMAND...: runs it, goes on whatever comes.
step() {
    local name=$1 started=$SECONDS status=0
    shift
    step_number=$((step_number + 1))
    step_log=$log_folder/$(printf '%02d' "$step_number")-$(tr -cs 'a-zA-Z0-9\n' - <<<"$name")
    say "== $name"
    # In the background, because errexit sleeps in a command whose status is looked at.
    ("$@") >"$step_log" 2>&1 &
    wait "$!" || status=$?
    step_result "$name" "$status" "$((SECONDS - started))"
    return 0
}

# must NAME COMMAND...: a step without which the others mean nothing.
must() {
    local before=$step_failures
    step "$@"
    ((step_failures == before)) || steps_end
}

step_result() { # NAME STATUS SECONDS
    if (($2 == 0)); then
        step_lines+=("ok       $1 ($3 s)")
    else
        step_failures=$((step_failures + 1))
        step_lines+=("FAILED   $1 ($3 s), see ${step_log#"$root"/}")
        what_failed "$step_log" >&2
    fi
    say "${step_lines[-1]}"
    local line
    while read -r line; do
        step_lines+=("$line")
        say "$line"
    done < <(notes_in "$step_log")
}

# The failed tests of a TAP log, with what they say; of another log its end.
what_failed() {
    if grep -q '^TAP version' "$1"; then
        awk '/^ *not ok/ { on = 1 } on { print } /^ *\.\.\.$/ { on = 0 }' "$1" | head -n 200
    else
        tail -n 80 "$1"
    fi
}

step_skip() { # NAME WHY
    step_lines+=("skipped: $1: $2")
    say "${step_lines[-1]}"
}

# What a step's log says that passing does not show: the tests that were skipped (TAP's directive
# with its reason, or our own word), and how much others had to judge.
notes_in() {
    sed -nE -e 's/^ *ok [0-9]+ - (.*) # SKIP ?(.*)$/skipped: \1: \2/p' -e '/^(skipped|counted): /p' "$1" |
        sort -u
}

steps_end() {
    say ""
    say "---- summary, $((SECONDS - steps_started)) s ----"
    printf '%s\n' "${step_lines[@]}"
    if ((step_failures)); then
        echo "$step_failures of $step_number steps FAILED"
        exit 1
    fi
    echo "all $step_number steps passed"
    exit 0
}

# ---- what the steps do ----

ctest_run() { # PRESET
    local status=0
    ctest --test-dir "build/$1" --output-on-failure -j "$jobs" --no-tests=error || status=$?
    # CTest shows nothing of a test that passes, and cmocka's that skip pass, but it keeps it all.
    grep -E '^(skipped|counted): ' "build/$1/Testing/Temporary/LastTest.log" || true
    return "$status"
}

# Every unit test of a build under valgrind: no error, no leak.
valgrind_run() { # PRESET
    local program tests=()
    for program in "build/$1"/tests/test_*; do
        [[ -f $program && -x $program ]] || continue
        if [[ $program == *_kill ]]; then
            echo "skipped: $(basename "$program") under valgrind: it kills what it tests"
        else
            tests+=("$program")
        fi
    done
    ((${#tests[@]})) || return 1
    printf '%s\0' "${tests[@]}" | xargs -0 -n 1 -P "$jobs" tests/run/valgrind
}

# node_step NAME PRESET FILE...: node:test over these files against that build.
node_step() {
    local name=$1 preset=$2
    shift 2
    if [[ ! -e ${1:-} ]]; then
        step_skip "$name" "there are none"
        return
    fi
    step "$name" node_run "$preset" "$@"
}

# One file more at a time than there are cores: much of a test is waiting.
node_run() {
    local preset=$1
    shift
    ROOMWIRE_BUILD=$root/build/$preset timeout -k 10 1200 \
        node --test --test-concurrency="$((jobs + 1))" --test-reporter=tap "$@"
}

fuzz_run() { # TARGET SECONDS
    local seeds=tests/fuzz/corpus/$1 found=build/fuzz/found/$1
    mkdir -p "$found"
    # New inputs go to the first folder; a crash is written where artifact_prefix says.
    "build/fuzz/tests/$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$found/" -print_final_stats=1 "$found" "$seeds"
}

# Each version of these tools wants and suspects something else; the sources are as Debian 12's want
# them. False, with a word: here is another one.
is_judge() { # TOOL VERSION
    local here
    here=$("$1" --version | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
    [[ $here == "$2" ]] && return
    echo "skipped: $1: version $2 judges the sources, and here is $here"
    return 1
}

check_format() {
    is_judge clang-format 14.0 || return 0
    local sources
    mapfile -t sources < <(c_files)
    clang-format --dry-run -Werror "${sources[@]}"
}

check_shell() {
    shellcheck -x dev .ci/run tests/run/valgrind tests/run/map tests/run/*.bash
}

# Every header compiles by itself.
check_headers() {
    local header status=0
    for header in core/*.h plugin/*.h gateway/*.h; do
        [[ -e $header ]] || continue
        printf '#include "%s"\n' "$header" |
            clang -std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -fsyntax-only -x c - || status=1
    done
    return "$status"
}

check_tidy() { # PRESET
    is_judge clang-tidy 14.0 || return 0
    local sources
    mapfile -t sources < <(c_files | grep '\.c$')
    printf '%s\0' "${sources[@]}" |
        xargs -0 -n 1 -P "$jobs" clang-tidy --quiet -p "build/$1" --warnings-as-errors='*'
}

check_cppcheck() { # PRESET
    is_judge cppcheck 2.10 || return 0
    cppcheck --project="build/$1/compile_commands.json" -i build --quiet --error-exitcode=1 \
        --enable=warning,performance,portability --inline-suppr -j "$jobs"
}

c_files() {
    find core plugin gateway tests -name '*.[ch]' | sort
}
