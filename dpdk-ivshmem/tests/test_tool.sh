#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The program dpdk-ivshmem on the metadata of real hosts, of dead ones, and on
# damaged metadata. Arguments: the program, tool-host, and folders of its man page
# and its completion.
set -euo pipefail
TESTS=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
# shellcheck source=scripts/lib/tap.sh
. "$TESTS/../../scripts/lib/tap.sh"
# shellcheck source=scripts/lib/children.sh
. "$TESTS/../../scripts/lib/children.sh"

TOOL=$(realpath "$1") HOST=$(realpath "$2") SOURCES=$(realpath "$3")
PYTHON=/usr/bin/python3
COMMANDS=(list dump check audit device clean)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/ivshmem-tool-XXXXXX")
PREFIX=ivtool$$- # no other's prefix begins with it
NAME=vm$$ # no other host of this machine may have it: it is looked up by name
HOSTS=() # processes to end
CPUS=$(awk '$1 == "Cpus_allowed_list:" { print "(" $2 ")" }' /proc/self/status)
export XDG_RUNTIME_DIR=$WORK/runtime
unset RTE_IVSHMEM_DIR RUNTIME_DIRECTORY
mkdir -m 700 "$XDG_RUNTIME_DIR" "$WORK/folder"
RUNTIME=$XDG_RUNTIME_DIR/dpdk
[ "$(id -u)" != 0 ] || RUNTIME=/run/dpdk

cleanup() {
    local pid
    for pid in "${HOSTS[@]}"; do child_signal KILL "$pid" || true; done
    wait
    [ -z "${IVSHMEM_HUGE:-}" ] || rm -f "$IVSHMEM_HUGE/${PREFIX:?}"*
    rm -rf "$WORK" "${RUNTIME:?}/${PREFIX:?}"*
}
trap cleanup EXIT

# start_host NAME PREFIX MEMORY-ARGUMENTS...: sets HOST_PID; it lives until its
# standard input, the descriptor HOST_INPUT, is closed. MORE: its second argument.
# What it prints before "ready" is in WORK/NAME.out.
start_host() {
    local name=$1 prefix=$2 output line=
    shift 2
    mkfifo "$WORK/$name.stdin" "$WORK/$name.stdout"
    exec {HOST_INPUT}<>"$WORK/$name.stdin"
    "$HOST" "$@" --no-pci --no-telemetry --lcores "0@$CPUS" \
        --base-virtaddr 0x200000000000 --file-prefix "$prefix" \
        --log-level lib.eal:warning -- "$name" ${MORE:+"$MORE"} \
        <"$WORK/$name.stdin" >"$WORK/$name.stdout" 2>"$WORK/$name.log" {HOST_INPUT}>&- &
    HOST_PID=$!
    HOSTS+=("$HOST_PID")
    exec {output}<"$WORK/$name.stdout"
    while [ "$line" != ready ] && read -r line <&"$output"; do echo "$line"; done >"$WORK/$name.out"
    exec {output}<&-
    [ "$line" = ready ] || { sed 's/^/# /' "$WORK/$name.log"; echo "Bail out! no host"; exit 1; }
}

# json PYTHON-EXPRESSION: true of the document d on standard input.
json() { $PYTHON -c "import json, sys; d = json.load(sys.stdin); sys.exit(0 if ($1) else str(d)[:2000])"; }

# ---- without metadata --------------------------------------------------------

helps() {
    local command
    fails 0 "$TOOL" --help
    for command in "${COMMANDS[@]}"; do contains "$OUTPUT" "  $command "; done
    for command in "${COMMANDS[@]}"; do
        fails 0 "$TOOL" "$command" --help
        contains "$OUTPUT" "Usage: dpdk-ivshmem $command"
    done
    fails 0 "$TOOL" --version
}

