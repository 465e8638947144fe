/* SPDX-License-Identifier: GPL-2.0-only */
/* The event loop: readiness, timers, removal at awkward moments, deadlines. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/process.h"
#include "tests/unit/test.h"
#include "base/loop.h"

/* Longer than any test here. */
#define LIMIT (kt_now_ns() + 10 * KT_NSEC_PER_SEC)

struct watcher {
	struct kt_source *source;
	unsigned int calls;
	uint32_t events;
	bool done;
	unsigned int done_after; /* calls */
	bool remove_self;
	struct watcher *remove; /* a source that the callback frees */
	bool read;
};

static struct kt_loop *loop;

static int fds[2]; /* connected; -1: closed by the test */

static void make_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void close_pair(int pair[2])
{
	kt_closep(&pair[0]);
	kt_closep(&pair[1]);
}

static void make_loop(void)
{
	make_pair(fds);
	assert_int_equal(kt_loop_new(&loop, NULL), 0);
}

/* Frees the sources that are left, too. */
static void free_loop(void)
{
	loop = kt_loop_free(loop);
	close_pair(fds);
}

AROUND_EACH(make_loop, free_loop);

static void on_io(void *arg, int fd, uint32_t events)
{
	struct watcher *w = arg;
	char byte;

	w->calls++;
	w->events = events;
	w->done = w->calls >= w->done_after;
	if (w->read)
		assert_int_equal(read(fd, &byte, 1), 1);
	if (w->remove_self)
		w->source = kt_source_free(w->source);
	if (w->remove)
		w->remove->source = kt_source_free(w->remove->source);
}

static void on_timer(void *arg)
{
	on_io(arg, -1, 0);
}

static void watch(struct watcher *w, int fd, uint32_t events)
{
	assert_int_equal(kt_loop_add_io(loop, &w->source, fd, events, on_io, w), 0);
}

/* Runs the loop for so many ms, in which it is not done. */
static void run_in_vain(bool *done, unsigned int ms)
{
	assert_int_equal(kt_loop_run(loop, done, kt_now_ns() + ms * KT_NSEC_PER_MSEC),
			 KT_LOOP_E_DEADLINE);
}

