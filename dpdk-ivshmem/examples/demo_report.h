/* SPDX-License-Identifier: BSD-3-Clause */
/* The host program's result, from what all stations have published. */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include <stdbool.h>

#include "demo_share.h"

/* Print it; true if everything has passed at every station without error and
 * all buffers are in the pool. */
bool demo_report(const struct demo_share *share,
		 const struct demo_place *place);

#endif /* DEMO_REPORT_H */