wrong_usage() {
    fails 2 "$TOOL"
    fails 2 "$TOOL" nonsense
    fails 2 "$TOOL" list --nonsense
    contains "$OUTPUT" "Try 'dpdk-ivshmem list --help'"
    fails 2 "$TOOL" dump
    fails 2 "$TOOL" check
    fails 2 "$TOOL" audit
    fails 2 "$TOOL" device
    fails 2 "$TOOL" device a b
    fails 2 "$TOOL" device a --form nonsense
    fails 2 "$TOOL" dump --svg --json a
    fails 2 "$TOOL" dump --svg a b
    fails 2 "$TOOL" list --svg
}

missing() {
    fails 1 "$TOOL" dump "$WORK/nothing"
    contains "$OUTPUT" "No such file"
    fails 1 "$TOOL" check nothing
    contains "$OUTPUT" "dpdk-ivshmem list"
    fails 1 "$TOOL" dump "$WORK"
    contains "$OUTPUT" "not a regular file"
    fails 1 "$TOOL" dump 0000:ff:1f.7
    fails 1 "$TOOL" device 0000:ff:1f.7
    fails 1 "$TOOL" list "$WORK/nothing"
    fails 1 "$TOOL" clean "$WORK/nothing"
    fails 1 "$TOOL" audit "$TOOL"
}

nothing_shared() {
    fails 0 "$TOOL" list "$WORK/folder"
    contains "$OUTPUT" "nothing is shared"
    fails 0 "$TOOL" clean "$WORK/folder"
    contains "$OUTPUT" "nothing was left"
    "$TOOL" list --json "$WORK/folder" | json 'd == {"shared": []}'
    "$TOOL" clean --json "$WORK/folder" | json 'd["removed"] == [] and d["files"] == 0'
}

theirs_stays() {
    [ "$(id -u)" = 0 ] || { echo "only root can give a folder away"; return 77; }
    install -d -o 65534 "$WORK/theirs"
    install -m 600 /dev/null "$WORK/theirs/.vm.new"
    RTE_IVSHMEM_DIR=$WORK/theirs fails 0 "$TOOL" clean
    contains "$OUTPUT" "$WORK/theirs: left alone"
    contains "$OUTPUT" "nothing was left"
    [ -e "$WORK/theirs/.vm.new" ]
    fails 0 "$TOOL" clean "$WORK/theirs"
    contains "$OUTPUT" "removed $WORK/theirs/.vm.new"
}

# ---- a living host -----------------------------------------------------------

lists() {
    fails 0 "$TOOL" list
    grep -qE "^$NAME +ready +alive +$HOST_PID +tool-host .* $FILE\$" <<<"$OUTPUT" ||
        { echo "$OUTPUT"; return 1; }
    "$TOOL" list --json | json "[(m['name'], m['state'], m['stale'], m['owner'], m['command'],
        m['objects'] >= 7, m['chunks'] >= 2) for m in d['shared'] if m['file'] == '$FILE'] ==
        [('$NAME', 'ready', False, $HOST_PID, 'tool-host', True, True)]"
}

dumps() {
    fails 0 "$TOOL" dump "$NAME"
    contains "$OUTPUT" "$FILE: alive, owner $HOST_PID (tool-host)"
    contains "$OUTPUT" "mempool  tool_pool"
    contains "$OUTPUT" "of metadata"
    "$TOOL" dump --json "$FILE" | json "
        [m['name'] for m in d['metadata']] == ['$NAME'] and
        {(o['type'], o['name']) for o in d['metadata'][0]['objects']} >=
            {('memzone', 'tool_zone'), ('ring', 'tool_ring'), ('mempool', 'tool_pool')} and
        d['metadata'][0]['chunks'][0]['metadata'] and
        d['metadata'][0]['chunks'][1]['file'].startswith('/proc/$HOST_PID/fd/') and
        d['metadata'][0]['generation'].startswith('0x')"
}

