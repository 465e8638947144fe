/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop; see loop.h.
 *
 * A source has at most one request in the ring. A one-shot poll watches a descriptor and
 * is armed again after each callback: a callback that leaves bytes unread is called again,
 * unlike with a multishot poll. The next wait submits the new request, so that arming
 * costs no system call.
 *
 * The kernel holds the address of a source until the loop has seen the completion of its
 * request. kt_source_free() therefore marks the source dead and cancels the request; the
 * completion, "cancelled" or not, frees the source.
 */
#include <assert.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"

#define RING_ENTRIES 64

enum source_kind {
	SOURCE_IO,
	SOURCE_TIMER,
};

struct kt_source {
	struct kt_loop *loop;
	struct kt_source *prev, *next;
	enum source_kind kind;
	int fd;
	uint32_t events;
	struct __kernel_timespec when; /* TIMER: deadline; the kernel reads it on submission */
	union {
		kt_io_fn io;
		kt_timer_fn timer;
	} fn;
	void *arg;
	bool in_flight; /* the ring has its request or an unseen completion */
	bool busy;	/* its callback is running */
	bool dead;	/* the owner has freed it */
};

struct kt_loop {
	struct io_uring ring;
	struct kt_source *sources; /* all sources, dead ones included */
	bool running;
};

/* The result for an errno of io_uring_setup(2), with diag. */
static int setup_failed(struct kt_diag *diag, int error)
{
	kt_diag_doing(diag, "set up io_uring");
	kt_diag_cause(diag, "%s", strerror(error));
	if (error == EPERM || error == ENOSYS || error == EACCES) {
		kt_diag_remedy(diag, "allow it with 'sysctl kernel.io_uring_disabled=0' (in a "
				     "container: in its seccomp profile); ktest needs Linux 5.11 "
				     "or newer");
		return KT_LOOP_E_NO_IO_URING;
	}
	if (error == ENOMEM)
		kt_diag_remedy(diag, "raise the limit of locked memory (ulimit -l)");
	return kt_raise(-error);
}

int kt_loop_new(struct kt_loop **ret_loop, struct kt_diag *diag)
{
	_cleanup_(kt_freep) struct kt_loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return kt_raise(-ENOMEM);
	r = io_uring_queue_init(RING_ENTRIES, &loop->ring, 0);
	if (r < 0)
		return setup_failed(diag, -r);
	if (!(loop->ring.features & IORING_FEAT_EXT_ARG)) {
		io_uring_queue_exit(&loop->ring);
		return setup_failed(diag, ENOSYS);
	}
	*ret_loop = kt_steal_ptr(loop);
	return 0;
}

static void source_destroy(struct kt_source *source)
{
	if (source->prev)
		source->prev->next = source->next;
	else
		source->loop->sources = source->next;
	if (source->next)
		source->next->prev = source->prev;
	free(source);
}

struct kt_loop *kt_loop_free(struct kt_loop *loop)
{
	if (!loop)
		return NULL;
	assert(!loop->running);
	/* The ring goes first: afterwards no request completes. */
	io_uring_queue_exit(&loop->ring);
	while (loop->sources)
		source_destroy(loop->sources);
	free(loop);
	return NULL;
}

/* A free submission entry; submits the queued entries if there is none. */
static int take_sqe(struct kt_loop *loop, struct io_uring_sqe **ret_sqe)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
	int r;

	if (!sqe) {
		r = io_uring_submit(&loop->ring);
		if (r < 0)
			return kt_raise(r);
		sqe = io_uring_get_sqe(&loop->ring);
		if (!sqe)
			return kt_raise(-EBUSY);
	}
	*ret_sqe = sqe;
	return 0;
}

static int source_arm(struct kt_source *source)
{
	struct io_uring_sqe *sqe;

	KT_TRY(take_sqe(source->loop, &sqe));
	if (source->kind == SOURCE_IO)
		io_uring_prep_poll_add(sqe, source->fd, source->events);
	else
		io_uring_prep_timeout(sqe, &source->when, 0, IORING_TIMEOUT_ABS);
	io_uring_sqe_set_data(sqe, source);
	source->in_flight = true;
	return 0;
}

static int source_add(struct kt_loop *loop, struct kt_source **ret_source,
		      const struct kt_source *like)
{
	struct kt_source *source = malloc(sizeof(*source));
	int r;

	if (!source)
		return kt_raise(-ENOMEM);
	*source = *like;
	source->loop = loop;
	source->next = loop->sources;
	if (source->next)
		source->next->prev = source;
	loop->sources = source;
	r = source_arm(source);
	if (r) {
		source_destroy(source);
		return kt_forward(r);
	}
	*ret_source = source;
	return 0;
}

int kt_loop_add_io(struct kt_loop *loop, struct kt_source **ret_source, int fd, uint32_t events,
		   kt_io_fn fn, void *arg)
{
	const struct kt_source like = {
		.kind = SOURCE_IO, .fd = fd, .events = events, .fn.io = fn, .arg = arg
	};

	return kt_forward(source_add(loop, ret_source, &like));
}

