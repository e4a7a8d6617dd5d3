/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

RTE_LOG_REGISTER(ivshmem_logtype, lib.ivshmem, NOTICE);
