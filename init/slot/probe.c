/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probe of a restored machine; see probe.h. One worker per CPU, pinned, shares memory with the
 * others; every wait is bounded, so that a dead CPU shows as a failed check and not as a hang.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/pattern.h"
#include "init/slot/probe.h"

#define PATTERN	      "/run/ktest-probe"
#define PATTERN_WORDS (128u << 10) /* 1 MiB */
#define CHUNK_WORDS   512u
#define ROUNDS	      5u
#define SPIN_NS	      (200 * KT_NSEC_PER_USEC)

enum check { CHECK_PINNED, CHECK_TOKEN, CHECK_CLOCK, CHECK_TIMER, CHECK_IPI, CHECK_COUNT_ };

static const char *const check_names[] = { "pinned", "token", "clock", "timer", "ipi" };

struct worker {
	unsigned int cpu;
	uint32_t token;	      /* futex: rounds in which this worker got the token */
	uint64_t clock_ns;    /* clock of the worker that passed the token on */
	uint32_t interrupted; /* this worker has seen its interrupts */
	char failed[CHECK_COUNT_][128];
};

/* Shared by all workers. */
struct probe {
	unsigned int cpus;	/* online CPUs */
	unsigned int count;	/* workers; two if there is one CPU */
	uint32_t started, seen; /* workers */
	struct worker workers[KT_CPUS_MAX];
};

static void fail(struct worker *w, enum check check, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Records the first cause. */
static void fail(struct worker *w, enum check check, const char *fmt, ...)
{
	va_list ap;

	if (w->failed[check][0])
		return;
	va_start(ap, fmt);
	vsnprintf(w->failed[check], sizeof(w->failed[check]), fmt, ap);
	va_end(ap);
}

/* ---- pinned ---- */

static void pin(struct worker *w)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail(w, CHECK_PINNED, "CPU %u: %s", w->cpu, strerror(errno));
	else if (sched_getcpu() != (int)w->cpu)
		fail(w, CHECK_PINNED, "CPU %u: runs on CPU %d", w->cpu, sched_getcpu());
}

/* ---- the token ---- */

static long futex(uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

/* Waits until this worker has the token of `round`. */
static bool await_token(struct worker *w, uint32_t round)
{
	static const struct timespec wait = { .tv_sec = KT_PROBE_WAIT_NS / KT_NSEC_PER_SEC };
	uint32_t have;

	while ((have = __atomic_load_n(&w->token, __ATOMIC_ACQUIRE)) < round) {
		if (futex(&w->token, FUTEX_WAIT, have, &wait) && errno == ETIMEDOUT) {
			fail(w, CHECK_TOKEN, "CPU %u: no token in round %u", w->cpu, round);
			return false;
		}
	}
	return true;
}

static void hand_on(struct worker *to)
{
	to->clock_ns = kt_now_ns();
	__atomic_add_fetch(&to->token, 1, __ATOMIC_RELEASE);
	futex(&to->token, FUTEX_WAKE, 1, NULL);
}

/* Each worker wakes the next one; the first begins and ends every round. */
static void pass_token(struct probe *p, unsigned int index)
{
	struct worker *w = &p->workers[index], *next = &p->workers[(index + 1) % p->count];
	uint64_t now;

	if (!index)
		hand_on(next);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		if (!await_token(w, round))
			return;
		now = kt_now_ns();
		if (now < w->clock_ns)
			fail(w, CHECK_CLOCK, "CPU %u: the clock is %llu ns behind that of CPU %u",
			     w->cpu, (unsigned long long)(w->clock_ns - now),
			     p->workers[(index + p->count - 1) % p->count].cpu);
		if (index || round < ROUNDS)
			hand_on(next);
	}
}

/* ---- interrupts ---- */

static uint64_t column(const char *line, unsigned int n)
{
	char *end;

	for (; n; n--) {
		strtoull(line, &end, 10);
		line = end;
	}
	return strtoull(line, NULL, 10);
}

/* Interrupts `name` ("LOC:") of the n-th CPU, from /proc/interrupts. */
static uint64_t interrupts(const char *name, unsigned int n)
{
	_cleanup_(kt_fclosep) FILE *f = fopen("/proc/interrupts", "re");
	static char line[16384];

	while (f && fgets(line, sizeof(line), f)) {
		const char *at = line + strspn(line, " ");

		if (!strncmp(at, name, strlen(name)))
			return column(at + strlen(name), n);
	}
	return 0;
}

static void spin(void)
{
	uint64_t end = kt_now_ns() + SPIN_NS;

	while (kt_now_ns() < end)
		__builtin_ia32_pause();
}

/* The local timer interrupts a busy CPU at every tick. */
static void await_timer(struct worker *w, unsigned int index)
{
	uint64_t before = interrupts("LOC:", index), end = kt_now_ns() + KT_PROBE_WAIT_NS;

	while (interrupts("LOC:", index) == before) {
		if (kt_now_ns() > end) {
			fail(w, CHECK_TIMER, "CPU %u: no interrupt of its local timer", w->cpu);
			return;
		}
		spin();
	}
}

/*
 * Each worker interrupts the CPUs of all others until every worker has seen interrupts. Workers
 * never sleep meanwhile, because the kernel does not interrupt an idle CPU for this.
 */