int kt_loop_add_timer(struct kt_loop *loop, struct kt_source **ret_source, uint64_t deadline_ns,
		      kt_timer_fn fn, void *arg)
{
	const struct kt_source like = {
		.kind = SOURCE_TIMER,
		.fd = -1,
		.when = { .tv_sec = (long long)(deadline_ns / KT_NSEC_PER_SEC),
			  .tv_nsec = (long long)(deadline_ns % KT_NSEC_PER_SEC) },
		.fn.timer = fn,
		.arg = arg
	};

	return kt_forward(source_add(loop, ret_source, &like));
}

/*
 * Cancels the request of a dead source at once: a pending poll holds a reference to the
 * file, which hides a close(2) from the peer. A failure is harmless: the source then lives
 * until kt_loop_free().
 */
static void source_cancel(struct kt_source *source)
{
	struct io_uring_sqe *sqe;

	if (take_sqe(source->loop, &sqe))
		return;
	if (source->kind == SOURCE_IO)
		io_uring_prep_poll_remove(sqe, (uintptr_t)source);
	else
		io_uring_prep_timeout_remove(sqe, (uintptr_t)source, 0);
	io_uring_sqe_set_data(sqe, NULL);
	io_uring_submit(&source->loop->ring);
}

struct kt_source *kt_source_free(struct kt_source *source)
{
	if (!source)
		return NULL;
	assert(!source->dead);
	source->dead = true;
	if (source->in_flight)
		source_cancel(source);
	else if (!source->busy)
		source_destroy(source);
	return NULL;
}

static int dispatch_io(struct kt_source *source, int res)
{
	int r = 0;

	if (res < 0) {
		/* The descriptor cannot be polled. Arming it again would spin. */
		return kt_raise(res);
	}
	source->busy = true;
	source->fn.io(source->arg, source->fd, (uint32_t)res);
	source->busy = false;
	if (source->dead)
		source_destroy(source);
	else
		r = source_arm(source);
	return kt_forward(r);
}

static void dispatch_timer(struct kt_source *source)
{
	kt_timer_fn fn = source->fn.timer;
	void *arg = source->arg;

	source_destroy(source);
	fn(arg);
}

static int dispatch(struct kt_source *source, int res)
{
	source->in_flight = false;
	if (source->dead) {
		source_destroy(source);
		return 0;
	}
	/* A loop goes from thread to thread; a thread's requests end with the thread. */
	if (res == -ECANCELED)
		return kt_forward(source_arm(source));
	if (source->kind == SOURCE_IO)
		return kt_forward(dispatch_io(source, res));
	if (res != -ETIME)
		return kt_raise(res);
	dispatch_timer(source);
	return 0;
}

/* Dispatches one completion; *ret_found: there was one. */
static int dispatch_next(struct kt_loop *loop, bool *ret_found)
{
	struct io_uring_cqe *cqe;
	struct kt_source *source;
	int res;

	*ret_found = false;
	if (io_uring_peek_cqe(&loop->ring, &cqe))
		return 0;
	source = io_uring_cqe_get_data(cqe);
	res = cqe->res;
	io_uring_cqe_seen(&loop->ring, cqe);
	*ret_found = true;
	return source ? kt_forward(dispatch(source, res)) : 0;
}

/* Submits the queued entries and waits for a completion until deadline_ns at the latest. */
static int wait_for_completion(struct kt_loop *loop, uint64_t deadline_ns)
{
	uint64_t now = kt_now_ns();
	uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
	struct __kernel_timespec ts = { .tv_sec = (long long)(left / KT_NSEC_PER_SEC),
					.tv_nsec = (long long)(left % KT_NSEC_PER_SEC) };
	struct io_uring_cqe *cqe;
	int r;

	r = io_uring_submit_and_wait_timeout(&loop->ring, &cqe, 1,
					     deadline_ns == UINT64_MAX ? NULL : &ts, NULL);
	if (r < 0 && r != -ETIME && r != -EINTR && r != -EAGAIN && r != -EBUSY)
		return kt_raise(r);
	return 0;
}

static int run(struct kt_loop *loop, const bool *done, uint64_t deadline_ns)
{
	bool found;

	while (!*done) {
		KT_TRY(dispatch_next(loop, &found));
		if (found)
			continue;
		if (kt_now_ns() >= deadline_ns)
			return KT_LOOP_E_DEADLINE;
		KT_TRY(wait_for_completion(loop, deadline_ns));
	}
	return 0;
}

int kt_loop_run(struct kt_loop *loop, const bool *done, uint64_t deadline_ns)
{
	int r;

	assert(!loop->running);
	loop->running = true;
	r = run(loop, done, deadline_ns);
	loop->running = false;
	return kt_forward(r);
}