draws() {
    "$TOOL" dump --svg "$FILE" >"$WORK/picture.svg"
    $PYTHON - "$WORK/picture.svg" <<'END'
import sys, xml.etree.ElementTree as tree
text = " ".join(tree.parse(sys.argv[1]).getroot().itertext())
for word in "tool_zone", "tool_ring", "tool_pool", "of metadata", "reads as zero", "BAR 2":
    assert word in text, word
END
}

checks() {
    fails 0 "$TOOL" check "$FILE"
    contains "$OUTPUT" "good: ready, alive, owner $HOST_PID"
    "$TOOL" check --json "$FILE" | json "[(c['good'], c['problems']) for c in d['checked']] == [(True, [])]"
}

checks_copy() {
    cp "$FILE" "$WORK/copy"
    fails 1 "$TOOL" check "$FILE" "$WORK/copy"
    contains "$OUTPUT" "is another file than this"
    contains "$OUTPUT" "no living process owns it"
    # The owner of this lock has nothing of the host in its memory.
    fails 1 flock "$WORK/copy" "$TOOL" check "$WORK/copy"
    contains "$OUTPUT" "is not what the owner has"
}

audits() {
    fails 0 "$TOOL" audit "$FILE"
    contains "$OUTPUT" "memzone 'tool_secret'"
    contains "$OUTPUT" "beyond the shared objects"
    # The library says the same of its own process.
    diff <(grep ^0x "$WORK/$NAME.out") <(grep ^0x <<<"$OUTPUT")
    "$TOOL" audit --json "$FILE" | json "
        (lambda a: a['names_known'] and 'tool_secret' in [e['memzone'] for e in a['exposed']] and
        not {'tool_zone', 'RG_tool_ring'} & {e['memzone'] for e in a['exposed']} and
        a['exposed_bytes'] == sum(e['length'] for e in a['exposed']))(d['audited'][0])"
}

audits_without_names() {
    cp "$FILE" "$WORK/copy"
    fails 0 "$TOOL" audit "$WORK/copy"
    contains "$OUTPUT" "names of memzones are unknown"
    contains "$OUTPUT" "in no memzone"
    # A table of another host is not believed.
    mkdir -p "$WORK/other/ivshmem"
    cp "$FILE" "$WORK/other/ivshmem"
    head -c 65536 /dev/urandom >"$WORK/other/fbarray_memzone"
    fails 0 "$TOOL" audit "$WORK/other/ivshmem/$NAME"
    contains "$OUTPUT" "not that of this metadata's host"
}

prints_devices() {
    fails 0 "$TOOL" device "$NAME"
    contains "$OUTPUT" "-device ivshmem,file=$FILE:/proc/$HOST_PID/fd/"
    contains "$OUTPUT" ",dev=$(stat -c %d "$FILE"):"
    contains "$OUTPUT" ",inode=$(stat -c %i "$FILE"):"
    fails 0 "$TOOL" device "$FILE" --form json
    contains "$OUTPUT" '"driver":"ivshmem"'
    identifies "$OUTPUT" '"dev":%d,"inode":%i'
    fails 0 "$TOOL" device "$FILE" --form shm
    contains "$OUTPUT" "shm=fd:"
    fails 0 "$TOOL" device "$FILE" --form libvirt
    contains "$OUTPUT" "<qemu:commandline"
    "$TOOL" device "$FILE" --form qmp-add | json 'd["execute"] == "device_add"'
    "$TOOL" device "$FILE" --form qmp-del | json "d['arguments']['id'] == 'ivshmem-$NAME'"
}

# identifies TEXT FORMAT: the file that only the host process names, in that format
# of stat.
identifies() {
    local path
    path=$(grep -oE "/proc/$HOST_PID/fd/[0-9]+" <<<"$1" | head -n 1)
    contains "$1" "$(stat -L -c "$2" "$path")"
}

