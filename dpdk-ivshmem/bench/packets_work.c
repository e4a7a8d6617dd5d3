/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_prefetch.h>

#include "packets_work.h"

#define PATIENCE_S 10 /* without a packet */
#define WORDS(bytes) ((bytes) / sizeof(uint32_t))

/* ---- content ---------------------------------------------------------------- */

/* In the second word of a packet. */
#define MARK_BEGIN 1 /* of what is measured */
#define MARK_END 2

static __rte_always_inline void
fill_words(uint32_t *words, uint32_t number, uint32_t marks, size_t n)
{
	uint32_t first = number * UINT32_C(0x9e3779b1);

	words[0] = number;
	words[1] = marks;
	for (size_t i = 2; i < n; i++)
		words[i] = first + (uint32_t)i;
}

/* 0 if it is as it should be, but for the marks. */
static __rte_always_inline uint32_t
compare_words(const uint32_t *words, uint32_t number, size_t n)
{
	uint32_t first = number * UINT32_C(0x9e3779b1);
	uint32_t wrong = words[0] ^ number;

	for (size_t i = 2; i < n; i++)
		wrong |= words[i] ^ (first + (uint32_t)i);
	return wrong;
}

/* Where bytes of another core are read, or will be overwritten, they are asked for
 * all at once. */
static __rte_always_inline void
prefetch_packets(struct rte_mbuf **mbufs, uint16_t n, bool write)
{
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(mbufs[i]);
	for (uint16_t i = 0; i < n; i++) {
		const void *data = rte_pktmbuf_mtod(mbufs[i], const void *);

		if (write)
			rte_prefetch0_write(data);
		else
			rte_prefetch0(data);
	}
}

/* The constant lets the compiler unroll what every packet has. */
static __rte_always_inline void
fill(struct rte_mbuf *m, const struct packets_job *job, uint32_t number,
     uint32_t marks)
{
	uint32_t *words = rte_pktmbuf_mtod(m, uint32_t *);

	if (m->pkt_len != job->size) {
		m->data_len = job->size;
		m->pkt_len = job->size;
	}
	if (job->touched == PACKETS_HEADER)
		fill_words(words, number, marks, WORDS(PACKETS_HEADER));
	else
		fill_words(words, number, marks, WORDS(job->touched));
}

static __rte_always_inline uint32_t
check(const struct rte_mbuf *m, const struct packets_job *job, uint32_t number,
      uint32_t *marks)
{
	const uint32_t *words = rte_pktmbuf_mtod(m, const uint32_t *);
	uint32_t wrong = (m->pkt_len ^ job->size) | (m->data_len ^ job->size);

	*marks |= words[1];
	if (job->touched == PACKETS_HEADER)
		return wrong | compare_words(words, number,
					     WORDS(PACKETS_HEADER));
	return wrong | compare_words(words, number, WORDS(job->touched));
}

/* ---- patience --------------------------------------------------------------- */

/** Since when there was nothing; looks at the clock now and then. */
struct patience {
	uint64_t until;
	uint32_t polls;
};

static bool
lost(struct patience *patience)
{
	uint64_t now;

	rte_pause();
	if (likely(++patience->polls % 4096 != 0))
		return false;
	now = rte_rdtsc();
	if (patience->until == 0)
		patience->until = now + PATIENCE_S * rte_get_tsc_hz();
	return now > patience->until;
}

static bool
move_all(packets_move_t move, struct packets_port *port,
	 struct rte_mbuf **mbufs, uint16_t n)
{
	struct patience patience = { 0 };
	uint16_t moved = move(port, mbufs, n);

	while (unlikely(moved < n)) {
		uint16_t more = move(port, mbufs + moved,
				     (uint16_t)(n - moved));

		moved = (uint16_t)(moved + more);
		if (more == 0 && lost(&patience))
			return false;
	}
	return true;
}

/* Up to n, at least one; 0 if there is none for too long. */
static uint16_t
move_some(packets_move_t move, struct packets_port *port,
	  struct rte_mbuf **mbufs, uint16_t n)
{
	struct patience patience = { 0 };
	uint16_t moved;

	while ((moved = move(port, mbufs, n)) == 0)
		if (unlikely(lost(&patience)))
			return 0;
	return moved;
}

static bool
complain(const char *what, uint32_t number)
{
	fprintf(stderr, "packet %" PRIu32 ": %s\n", number, what);
	return false;
}

/* ---- one way ---------------------------------------------------------------- */

static uint64_t
cycles_of(uint64_t us)
{
	return us * rte_get_tsc_hz() / 1000000;
}

/** When the producer marks a packet. */
struct schedule {
	uint64_t begin, end; /**< time */
	uint32_t bursts;     /**< since MARK_BEGIN */
};

/* Some bursts are measured even if this process has just slept. */
static __rte_always_inline uint32_t
due_mark(struct schedule *schedule)
{
	const uint32_t least = 1000;
	uint64_t now = rte_rdtsc();

	if (now < schedule->begin)
		return 0;
	schedule->bursts++;
	if (schedule->bursts == 1)
		return MARK_BEGIN;
	return now >= schedule->end && schedule->bursts >= least ? MARK_END : 0;
}

static bool
settle(struct packets_port *port)
{
	struct patience patience = { 0 };

	while (port->ops->settle != NULL && !port->ops->settle(port))
		if (lost(&patience))
			return false;
	return true;
}

/** Mbufs that move together. */
struct burst {
	struct rte_mbuf *mbufs[PACKETS_BURST_MAX];
	uint16_t n;
};

