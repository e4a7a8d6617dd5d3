# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For the tests of what reads the device's forms: a host program that shares real
# memory and writes every form into a file. Needs lib.sh.

# Everything that a shell, a list, JSON or XML might take for its own.
# shellcheck disable=SC2034  # for the scripts that source this file
ODD_NAME="it's: a <\"quoted\">, \$HOME & \\ ümlaut!"
FORMS_PROGRAM=$PROGRAMS/tests/print-forms

# print_forms FOLDER: the metadata "few" and "many" lie in the new FOLDER, their
# forms in FORMS, as few.json and so on; sets HOST_PID.
print_forms() {
    local log=forms$((++FORMS_COUNT))
    [ -x "$FORMS_PROGRAM" ] || die "$FORMS_PROGRAM: not there" "./build.sh build makes it"
    FORMS=$RUN/$log
    mkdir "$1" "$FORMS"
    RTE_IVSHMEM_DIR=$1 start "$log" "$FORMS_PROGRAM" "$FORMS" --no-huge -m 64 --no-pci \
        --no-telemetry --lcores "0@$(allowed_cpus)" --file-prefix "$FILE_PREFIX" \
        --log-level lib.eal:warning
    HOST_PID=$PID
    if ! until_true 30 ready_or_ended "$RUN/$log.log" || ended "$HOST_PID"; then
        die "the host program has printed no forms" "$(tail -n 3 "$RUN/$log.log")"
    fi
}
FORMS_COUNT=0

ready_or_ended() { grep -qx ready "$1" || ended "$HOST_PID"; }

# forms COMMAND ARGUMENT...: as forms.py says.
forms() { "$PYTHON" -B "$ROOT/tests/e2e/forms/forms.py" "$@"; }