writes_layouts() {
    fails 1 "$TOOL" device "$WORK/copy" --form layout
    contains "$OUTPUT" "--layout=PATH"
    fails 1 "$TOOL" device "$FILE" --form layout --layout "$WORK/nothing/layout"
    (cd "$WORK" && fails 0 "$TOOL" device "$FILE" --form layout --layout layout &&
        contains "$OUTPUT" "-device ivshmem,layout=$WORK/layout")
    grep -q "^# .*'$NAME'" "$WORK/layout"
    grep -q " readonly=on file=$FILE\$" "$WORK/layout"
    identifies "$(cat "$WORK/layout")" 'dev=%d inode=%i'
    fails 0 "$TOOL" device "$FILE" --form plain --layout "$WORK/unused"
    [ ! -e "$WORK/unused" ]
}

# One of another generation is not taken.
takes_current_layout() {
    cp "$WORK/layout" "$WORK/.copy.layout"
    fails 0 "$TOOL" device "$WORK/copy" --form layout
    contains "$OUTPUT" "-device ivshmem,layout=$WORK/.copy.layout"
    sed -i '$d' "$WORK/.copy.layout"
    fails 1 "$TOOL" device "$WORK/copy" --form layout
}

living_stay() {
    fails 0 "$TOOL" clean "${FILE%/*}"
    contains "$OUTPUT" "nothing was left"
    [ -e "$FILE" ]
}

reports_full_disk() {
    local status=0
    "$TOOL" dump "$FILE" >/dev/full 2>"$WORK/errors" || status=$?
    [ $status = 1 ]
    grep -q 'No space left' "$WORK/errors"
}

# ---- damaged and hostile metadata ----------------------------------------------

# Copies of real metadata with one thing changed each, most of them with a good
# checksum, in WORK/damaged.
damage() {
    mkdir -p "$WORK/damaged"
    $PYTHON - "$FILE" "$WORK/damaged" <<'END'
import random, re, struct, sys

table = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    table.append(n)


def sealed(data):
    data = bytearray(data)
    total = min(struct.unpack_from("<Q", data, 16)[0], len(data))
    state, heartbeat = data[28:32], data[48:56]
    data[24:32] = data[48:56] = bytes(8)
    crc = 0xFFFFFFFF
    for byte in data[:total]:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    struct.pack_into("<I", data, 24, crc ^ 0xFFFFFFFF)
    data[28:32], data[48:56] = state, heartbeat
    return data


def put(name, data):
    open(f"{sys.argv[2]}/{name}", "wb").write(data)


good = open(sys.argv[1], "rb").read()
total = struct.unpack_from("<Q", good, 16)[0]
# As if another process had the number of the host by now: another file.
put("other-file", sealed(re.sub(rb"(/proc/[0-9]+/fd/)([0-9]+)(?=\0)", lambda found:
                                found[1] + b"2".rjust(len(found[2]), b"/"), good)))
random.seed(1)
for n in range(40):
    put(f"cut{n}", good[:random.randrange(total)])
for n in range(300):
    data = bytearray(good)
    for _ in range(random.choice((1, 1, 3))):
        at = random.randrange(8, total)
        size = random.choice((1, 1, 4, 8))
        data[at:at + size] = random.choice((bytes(size), b"\xff" * size, random.randbytes(size)))
    put(f"changed{n}", sealed(data[:len(good)]) if n % 6 else data)
for n, text in enumerate((b"\x1b[2J\x1b]0;x\x07\n<&>\"'", b"\xff\xfe\xc2\x9b\xed\xa0\x80 a")):
    data = bytearray(good)
    for at in range(len(data) - 9):
        if data[at:at + 9] == b"tool_ring" and data[at - 3:at] != b"RG_":
            data[at:at + len(text)] = text
    data[56:56 + len(text)] = text
    put(f"name{n}", sealed(data))
END
}

