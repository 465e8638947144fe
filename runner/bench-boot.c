/* SPDX-License-Identifier: GPL-2.0-only */
/* Cold boots; see bench-boot.h. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "runner/bench-boot.h"
#include "runner/session.h"

#define BOOT_NS (120 * KT_NSEC_PER_SEC)

/* What all threads of a round wait for. */
struct gun {
	pthread_mutex_t lock;
	pthread_cond_t fired;
	enum { WAIT, GO, STAY } signal;
	uint64_t go_ns;
};

struct boot {
	struct kt_bench_boot *all;
	struct gun *gun;
	pthread_t thread;
	struct kt_session *session;
	struct kt_bench_start *start;
	char release[KT_NAME_MAX];
	int result;
	struct kt_diag diag;
};

static void on_message(void *arg, const struct kt_msg *msg)
{
	struct boot *b = arg;

	if (msg->type == KT_MSG_HELLO)
		snprintf(b->release, sizeof(b->release), "%s", msg->hello.kernel_release);
	else if (msg->type == KT_MSG_FAILED)
		kt_diag_cause(&b->diag, "in the guest: %s: %s", msg->failed.doing,
			      msg->failed.cause);
	if (msg->type == KT_MSG_FAILED)
		kt_session_end_with(b->session, KT_OUTCOME_INIT_FAILED, &b->diag);
}

static void on_cancel(void *arg, int fd, uint32_t events)
{
	struct boot *b = arg;
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "boot the machine");
	kt_diag_cause(&diag, "it was cancelled by the user");
	kt_session_end_with(b->session, KT_OUTCOME_CANCELLED, &diag);
}

static void note_phases(struct boot *b, uint64_t made_ns)
{
	const struct kt_session *s = b->session;

	*b->start = (struct kt_bench_start){
		.took_ns = s->ready_ns - b->gun->go_ns,
		.phases = { { "make", made_ns - b->gun->go_ns },
			    { "boot", s->ready_ns - made_ns } },
		.phase_count = 2,
	};
}

static int run_session(struct boot *b)
{
	static const struct kt_session_handlers handlers = { .on_message = on_message };
	struct kt_session *s = b->session;
	struct kt_source *cancel = NULL;
	uint64_t made_ns = kt_now_ns();
	int r = 0;

	if (b->all->cancel_fd >= 0)
		r = kt_loop_add_io(s->loop, &cancel, b->all->cancel_fd, POLLIN, on_cancel, b);
	if (r) {
		kt_diag_cause(&b->diag, "watch for the end: %s", strerror(-r));
		return kt_forward(r);
	}
	kt_session_begin(s, &handlers, b, NULL, made_ns + BOOT_NS);
	if (kt_session_wait_ready(s)) {
		note_phases(b, made_ns);
	} else {
		b->diag = s->diag;
		r = s->outcome == KT_OUTCOME_CANCELLED ? KT_BENCH_E_CANCELLED : KT_BENCH_E_MACHINE;
	}
	kt_source_free(cancel);
	return r;
}

static bool wait_for(struct gun *gun)
{
	pthread_mutex_lock(&gun->lock);
	while (gun->signal == WAIT)
		pthread_cond_wait(&gun->fired, &gun->lock);
	pthread_mutex_unlock(&gun->lock);
	return gun->signal == GO;
}

static void fire(struct gun *gun, bool go)
{
	pthread_mutex_lock(&gun->lock);
	gun->go_ns = kt_now_ns();
	gun->signal = go ? GO : STAY;
	pthread_cond_broadcast(&gun->fired);
	pthread_mutex_unlock(&gun->lock);
}

/* The machine lives and dies in this thread: its process would end with it. */
static void *boot(void *arg)
{
	struct boot *b = arg;
	const struct kt_session_spec spec = { .config = b->all->config };

	if (!wait_for(b->gun))
		return NULL;
	b->result = kt_session_open(&b->session, &spec, &b->diag);
	if (!b->result)
		b->result = run_session(b);
	else if (b->result > 0)
		b->result = KT_BENCH_E_MACHINE;
	kt_session_free(b->session);
	return NULL;
}

/* Runs all of them to their ends; a thread that cannot be had keeps all from starting. */
static int run_all(struct boot *boots, unsigned int count, struct gun *gun)
{
	unsigned int made = 0;
	int r = 0;

	while (!r && made < count) {
		r = pthread_create(&boots[made].thread, NULL, boot, &boots[made]);
		made += r ? 0 : 1;
	}
	fire(gun, !r);
	for (unsigned int i = 0; i < made; i++)
		pthread_join(boots[i].thread, NULL);
	return r ? kt_raise(-r) : 0;
}

int kt_bench_boot_start(void *arg, unsigned int count, struct kt_bench_start *ret_starts,
			struct kt_diag *diag)
{
	_cleanup_(kt_freep) struct boot *boots = calloc(count, sizeof(*boots));
	struct gun gun = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, WAIT, 0 };
	struct kt_bench_boot *all = arg;
	int r = boots ? 0 : kt_raise(-ENOMEM);

	for (unsigned int i = 0; !r && i < count; i++)
		boots[i] = (struct boot){ .all = all, .gun = &gun, .start = &ret_starts[i] };
	if (!r)
		r = run_all(boots, count, &gun);
	if (r)
		kt_diag_cause(diag, "start %u machines: %s", count, strerror(-r));
	for (unsigned int i = 0; !r && i < count; i++) {
		r = boots[i].result;
		if (r)
			*diag = boots[i].diag;
		else
			memcpy(all->release, boots[i].release, sizeof(all->release));
	}
	return kt_forward(r);
}
