/* SPDX-License-Identifier: GPL-2.0-only */
/* The part that all loaders share; see loader.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proto/result.h"
#include "schedulers/loader.h"

#define OPS_ENQ_MIGRATION_DISABLED (1ull << 4) /* enum scx_ops_flags of kernel/sched/ext */

bool kts_parse_number(const char *name, const char *text, const char *unit, unsigned int max,
		      unsigned int *ret)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
	if (n && !errno && !*end && n <= max) {
		*ret = (unsigned int)n;
		return true;
	}
	fprintf(stderr, "%s: '%s' is not a number of %s from 1 to %u\n", name, text, unit, max);
	return false;
}

static int print_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, fmt, ap);
}

static void ending_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
}

void kts_loader_prepare(void)
{
	sigset_t set;

	ending_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(print_message);
}

/*
 * Whether the kernel's BTF has the name in its strings. libbpf, which would tell of what kind it
 * is, takes half a second for the BTF of a distribution's kernel in an emulated machine.
 */
static bool is_in_btf(const char *name)
{
	_cleanup_(kt_fclosep) FILE *f = fopen("/sys/kernel/btf/vmlinux", "re");
	size_t keep = 0, len = strlen(name) + 1, n; /* with the 0 at its end */
	static char buf[1 << 16];

	while (f && (n = fread(buf + keep, 1, sizeof(buf) - keep, f))) {
		n += keep;
		if (memmem(buf, n, name, len))
			return true;
		keep = KT_MIN(n, len - 1);
		memmove(buf, buf + n - keep, keep);
	}
	return false;
}

unsigned long long kts_ops_flags(void)
{
	return is_in_btf("SCX_OPS_ENQ_MIGRATION_DISABLED") ? OPS_ENQ_MIGRATION_DISABLED : 0;
}

/* Waits for a signal (true) or for the end of the scheduler (false). */
static bool wait_for_end(const struct kts_loader *loader, int signal_fd)
{
	struct pollfd fds[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = loader->exit_event_fd, .events = POLLIN },
	};

	while (!loader->exit_info->kind) {
		if (poll(fds, KT_ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents)
			return true;
		if (fds[1].revents && loader->on_event && !loader->exit_info->kind)
			loader->on_event();
	}
	return false;
}

static void print_exit(const struct kts_loader *loader)
{
	const struct kts_exit_info *ei = (const struct kts_exit_info *)loader->exit_info;

	printf("EXIT: kind=%u (%s) reason=\"%.*s\" message=\"%.*s\"", ei->kind,
	       kt_scx_exit_name(ei->kind), KTS_REASON_MAX, ei->reason, KTS_MSG_MAX, ei->msg);
	if (ei->exit_code)
		printf(" code=0x%llx", (unsigned long long)ei->exit_code);
	putchar('\n');
}

int kts_loader_run(const struct kts_loader *loader)
{
	_cleanup_(kt_closep) int signal_fd = -1;
	struct bpf_link *link;
	bool asked = false;
	sigset_t set;

	ending_signals(&set);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (signal_fd < 0) {
		fprintf(stderr, "%s: signalfd: %s\n", loader->name, strerror(errno));
		return 1;
	}
	link = bpf_map__attach_struct_ops(loader->ops);
	if (!link) {
		fprintf(stderr, "%s: cannot attach: %s\n", loader->name, strerror(errno));
		return 1;
	}
	/* The kernel may end a scheduler during the attach, which succeeds all the same. */
	if (!loader->exit_info->kind) {
		if (!loader->quiet)
			printf("ATTACHED %s\n", loader->name);
		asked = wait_for_end(loader, signal_fd);
	}
	bpf_link__destroy(link);
	if (!asked || !loader->quiet)
		print_exit(loader);
	return asked ? 0 : 1;
}