# no_crash COMMAND...: ends with 0 or 1, and writes nothing that a terminal obeys.
no_crash() {
    local status=0
    "$@" >"$WORK/output" 2>"$WORK/errors" || status=$?
    [ $status -le 1 ] || { echo "exit status $status: ${*:1:3}"; tail -n 30 "$WORK/errors"; return 1; }
    ! LC_ALL=C grep -aqP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$WORK/output" "$WORK/errors" ||
        { echo "control characters from: ${*:1:3}"; return 1; }
    ! grep -q 'runtime error' "$WORK/errors" || { cat "$WORK/errors"; return 1; }
}

survives() {
    local command
    for command in dump check audit; do
        no_crash "$TOOL" "$command" "$WORK"/damaged/*
        no_crash "$TOOL" "$command" --json "$WORK"/damaged/*
        json 'len(d) == 1' <"$WORK/output"
    done
    no_crash "$TOOL" list "$WORK/damaged"
    no_crash "$TOOL" list --json "$WORK/damaged"
    json 'len(d["shared"]) > 100' <"$WORK/output"
    no_crash "$TOOL" clean --dry-run --json "$WORK/damaged"
}

survives_one_by_one() {
    local file
    for file in "$WORK"/damaged/{name?,changed?,changed1?,changed2?}; do
        no_crash "$TOOL" dump --svg "$file"
        [ ! -s "$WORK/output" ] ||
            $PYTHON -c 'import sys, xml.etree.ElementTree as t; t.parse(sys.argv[1])' "$WORK/output"
        no_crash "$TOOL" device "$file"
        no_crash "$TOOL" device --form libvirt --layout "$WORK/l" "$file"
    done
}

hostile_names() {
    fails 0 "$TOOL" dump "$WORK/damaged/name0"
    contains "$OUTPUT" "metadata '?[2J?]0;x??<&>\"''"
    fails 0 "$TOOL" dump "$WORK/damaged/name1"
    contains "$OUTPUT" "'????"
}

other_files_are_refused() {
    local form
    for form in plain json shm; do
        fails 1 "$TOOL" device "$WORK/damaged/other-file" --form "$form"
        contains "$OUTPUT" "process $HOST_PID does not have this at 0x"
    done
    fails 0 "$TOOL" device "$WORK/damaged/other-file" --form qmp-del
}

# Its /proc knows other processes by the numbers of this namespace.
other_namespaces_are_refused() {
    [ "$(id -u)" = 0 ] || { echo "needs root"; return 77; }
    fails 1 unshare --pid --fork "$HOST" --no-huge -m 32 --no-pci --no-telemetry \
        --lcores "0@$CPUS" --file-prefix "$PREFIX-unshared" --log-level lib.eal:warning -- \
        "unshared$$" </dev/null
    contains "$OUTPUT" "has no file that QEMU could open"
    contains "$OUTPUT" "/proc of their PID namespace"
}

# ---- the dead ------------------------------------------------------------------

dead_are_stale() {
    fails 1 "$TOOL" check "$FILE"
    contains "$OUTPUT" "stale: no living process owns it"
    fails 0 "$TOOL" list "${FILE%/*}"
    grep -qE "^$NAME +ready +stale +- +- " <<<"$OUTPUT"
    fails 1 "$TOOL" device "$FILE"
    contains "$OUTPUT" "warning: no living process owns it"
    contains "$OUTPUT" "the process that shared it has probably ended"
    fails 0 "$TOOL" device "$FILE" --form qmp-del
}

# The EAL's table survives its owner, in the runtime folder.
dead_have_names() {
    fails 0 "$TOOL" audit "$FILE"
    contains "$OUTPUT" "memzone 'tool_secret'"
}

cleans() {
    fails 0 "$TOOL" clean --dry-run "${FILE%/*}"
    contains "$OUTPUT" "would remove ${FILE%/*}/$NAME"
    [ -e "$FILE" ]
    "$TOOL" clean --json "${FILE%/*}" |
        json "[r['path'] for r in d['removed']] == ['$FILE'] and d['files'] == 1"
    [ ! -e "$FILE" ]
}

shows_readonly() {
    local file=$WORK/chosen/vm1
    fails 0 "$TOOL" check "$file"
    fails 0 "$TOOL" dump "$file"
    grep -qE '^ring +tool_watched .*\(read-only\)' <<<"$OUTPUT"
    contains "$("$TOOL" dump --svg "$file")" 'read-only'
    "$TOOL" dump --json "$file" | json "
        [o['name'] for o in d['metadata'][0]['objects'] if o['readonly'] and o['type'] == 'ring'] ==
        ['tool_watched'] and [c['readonly'] for c in d['metadata'][0]['chunks']].count(True) == 2"
}

takes_layout_of_host() {
    fails 0 "$TOOL" device "$WORK/chosen/vm1" --form layout
    contains "$OUTPUT" "-device ivshmem,layout=$WORK/chosen/.vm1.layout"
}

cleans_chosen_folder() {
    export RTE_IVSHMEM_DIR=$WORK/chosen
    fails 0 "$TOOL" list
    grep -qE '^vm1 +ready +stale' <<<"$OUTPUT"
    fails 0 "$TOOL" clean
    contains "$OUTPUT" "removed $WORK/chosen/vm1"
    contains "$OUTPUT" "removed $WORK/chosen/.vm1.layout"
    contains "$OUTPUT" "2 files removed"
    [ -z "$(ls -A "$WORK/chosen")" ]
}

leaves_in_order() {
    [ "$STATUS" = 0 ]
    [ ! -e "$WORK/chosen/vm2" ]
}

# The machine's count of free pages is not looked at: others use them, too.
frees_hugepages() {
    [ -n "${IVSHMEM_HUGE:-}" ] || { echo "no IVSHMEM_HUGE"; return 77; }
    RTE_IVSHMEM_DIR=$WORK/huge start_host vm3 "${PREFIX}h" -m 16 --huge-dir "$IVSHMEM_HUGE"
    fails 0 "$TOOL" check "$WORK/huge/vm3"
    fails 0 "$TOOL" clean "$WORK/huge"
    contains "$OUTPUT" "nothing was left"
    child_end KILL "$HOST_PID"
    "$TOOL" clean --dry-run --json "$WORK/huge" >"$WORK/dry"
    find "$IVSHMEM_HUGE" -name "${PREFIX}h*" -printf '%b %p\n' >"$WORK/before"
    "$TOOL" clean --json "$WORK/huge" >"$WORK/done"
    $PYTHON - "$WORK/dry" "$WORK/done" "$WORK/before" <<'END'
import json, os, sys
dry, done = (json.load(open(f)) for f in sys.argv[1:3])
before = dict(reversed(line.split()) for line in open(sys.argv[3]))
assert dry.pop("dry_run") and not done.pop("dry_run") and dry == done, (dry, done)
pages = {r["path"]: r["bytes"] for r in done["removed"] if r["bytes"]}
assert pages and sum(pages.values()) == done["hugepage_bytes"], done
for path, size in pages.items():
    assert int(before[path]) * 512 == size and not os.path.exists(path), path
END
}

# ---- documents -----------------------------------------------------------------

all_options() {
    local command
    for command in "${COMMANDS[@]}"; do "$TOOL" "$command" --help; done |
        grep -oE '^  --[a-z-]+' | tr -d ' ' | sort -u
}

man_page_is_complete() {
    local word page
    contains "$(sed 's/\\-/-/g; 2q' "$SOURCES/dpdk-ivshmem.1")" "\"$("$TOOL" --version)\""
    page=$(sed 's/\\-/-/g; s/\\f[BIRP]//g' "$SOURCES/dpdk-ivshmem.1")
    for word in "${COMMANDS[@]}" $(all_options) --version $("$TOOL" device --help |
        sed -n 's/^  \([a-z-]*\)  .*/\1/p'); do
        contains "$page" "$word" >/dev/null || { echo "not in the man page: $word"; return 1; }
    done
}

