#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The demo, smaller, in memory modes of the EAL in which the library finds the
# files in other ways than in exchange.sh (--no-huge) and exchange_hugepages.sh
# (hugetlbfs, one file per page and one for all): files without a name, files of
# which the EAL tells nothing, and a page of 1 GiB. Both sides check every byte
# that goes through BAR 2.
#
# For the functions that are called by way of check and at the end:
# shellcheck disable=SC2317
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

have_hugepages || skip_all "$NO_HUGEPAGES"

GIANT=(--name "$FILE_PREFIX-1g" --size 1G)
exchange_at_end() {
    "$ROOT/scripts/hugepages" "${GIANT[@]}" release || true
    rm -rf "$RUN"
}

# exchange_in FILES EAL-OPTIONS...: FILES begin the name of each chunk's file
# but the first one's, which is the metadata.
exchange_in() {
    local files=$1
    shift
    echo "# $*"
    share "$@"
    boot "$(guest_command 64@0)" --device "$DEVICE_FILE"
    host_ends
    check "every file is one of $files" every_file_in "$files"
    check_exchange 1
}

# The string has each file once: file=METADATA:FILE:FILE,offset=...
every_file_in() {
    local others
    others=$(sed -n 's/.*file=\([^,]*\).*/\1/p' "$DEVICE_FILE" | tr : '\n' | tail -n +2)
    [ -n "$others" ] && ! grep -qv "^$1" <<<"$others"
}

hugepages_begin 64
# At the default address, the host's tables lie where the guest has its own. No mount
# limits these pages: without the option the EAL takes more, also those of 1 GiB.
exchange_in /proc/ -m 64 --in-memory --single-file-segments --base-virtaddr 0x4000000000 \
    --socket-limit 64,64,64,64,64,64,64,64
exchange_in /proc/ -m 64 --huge-dir "$HUGE_DIR" --huge-unlink=always
exchange_in "$HUGE_DIR/" -m 64 --huge-dir "$HUGE_DIR" --legacy-mem --single-file-segments \
    --iova-mode va

mkdir "$RUN/giant"
if reason=$("$ROOT/scripts/hugepages" "${GIANT[@]}" reserve 1 2>&1 &&
    "$ROOT/scripts/hugepages" "${GIANT[@]}" mount "$RUN/giant" 2>&1); then
    exchange_in "$RUN/giant/" -m 1024 --huge-dir "$RUN/giant"
else
    skip "a page of 1 GiB" "${reason%%$'\n'*}"
fi
done_testing
