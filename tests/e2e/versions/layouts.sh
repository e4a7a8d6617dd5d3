#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# usage, in a guest: layouts.sh PROGRAM ARGUMENT...
#
# The program once with each plugin of other_layouts.sh.
for plugin in /usr/lib/layouts/librte_ivshmem-*.so; do
    echo "[guest] $plugin"
    "$@" -d "$plugin"
    echo "[guest] exit status $?"
done