man_page_is_clean() {
    command -v groff >/dev/null || { echo "no groff"; return 77; }
    fails 0 groff -ww -man -Tutf8 -z "$SOURCES/dpdk-ivshmem.1"
    [ -z "$OUTPUT" ] || { echo "$OUTPUT"; return 1; }
}

# completions WORD...: what TAB offers behind these words.
completions() {
    (
        # shellcheck source=/dev/null
        . "$SOURCES/dpdk-ivshmem.bash"
        COMP_WORDS=(dpdk-ivshmem "$@") COMP_CWORD=$#
        PATH=$(dirname "$TOOL"):$PATH
        _dpdk_ivshmem
        printf '%s\n' "${COMPREPLY[@]}"
    )
}

completes() {
    local command
    [ "$(completions '' | grep -v '^--' | sort)" = "$(printf '%s\n' "${COMMANDS[@]}" | sort)" ]
    [ "$(completions du)" = dump ]
    for command in "${COMMANDS[@]}"; do
        [ "$(completions "$command" -- | sort)" = "$("$TOOL" "$command" --help |
            grep -oE '^  --[a-z-]+' | tr -d ' ' | sort)" ]
    done
    [ "$(completions device --form q)" = "$(printf 'qmp-add\nqmp-del')" ]
    completions dump vm | grep -qx "$NAME"
}