TEST(test_readiness_is_reported)
{
	struct watcher w = { .done_after = 1, .read = true };

	watch(&w, fds[0], POLLIN);
	run_in_vain(&w.done, 1);
	assert_int_equal(w.calls, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(kt_loop_run(loop, &w.done, LIMIT), 0);
	assert_int_equal(w.calls, 1);
	assert_true(w.events & POLLIN);
}

/* A callback that leaves bytes unread is called again. */
TEST(test_readiness_is_a_level)
{
	struct watcher w = { .done_after = 3, .read = true };

	watch(&w, fds[0], POLLIN);
	assert_int_equal(write(fds[1], "xyz", 3), 3);
	assert_int_equal(kt_loop_run(loop, &w.done, LIMIT), 0);
	w.done = false;
	run_in_vain(&w.done, 1);
	assert_int_equal(w.calls, 3);
}

/* A descriptor that is always ready does not hide the deadline. */
TEST(test_deadline_under_constant_readiness)
{
	struct watcher w = { .done_after = UINT32_MAX };

	watch(&w, fds[0], POLLOUT);
	alarm(20); /* ends a loop that misses its deadline */
	run_in_vain(&w.done, 5);
	alarm(0);
	assert_true(w.calls > 0);
}

TEST(test_hangup_is_reported)
{
	struct watcher w = { .done_after = 1 };

	watch(&w, fds[0], POLLIN);
	kt_closep(&fds[1]);
	assert_int_equal(kt_loop_run(loop, &w.done, LIMIT), 0);
	assert_true(w.events & POLLHUP);
	kt_source_free(w.source);
}

TEST(test_child_exit)
{
	const char *const argv[] = { "true", NULL };
	const struct kt_process_spec spec = {
		.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1
	};
	struct kt_process process = KT_PROCESS_INIT;
	struct watcher w = { .done_after = 1, .remove_self = true };
	int status;

	assert_int_equal(kt_process_spawn(&process, &spec), 0);
	watch(&w, process.pidfd, POLLIN);
	assert_int_equal(kt_loop_run(loop, &w.done, LIMIT), 0);
	assert_int_equal(kt_process_wait(&process, &status), 0);
	assert_int_equal(status, 0);
}

TEST(test_timers_fire_in_order_and_on_time)
{
	struct watcher w[3] = { { .done_after = 1 }, { .done_after = 1 }, { .done_after = 1 } };
	uint64_t start = kt_now_ns();

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(kt_loop_add_timer(loop, &w[i].source,
						   start + (3 - i) * 5 * KT_NSEC_PER_MSEC, on_timer,
						   &w[i]),
				 0);
	for (int i = 2; i >= 0; i--) {
		assert_int_equal(kt_loop_run(loop, &w[i].done, LIMIT), 0);
		assert_true(kt_now_ns() >= start + (uint64_t)(3 - i) * 5 * KT_NSEC_PER_MSEC);
		assert_int_equal(i > 0 ? w[i - 1].calls : 0, 0);
	}
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(w[i].calls, 1);
}

TEST(test_timer_in_the_past_fires_at_once)
{
	struct watcher w = { .done_after = 1 };

	assert_int_equal(kt_loop_add_timer(loop, &w.source, 0, on_timer, &w), 0);
	assert_int_equal(kt_loop_run(loop, &w.done, LIMIT), 0);
}

TEST(test_removed_sources_stay_silent)
{
	struct watcher w = { .done_after = 1 }, timer = { .done_after = 1 };
	bool never = false;

	assert_int_equal(write(fds[1], "x", 1), 1);
	watch(&w, fds[0], POLLIN);
	assert_int_equal(kt_loop_add_timer(loop, &timer.source, 0, on_timer, &timer), 0);
	w.source = kt_source_free(w.source);
	timer.source = kt_source_free(timer.source);
	assert_null(w.source);
	run_in_vain(&never, 2);
	assert_int_equal(w.calls + timer.calls, 0);
	assert_null(kt_source_free(NULL));
}

/* Two sources are ready; the first callback removes both. */
TEST(test_removal_from_a_callback)
{
	struct watcher a = { .done_after = 1, .remove_self = true };
	struct watcher b = { .done_after = 1, .remove_self = true };
	bool never = false;

	watch(&a, fds[0], POLLOUT);
	watch(&b, fds[1], POLLOUT);
	a.remove = &b;
	assert_int_equal(kt_loop_run(loop, &a.done, LIMIT), 0);
	b.remove = NULL;
	run_in_vain(&never, 2);
	assert_int_equal(a.calls, 1);
	assert_true(b.calls <= 1);
	assert_null(a.source);
	assert_null(b.source);
}

/* A removed source holds no reference to its file: the peer sees the close. */
TEST(test_removal_lets_go_of_the_file)
{
	struct watcher w = { .done_after = 1 };
	bool never = false;
	struct pollfd peer;

	watch(&w, fds[0], POLLIN);
	run_in_vain(&never, 1);
	kt_source_free(w.source);
	kt_closep(&fds[0]);
	peer = (struct pollfd){ .fd = fds[1], .events = POLLIN };
	assert_int_equal(poll(&peer, 1, 5000), 1);
	assert_true(peer.revents & POLLHUP);
}

/* More sources than entries in the ring; kt_loop_free() frees the last ones. */
TEST(test_many_sources)
{
	enum { COUNT = 200 };
	struct watcher w[COUNT] = { 0 };
	int pairs[COUNT][2];

	for (unsigned int i = 0; i < COUNT; i++) {
		make_pair(pairs[i]);
		w[i] = (struct watcher){ .done_after = 1, .read = true };
		watch(&w[i], pairs[i][0], POLLIN);
	}
	for (unsigned int i = 0; i < COUNT; i++)
		assert_int_equal(write(pairs[i][1], "x", 1), 1);
	for (unsigned int i = 0; i < COUNT; i++)
		assert_int_equal(kt_loop_run(loop, &w[i].done, LIMIT), 0);
	for (unsigned int i = 0; i < COUNT; i++) {
		assert_int_equal(w[i].calls, 1);
		if (i % 2)
			kt_source_free(w[i].source);
		close_pair(pairs[i]);
	}
}

TEST(test_done_is_looked_at_first)
{
	bool done = true;

	assert_int_equal(kt_loop_run(loop, &done, 0), 0);
	done = false;
	assert_int_equal(kt_loop_run(loop, &done, 0), KT_LOOP_E_DEADLINE);
}

TEST(test_bad_descriptor_is_a_fault)
{
	struct watcher w = { .done_after = 1 };
	bool never = false;

	close_pair(fds);
	watch(&w, fds[0], POLLIN);
	assert_int_equal(kt_loop_run(loop, &never, LIMIT), -EBADF);
}

/* Runs in a process without io_uring. 0: the diagnostic has a remedy. */
static int refused_in_child(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { .len = KT_ARRAY_SIZE(code), .filter = code };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_loop *none = NULL;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		return 1;
	if (kt_loop_new(&none, &diag) != KT_LOOP_E_NO_IO_URING || none)
		return 2;
	return strstr(diag.remedy, "kernel.io_uring_disabled=0") ? 0 : 3;
}

TEST(test_refusal_says_what_to_do)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(refused_in_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Submits the requests of all sources, and ends. */
static void *run_and_end(void *arg)
{
	bool never = false;

	*(int *)arg = kt_loop_run(loop, &never, kt_now_ns() + KT_NSEC_PER_MSEC);
	return NULL;
}

/* The kernel cancels the requests of a thread that ends; another thread has the loop then. */
TEST(test_sources_outlive_their_thread)
{
	struct watcher w = { .done_after = 1, .read = true }, late = { .done_after = 1 };
	pthread_t thread;
	int r;

	assert_int_equal(kt_loop_add_io(loop, &w.source, fds[0], POLLIN, on_io, &w), 0);
	assert_int_equal(kt_loop_add_timer(loop, &late.source, kt_now_ns() + 20 * KT_NSEC_PER_MSEC,
					   on_timer, &late),
			 0);
	assert_int_equal(pthread_create(&thread, NULL, run_and_end, &r), 0);
	pthread_join(thread, NULL);
	assert_int_equal(r, KT_LOOP_E_DEADLINE);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(kt_loop_run(loop, &w.done, LIMIT), 0);
	assert_int_equal(kt_loop_run(loop, &late.done, LIMIT), 0);
	assert_int_equal(w.calls, 1);
	assert_int_equal(late.calls, 1);
}
