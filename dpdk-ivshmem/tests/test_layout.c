/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the comparison of layouts refuses, item by item.  The layouts of real
 * builds with other options are compared in tests/e2e/versions.sh.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "layout.h"
#include "tap.h"

#define N RTE_IVSHMEM_LAYOUT_N

static const char *const names[N] = {
#define NAME(item) #item,
	RTE_IVSHMEM_LAYOUT_ITEMS(NAME)
};

/* One more than any reader knows. */
static uint32_t layout[N + 1];
static struct ivshmem_error err;

/* A host with this build's layout. */
static struct ivshmem_metadata equal_host(void)
{
	memcpy(layout, ivshmem_layout, sizeof(ivshmem_layout));
	return (struct ivshmem_metadata){
		.dpdk_version = "DPDK 99.11", .layout = layout, .n_layout = N,
	};
}

static void test_item(uint32_t item)
{
	struct ivshmem_metadata md = equal_host();
	char expected[256];
	int ret;

	layout[item] += 8;
	snprintf(expected, sizeof(expected),
		 "layout differs: %s is %u on the host (DPDK 99.11) and %u here (1 of %u items differ): use a DPDK built with the same options",
		 names[item], layout[item], ivshmem_layout[item], N);
	ret = ivshmem_layout_check(&md, &err);
	check(ret == -EINVAL && strcmp(err.text, expected) == 0,
	      "another %s is refused by name, with both values", names[item]);
}

static void test_several(void)
{
	struct ivshmem_metadata md = equal_host();

	layout[RTE_IVSHMEM_LAYOUT_max_lcore] = 256;
	layout[RTE_IVSHMEM_LAYOUT_sizeof_mempool]++;
	layout[N - 1]++;
	check(ivshmem_layout_check(&md, &err) == -EINVAL &&
	      strstr(err.text, "max_lcore is 256 on the host") != NULL &&
	      strstr(err.text, "(3 of ") != NULL,
	      "of several the first is named, and they are counted");
}

static void test_number_of_items(void)
{
	struct ivshmem_metadata md = equal_host();

	check(ivshmem_layout_check(&md, &err) == 0, "the same is accepted");
	md.n_layout = N + 1;
	check(ivshmem_layout_check(&md, &err) == 0,
	      "what a newer host tells besides is ignored");
	md.n_layout = N - 1;
	check(ivshmem_layout_check(&md, &err) == -EINVAL &&
	      strstr(err.text, "update the host's library") != NULL,
	      "a host that tells too little is refused");
}

static void test_without_stack(void)
{
	struct ivshmem_metadata md = equal_host();
	int n = 0;

	for (uint32_t i = 0; i < N; i++)
		if (strstr(names[i], "stack") != NULL) {
			layout[i] = 0;
			n++;
		}
	check(n > 1 && ivshmem_layout_check(&md, &err) == 0,
	      "a DPDK without stacks is accepted");
	layout[RTE_IVSHMEM_LAYOUT_sizeof_mbuf] = 0;
	check(ivshmem_layout_check(&md, &err) == -EINVAL,
	      "one without mbufs is not");
}

int main(void)
{
	for (uint32_t i = 0; i < N; i++)
		test_item(i);
	test_several();
	test_number_of_items();
	test_without_stack();
	return tap_end();
}
