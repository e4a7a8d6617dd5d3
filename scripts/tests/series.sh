#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# scripts/series on a toy QEMU: what an engineer does, and what must not be lost.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=scripts/lib/tap.sh
. "$ROOT/scripts/lib/tap.sh"
# shellcheck source=scripts/lib/toy.sh
. "$ROOT/scripts/lib/toy.sh"

unset IVSHMEM_LOCK_HELD QEMU_SRC
WORK=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-series.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
TOY=$WORK/toy
TREE=$TOY/build/src/qemu-1.0
series() { "$TOY/scripts/series" "$@"; }

# Each test starts from the same toy with an exported series.
setup() {
    toy_make "$WORK/start"
    toy_series "$WORK/start"
}
fresh() {
    rm -rf "$TOY"
    cp -a "$WORK/start" "$TOY"
    git -C "$TREE" worktree prune
}
patch_hash() { cat "$TOY"/patches/*.patch | sha256sum; }

exported_series_holds() {
    fresh
    [ "$(find "$TOY/patches" -name '*.patch' | wc -l)" = 2 ]
    [ -f "$TOY/qemu/hw/misc/one.c" ] && [ -f "$TOY/tests/qtest/one-test.c" ]
    [ -f "$TOY/patches/README.md" ]
    [ ! -e "$TREE/roms/big/file" ]
    fails 0 series check
    contains "$OUTPUT" "2 lines changed in 1 upstream files"
    fails 0 series conflicts
    contains "$OUTPUT" "0 conflicts in 2 patches"
}

same_commits_on_every_machine() {
    fresh
    local tip
    tip=$(git -C "$TREE" rev-parse HEAD)
    rm -rf "$TOY/build/src"
    printf '[user]\nname = Other\n[diff]\nnoprefix = true\n[format]\nsignature = x\n' >"$WORK/gitconfig"
    GIT_CONFIG_GLOBAL=$WORK/gitconfig series import
    [ "$(git -C "$TREE" rev-parse HEAD)" = "$tip" ]
    fails 0 env GIT_CONFIG_GLOBAL="$WORK/gitconfig" "$TOY/scripts/series" check
}

import_twice_touches_nothing() {
    fresh
    local before
    before=$(stat -c %Y.%i "$TREE/hw/misc/one.c" "$TREE/.git/HEAD" "$TREE/meson.build")
    series import
    [ "$(stat -c %Y.%i "$TREE/hw/misc/one.c" "$TREE/.git/HEAD" "$TREE/meson.build")" = "$before" ]
}

import_recovers_from_a_kill() {
    fresh
    mkdir -p "$TOY/build/src/.new-1.0" "$TOY/build/src/.work-1.0-x"
    touch "$TREE/.git/index.lock"
    series import
    [ ! -e "$TREE/.git/index.lock" ] && [ ! -e "$TOY/build/src/.work-1.0-x" ]
    rm "$TREE/.git/series.json" # killed between unpacking and the stamp
    series import
    fails 0 series check
}

overlay_edit_reaches_the_tree() {
    fresh
    echo "int edited;" >>"$TOY/qemu/hw/misc/one.c"
    series import
    cmp "$TOY/qemu/hw/misc/one.c" "$TREE/hw/misc/one.c"
    fails 1 series check
    contains "$OUTPUT" "differs: qemu/hw/misc/one.c"
}

fold_round_trip() {
    fresh
    echo "int edited;" >>"$TOY/qemu/hw/misc/one.c"
    series import
    sed -i 's/^config$/config IVSHMEM/' "$TREE/hw/misc/Kconfig"
    fails 1 series fold
    contains "$OUTPUT" "hw/misc/Kconfig"
    series fold --into "add one"
    series export
    fails 0 series check
    [ "$(find "$TOY/patches" -name '*.patch' | wc -l)" = 2 ]
    grep -q "^+int edited;" "$TOY"/patches/0001-*.patch
    grep -q "^+config IVSHMEM" "$TOY"/patches/0001-*.patch
    grep -q "^From: A Person" "$TOY"/patches/0001-*.patch
}

fold_new_file_into_new_commit() {
    fresh
    echo "secret" >"$TOY/qemu/hw/misc/two.hidden" # QEMU's .gitignore hides it
    (cd "$TOY" && git init -q && git config user.name "B Person" &&
        git config user.email b@example.org && "$TOY/scripts/series" fold --new "hw/misc: add two")
    series export
    fails 0 series check
    grep -q "^From: B Person" "$TOY"/patches/0003-*.patch
    grep -q "^Signed-off-by: B Person" "$TOY"/patches/0003-*.patch
}

fold_deleted_file() {
    fresh
    rm "$TOY/tests/qtest/one-test.c"
    series fold
    series export
    fails 0 series check
    ! grep -q one-test.c "$TOY"/patches/*.patch
}

fold_conflict_loses_nothing() {
    fresh
    local tip before
    tip=$(git -C "$TREE" rev-parse HEAD)
    # "line one" was made by the second patch and cannot go into the first.
    sed -i 's/^line one$/line uno/' "$TREE/hw/misc/meson.build"
    before=$(sha256sum <"$TREE/hw/misc/meson.build")
    fails 1 series fold --into "add one"
    contains "$OUTPUT" "Nothing was changed"
    [ "$(git -C "$TREE" rev-parse HEAD)" = "$tip" ]
    [ "$(sha256sum <"$TREE/hw/misc/meson.build")" = "$before" ]
    series fold
    series export
    fails 0 series check
}

import_refuses_to_lose_hook_edits() {
    fresh
    echo "mine" >>"$TREE/hw/misc/Kconfig"
    fails 1 series status
    echo >>"$(echo "$TOY"/patches/0001-*.patch)" # say, after git pull
    fails 1 series import
    contains "$OUTPUT" "hw/misc/Kconfig"
    grep -q mine "$TREE/hw/misc/Kconfig"
    series import --force
    ! grep -q mine "$TREE/hw/misc/Kconfig"
}

import_refuses_to_replace_edits_in_the_tree() {
    fresh
    echo "mine" >>"$TREE/hw/misc/one.c"
    fails 1 series import
    contains "$OUTPUT" "hw/misc/one.c"
    grep -q mine "$TREE/hw/misc/one.c"
}

import_refuses_to_lose_commits() {
    fresh
    echo "int edited;" >>"$TOY/qemu/hw/misc/one.c"
    series fold
    echo >>"$(echo "$TOY"/patches/0001-*.patch)"
    fails 1 series import
    contains "$OUTPUT" "commits not exported"
}

hand_edited_patch_fails_check() {
    fresh
    local before
    before=$(patch_hash)
    sed -i 's/Why it is there/Why it  is there/' "$TOY"/patches/0001-*.patch
    sed -i '1s/0000000/1111111/' "$TOY"/patches/0002-*.patch
    [ "$(patch_hash)" != "$before" ]
    fails 1 series check
    contains "$OUTPUT" "differs: patches/0002"
}

large_patches_fail_check() {
    fresh
    seq 901 >>"$TOY/qemu/hw/misc/one.c"
    series fold
    series export
    fails 1 series check
    contains "$OUTPUT" "not ok 4 - no patch changes more than 900 lines"
    contains "$OUTPUT" "lines: hw/misc: add one"
}

cover_letter_follows_the_series() {
    fresh
    printf 'From: Us <us@example.invalid>\nSubject: [PATCH 0/9] Add one\n\nWhat it is for.\n' \
        >"$TOY/patches/cover-letter.txt"
    series export
    grep -qx 'Subject: \[PATCH 0/2\] Add one' "$TOY/patches/cover-letter.txt"
    grep -qx 'What it is for.' "$TOY/patches/cover-letter.txt"
    grep -qx '  hw/misc: add one' "$TOY/patches/cover-letter.txt"
    fails 0 series check
    sed -i 's/What it is for/What it does/' "$TOY/patches/cover-letter.txt"
    fails 0 series check
    sed -i 's,hw/misc: add one,hw/misc: add two,' "$TOY/patches/cover-letter.txt"
    fails 1 series check
    contains "$OUTPUT" "differs: patches/cover-letter.txt"
}

patches_are_numbered() {
    fresh
    grep -q '^Subject: \[PATCH 1/2\] ' "$TOY"/patches/0001-*.patch
    grep -q '^Subject: \[PATCH 2/2\] ' "$TOY"/patches/0002-*.patch
}

checkpatch_errors_fail_check() {
    fresh
    mkdir -p "$TOY/release"
    sed -i '/^qemu/d' "$TOY/qemu/SOURCES"
    mkdir -p "$TOY/release/qemu-1.0/scripts"
    printf '%s\n' 'print "ERROR: bad", "\n"; exit(1);' >"$TOY/release/qemu-1.0/scripts/checkpatch.pl"
    tar -cJf "$TOY/build/downloads/qemu_1.0.tar.xz" -C "$TOY/release" qemu-1.0
    echo "qemu 1.0 debian pool/qemu_1.0.tar.xz $(sha256sum "$TOY/build/downloads/qemu_1.0.tar.xz" |
        cut -d' ' -f1)" >>"$TOY/qemu/SOURCES"
    fails 1 series check
    contains "$OUTPUT" "checkpatch: 1 errors"
}

new_qemu_merges_three_ways() {
    fresh
    toy_release "$TOY" 2.0 changed # the context of a hook differs
    sed -i 's/^line 2$/line two/' "$TOY/release/qemu-2.0/hw/misc/meson.build"
    series import 2.0
    grep -q "int one;" "$TOY/build/src/qemu-2.0/hw/misc/one.c"
    fails 0 series check 2.0
}

new_qemu_conflict_is_resolved_by_hand() {
    fresh
    sed -i 's/^qemu/#&/' "$TOY/qemu/SOURCES"
    toy_release "$TOY" 2.0 changed
    sed -i 's/^line 1$/line eins/' "$TOY/release/qemu-2.0/hw/misc/meson.build"
    tar -cJf "$TOY/build/downloads/qemu_2.0.tar.xz" -C "$TOY/release" qemu-2.0
    echo "qemu 2.0 debian pool/qemu_2.0.tar.xz $(sha256sum "$TOY/build/downloads/qemu_2.0.tar.xz" |
        cut -d' ' -f1)" >"$TOY/qemu/SOURCES"
    fails 1 series conflicts
    contains "$OUTPUT" "conflicts: 0002-"
    contains "$OUTPUT" "    hw/misc/meson.build:"
    contains "$OUTPUT" "1 conflicts in 2 patches on QEMU 2.0"
    fails 1 series import
    contains "$OUTPUT" "--resolve"
    fails 1 series import --resolve
    contains "$OUTPUT" "git am --continue"
    local tree=$TOY/build/src/qemu-2.0
    sed -i '/^<<<<<<<\|^=======\|^>>>>>>>\|^line eins$/d' "$tree/hw/misc/meson.build"
    git -C "$tree" add -A
    git -C "$tree" -c user.name=C -c user.email=c@example.org am --continue
    series export
    fails 0 series check
}

# shellcheck disable=SC2016 # $ is for the stub
every_patch_is_built() {
    fresh
    # In place of QEMU's build: the files that each patch names must be there.
    printf '%s\n' '#!/bin/sh' 'echo built in "$2" >>"$(dirname "$0")/built"' \
        'for f in $(sed "/^line/d" "$1/hw/misc/meson.build"); do test -f "$1/hw/misc/$f" || exit 1; done' \
        >"$TOY/scripts/build-qemu"
    fails 0 series check --build
    contains "$OUTPUT" "- builds: hw/misc: add one"
    [ "$(sort -u "$TOY/scripts/built" | wc -l)" = 1 ] && [ "$(wc -l <"$TOY/scripts/built")" = 2 ]
    echo "two.c" >>"$TREE/hw/misc/meson.build"
    series fold --into "add one" || series fold
    series export
    fails 1 series check --build
    contains "$OUTPUT" "not ok"
}

own_source_is_copied() {
    fresh
    mkdir -p "$TOY/mine"
    tar -xf "$TOY/build/downloads/qemu_1.0.tar.xz" -C "$TOY/mine" --strip-components=1
    QEMU_SRC=$TOY/mine series import
    [ -f "$TOY/build/src/qemu-local/hw/misc/one.c" ] && [ ! -e "$TOY/mine/hw/misc/one.c" ]
    # One that has the series already.
    QEMU_SRC=$TREE series import
    [ -f "$TOY/build/src/qemu-local/hw/misc/one.c" ]
    mkdir "$TOY/empty"
    QEMU_SRC=$TOY/empty fails 1 series import
    contains "$OUTPUT" "not a QEMU source tree"
}

export_from_asks_before_replacing() {
    fresh
    echo "int edited;" >>"$TOY/qemu/hw/misc/one.c"
    fails 1 series export --from "$TREE" pristine..HEAD
    contains "$OUTPUT" "qemu/hw/misc/one.c" || contains "$OUTPUT" "hw/misc/one.c"
    grep -q edited "$TOY/qemu/hw/misc/one.c"
}

setup >"$WORK/log" 2>&1 || { cat "$WORK/log"; echo "Bail out! no toy"; exit 1; }
t "an exported series holds" exported_series_holds
t "the same commits and patches on every machine" same_commits_on_every_machine
t "import twice touches nothing" import_twice_touches_nothing
t "import recovers from a kill" import_recovers_from_a_kill
t "an edit of the overlay reaches the tree; check sees it" overlay_edit_reaches_the_tree
t "fold and export round trip" fold_round_trip
t "fold: a new file in a new commit" fold_new_file_into_new_commit
t "fold: a deleted file" fold_deleted_file
t "fold: a conflict stops and loses nothing" fold_conflict_loses_nothing
t "import refuses to lose edits of hooks" import_refuses_to_lose_hook_edits
t "import refuses to replace edits in the tree" import_refuses_to_replace_edits_in_the_tree
t "import refuses to lose commits" import_refuses_to_lose_commits
t "a patch edited by hand fails the check" hand_edited_patch_fails_check
t "a patch of more than 900 lines fails the check" large_patches_fail_check
t "the cover letter follows the series" cover_letter_follows_the_series
t "patches are numbered" patches_are_numbered
t "errors of checkpatch fail the check" checkpatch_errors_fail_check
t "a new QEMU is merged three ways" new_qemu_merges_three_ways
t "a conflict with a new QEMU is resolved by hand" new_qemu_conflict_is_resolved_by_hand
t "check --build builds after each patch" every_patch_is_built
t "QEMU_SRC is copied, with or without the series in it" own_source_is_copied
t "export --from asks before it replaces files" export_from_asks_before_replacing
t_done