t "help, of the program and of each command" helps
t "wrong usage ends with 2 and a hint" wrong_usage
t "what is not there ends with 1 and the reason" missing
t "an empty folder has nothing to list or clean" nothing_shared
t "clean leaves another user's folder alone unless it is named" theirs_stays
t "the man page mentions each command, option and form" man_page_is_complete
t "the man page has no errors" man_page_is_clean

start_host "$NAME" "$PREFIX" --no-huge -m 32
FILE=$RUNTIME/$PREFIX/ivshmem/$NAME
t "list finds a host in its default folder, with its owner" lists
t "dump prints objects and BAR" dumps
t "dump --svg draws valid XML with all names" draws
t "check finds living metadata good" checks
t "check sees that a file is not the one listed" checks_copy
t "audit names what guests see by accident" audits
t "audit without a table of memzones says so, and counts" audits_without_names
t "device prints all forms" prints_devices
t "device writes layout files" writes_layouts
t "device takes a layout file beside it only if it is current" takes_current_layout
t "clean leaves the living alone" living_stay
t "output that cannot be written is an error" reports_full_disk
t "completion offers commands, options, forms and names" completes

damage
t "damaged metadata never crashes a command" survives
t "nor drawing, nor printing a device" survives_one_by_one
t "device refuses a descriptor that is of another file by now" other_files_are_refused
t "a host refuses to share by the /proc of another PID namespace" other_namespaces_are_refused
t "names with escape sequences or bad UTF-8 are harmless" hostile_names

child_end KILL "$HOST_PID"
t "metadata of a killed host is stale" dead_are_stale
t "audit knows the names of a killed host's memzones" dead_have_names
t "clean removes what it left" cleans
MORE=more RTE_IVSHMEM_DIR=$WORK/chosen start_host vm1 "$PREFIX" --no-huge -m 32
t "read-only objects are shown as such" shows_readonly
t "device takes the host's own layout file" takes_layout_of_host
child_end KILL "$HOST_PID"
t "RTE_IVSHMEM_DIR is looked at instead" cleans_chosen_folder
RTE_IVSHMEM_DIR=$WORK/chosen start_host vm2 "$PREFIX" --no-huge -m 32
exec {HOST_INPUT}>&-
STATUS=0
wait "$HOST_PID" || STATUS=$?
t "a host that ends in order leaves nothing" leaves_in_order
t "clean gives hugepages of a killed host back" frees_hugepages
t_done