static void await_ipi(struct probe *p, unsigned int index)
{
	struct worker *w = &p->workers[index];
	uint64_t before = interrupts("CAL:", index), end = kt_now_ns() + KT_PROBE_WAIT_NS;
	bool seen = false;

	while (__atomic_load_n(&p->seen, __ATOMIC_ACQUIRE) < p->count && kt_now_ns() < end) {
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
		spin();
		if (!seen && interrupts("CAL:", index) != before) {
			seen = true;
			__atomic_add_fetch(&p->seen, 1, __ATOMIC_RELEASE);
		}
	}
	if (!seen)
		fail(w, CHECK_IPI, "CPU %u: no interrupt of another CPU", w->cpu);
}

/* ---- all CPUs ---- */

static _Noreturn void work(struct probe *p, unsigned int index)
{
	struct worker *w = &p->workers[index];

	pin(w);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0))
		fail(w, CHECK_IPI, "CPU %u: membarrier: %s", w->cpu, strerror(errno));
	pass_token(p, index);
	if (index < p->cpus)
		await_timer(w, index);
	if (p->cpus > 1)
		await_ipi(p, index);
	_exit(0);
}

static void place_workers(struct probe *p)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set))
		return;
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE && p->cpus < KT_CPUS_MAX; cpu++)
		if (CPU_ISSET(cpu, &set))
			p->workers[p->cpus++].cpu = cpu;
	p->count = p->cpus;
	if (p->cpus == 1)
		p->workers[p->count++].cpu = p->workers[0].cpu;
}

static bool report(const struct probe *p, enum check check)
{
	for (unsigned int i = 0; i < p->count; i++)
		if (p->workers[i].failed[check][0]) {
			printf("failed %s: %s\n", check_names[check], p->workers[i].failed[check]);
			return false;
		}
	printf("ok %s: %u CPUs\n", check_names[check], p->cpus);
	return true;
}

static bool check_cpus(void)
{
	struct probe *p =
		mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool good = true;
	int status;

	if (p == MAP_FAILED)
		return false;
	place_workers(p);
	for (unsigned int i = 0; i < p->count; i++) {
		pid_t pid = fork();

		if (!pid)
			work(p, i);
		if (pid < 0)
			fail(&p->workers[i], CHECK_PINNED, "CPU %u: fork: %s", p->workers[i].cpu,
			     strerror(errno));
	}
	while (wait(&status) > 0)
		if (status) {
			printf("failed workers: wait status %#x\n", (unsigned int)status);
			good = false;
		}
	for (int check = 0; check < CHECK_COUNT_; check++)
		good &= report(p, check);
	return good;
}

/* ---- memory ---- */

static void fill(uint64_t *chunk, uint64_t *state)
{
	for (unsigned int i = 0; i < CHUNK_WORDS; i++)
		chunk[i] = kt_pattern_next(state);
}

static int fill_memory(uint64_t seed)
{
	_cleanup_(kt_closep) int fd = open(PATTERN, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t chunk[CHUNK_WORDS], state = seed;

	for (unsigned int at = 0; at < PATTERN_WORDS; at += CHUNK_WORDS) {
		fill(chunk, &state);
		if (fd < 0 || write(fd, chunk, sizeof(chunk)) != sizeof(chunk)) {
			printf("failed fill: %s: %s\n", PATTERN, strerror(errno));
			return 1;
		}
	}
	printf("ok fill: %zu bytes\n", PATTERN_WORDS * sizeof(chunk[0]));
	return 0;
}

static bool check_memory(uint64_t seed)
{
	_cleanup_(kt_closep) int fd = open(PATTERN, O_RDONLY | O_CLOEXEC);
	uint64_t want[CHUNK_WORDS], have[CHUNK_WORDS], state = seed;

	for (unsigned int at = 0; at < PATTERN_WORDS; at += CHUNK_WORDS) {
		fill(want, &state);
		if (fd < 0 || read(fd, have, sizeof(have)) != sizeof(have)) {
			printf("failed memory: %s: %s\n", PATTERN,
			       fd < 0 ? strerror(errno) : "is too short");
			return false;
		}
		if (memcmp(want, have, sizeof(have))) {
			printf("failed memory: the pattern has changed behind byte %zu\n",
			       at * sizeof(have[0]));
			return false;
		}
	}
	printf("ok memory: %zu bytes\n", PATTERN_WORDS * sizeof(have[0]));
	return true;
}

/* ---- the module ---- */

static bool check_module(const char *name)
{
	_cleanup_(kt_fclosep) FILE *f = fopen("/proc/modules", "re");
	size_t len = strlen(name);
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ' ') {
			printf("ok module: %s\n", name);
			return true;
		}
	printf("failed module: %s is not in /proc/modules\n", name);
	return false;
}

static int check(uint64_t seed, const char *module)
{
	bool good = check_cpus();

	good &= check_memory(seed);
	if (module)
		good &= check_module(module);
	return !good;
}

int kt_probe_run(char *const *argv)
{
	const char *what = argv[1] ? argv[1] : "";
	char *end = NULL;
	uint64_t seed = argv[1] && argv[2] ? strtoull(argv[2], &end, 0) : 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (end && end != argv[2] && !*end && !strcmp(what, "fill") && !argv[3])
		return fill_memory(seed);
	if (end && end != argv[2] && !*end && !strcmp(what, "check") && (!argv[3] || !argv[4]))
		return check(seed, argv[3]);
	fprintf(stderr, "usage: :probe fill SEED | check SEED [MODULE]\n");
	return 2;
}