/*
 * Both sides fetch the next burst before they work on this one: meanwhile its
 * bytes come from the other core.
 */
static __rte_always_inline void
fetch(struct burst *burst, packets_move_t move, struct packets_port *port,
      uint16_t n, bool write)
{
	burst->n = move(port, burst->mbufs, n);
	prefetch_packets(burst->mbufs, burst->n, write);
}

static __rte_always_inline bool
send_burst(struct packets_port *port, const struct packets_job *job,
	   struct burst *burst, uint32_t number, uint32_t mark)
{
	for (uint16_t i = 0; i < burst->n; i++)
		fill(burst->mbufs[i], job, number + i,
		     i == burst->n - 1 ? mark : 0);
	return move_all(port->ops->send, port, burst->mbufs, burst->n);
}

bool
packets_send(struct packets_port *port, const struct packets_job *job)
{
	uint64_t begin = rte_rdtsc() + cycles_of(job->warm_us);
	struct schedule schedule = { begin, begin + cycles_of(job->us), 0 };
	struct patience patience = { 0 };
	struct burst bursts[2], *this = &bursts[0], *next = &bursts[1];
	uint32_t number = 0, mark = 0;

	this->n = 0;
	while (mark != MARK_END) {
		mark = this->n > 0 ? due_mark(&schedule) : 0;
		next->n = 0;
		if (mark != MARK_END)
			fetch(next, port->ops->get, port, job->burst, true);
		if (this->n + next->n > 0)
			patience.until = 0;
		else if (lost(&patience))
			return complain("no mbuf to send it with", number);
		if (!send_burst(port, job, this, number, mark))
			return complain("the peer takes no more", number);
		number += this->n;
		RTE_SWAP(this, next);
	}
	return settle(port) || complain("some mbufs do not come back", number);
}

static __rte_always_inline uint32_t
check_burst(const struct burst *burst, const struct packets_job *job,
	    uint32_t number, uint32_t *marks)
{
	uint32_t wrong = 0;

	for (uint16_t i = 0; i < burst->n; i++)
		wrong |= check(burst->mbufs[i], job, number + i, marks);
	return wrong;
}

bool
packets_receive(struct packets_port *port, const struct packets_job *job,
		double *rate)
{
	struct patience patience = { 0 };
	struct burst bursts[2], *this = &bursts[0], *next = &bursts[1];
	uint64_t number = 0, begin = 0, before = 0;
	uint32_t wrong = 0, marks = 0;

	this->n = 0;
	while ((marks & MARK_END) == 0 && wrong == 0) {
		fetch(next, port->ops->receive, port, job->burst, false);
		if (this->n + next->n > 0)
			patience.until = 0;
		else if (lost(&patience))
			return complain("does not come", (uint32_t)number);
		wrong |= check_burst(this, job, (uint32_t)number, &marks);
		number += this->n;
		if (!move_all(port->ops->done, port, this->mbufs, this->n))
			return complain("cannot be given back",
					(uint32_t)number);
		if (unlikely(marks == MARK_BEGIN && begin == 0)) {
			begin = rte_rdtsc();
			before = number;
		}
		RTE_SWAP(this, next);
	}
	/* What is in `this` now would have come behind the last one. */
	if (wrong != 0 || begin == 0 || this->n != 0)
		return complain("is not as it was sent, or another one",
				(uint32_t)number);
	*rate = (double)(number - before) * (double)rte_get_tsc_hz() /
		(double)(rte_rdtsc() - begin);
	return true;
}

/* ---- there and back ----------------------------------------------------------- */

static const struct packets_job small = {
	.size = PACKETS_HEADER,
	.touched = PACKETS_HEADER,
};

/* A ring carries numbers as well; there is no mbuf then. */
static struct rte_mbuf *
number_as_mbuf(uint32_t number)
{
	return (struct rte_mbuf *)((uintptr_t)number + 1);
}

static __rte_always_inline bool
is_right(const struct rte_mbuf *m, bool plain, uint32_t number)
{
	uint32_t marks = 0;

	return plain ? m == number_as_mbuf(number)
		     : check(m, &small, number, &marks) == 0;
}

static bool
ping(struct packets_port *port, struct rte_mbuf **m, bool plain,
     uint32_t number)
{
	if (plain)
		*m = number_as_mbuf(number);
	else
		fill(*m, &small, number, 0);
	if (!move_all(port->ops->send, port, m, 1) ||
	    move_some(port->ops->receive_back, port, m, 1) != 1)
		return complain("does not come back", number);
	return is_right(*m, plain, number) || complain("is wrong", number);
}

bool
packets_ping(struct packets_port *port, bool plain, uint32_t n,
	     uint64_t *cycles)
{
	struct rte_mbuf *m = NULL;

	if (!plain && packets_allocate(port, &m, 1) != 1)
		return complain("no mbuf", 0);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t begin = rte_rdtsc();

		if (!ping(port, &m, plain, i))
			return false;
		cycles[i] = rte_rdtsc() - begin;
	}
	if (!plain)
		packets_free(port, &m, 1);
	return true;
}

bool
packets_pong(struct packets_port *port, bool plain, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m;

		if (move_some(port->ops->receive, port, &m, 1) != 1)
			return complain("does not come", i);
		if (!is_right(m, plain, i))
			return complain("is wrong", i);
		if (!move_all(port->ops->send_back, port, &m, 1))
			return complain("cannot be sent back", i);
	}
	return true;
}
