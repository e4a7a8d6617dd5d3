# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A toy for the tests of the scripts: a copy of this repository's scripts with
# a "QEMU" of a few files, so that each test takes a blink and no network.
# Needs ROOT.

# toy_make DIR
toy_make() {
    local dir=$1
    mkdir -p "$dir"/{qemu,patches,tests/qtest,build/downloads}
    cp -r "$ROOT/scripts" "$ROOT/build.sh" "$dir"
    echo "# Patches" >"$dir/patches/README.md"
    : >"$dir/qemu/SOURCES"
    toy_release "$dir" 1.0 first
}

# toy_release DIR VERSION WORD: a tarball, pinned after those that are there.
toy_release() {
    local dir=$1 version=$2 word=$3 src=$1/release/qemu-$2 tarball
    mkdir -p "$src"/{hw/misc,scripts,pc-bios,roms/big}
    printf 'line %s\n' 1 2 3 "$word" 5 6 7 8 9 10 11 12 13 14 15 16 17 18 >"$src/hw/misc/meson.build"
    echo "config" >"$src/hw/misc/Kconfig"
    echo "project" >"$src/meson.build"
    echo "left out" >"$src/roms/big/file"
    echo 'exit(0);' >"$src/scripts/checkpatch.pl"
    echo "*.hidden" >"$src/.gitignore"
    tarball=$dir/build/downloads/qemu_$version.tar.xz
    tar -cJf "$tarball" -C "$dir/release" "qemu-$version"
    echo "qemu $version debian pool/qemu_$version.tar.xz $(sha256sum "$tarball" | cut -d' ' -f1)" \
        >>"$dir/qemu/SOURCES"
}

# toy_series DIR: two patches, each a new file and a hook, exported.
toy_series() {
    local tree=$1/build/src/qemu-1.0
    "$1/scripts/series" import
    echo "int one;" >"$tree/hw/misc/one.c"
    echo "one.c" >>"$tree/hw/misc/meson.build"
    toy_commit "$tree" "hw/misc: add one"
    mkdir -p "$tree/tests/qtest"
    echo "int test;" >"$tree/tests/qtest/one-test.c"
    sed -i 's/^line 1$/line one/' "$tree/hw/misc/meson.build"
    toy_commit "$tree" "tests/qtest: test one"
    "$1/scripts/series" export --from "$tree" pristine..HEAD
    "$1/scripts/series" import --force
}

toy_commit() {
    git -C "$1" add -A
    git -C "$1" -c user.name="A Person" -c user.email=person@example.org commit -q -m "$2

Why it is there.

Signed-off-by: A Person <person@example.org>"
}
