/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads the programs; see load.h. A child does it and sends the file descriptors: what libbpf
 * allocates would stay in the memory of init, and every fork of init copies that.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/bpf-error.h"
#include "init/waits/load.h"
#include "waits.bpf.skel.h"

/* What the child sends. */
enum { FD_CELLS, FD_WAITS, FD_SWITCH, FD_WAKEUP, FD_WAKEUP_NEW, FD_HOTPLUG, FD_COUNT };

struct answer {
	int error; /* 0, or what libbpf returned */
	uint32_t cpu_count, slices;
};

static void size_cells(struct answer *a)
{
	int possible = libbpf_num_possible_cpus();

	a->cpu_count = possible > 0 ? KT_MIN((uint32_t)possible, KT_WAITS_CPUS) : 1;
	a->slices = KT_WAITS_SLICES;
	while (a->slices > KT_WAITS_CELLS / a->cpu_count)
		a->slices /= 2;
}

/* ---- in the child ---- */

static int load(int fds[FD_COUNT], struct answer *a)
{
	struct ktest_waits *skel = ktest_waits__open();

	if (!skel)
		return -errno;
	size_cells(a);
	KT_TRY(bpf_map__set_max_entries(skel->maps.ktest_cells, a->slices * a->cpu_count));
	KT_TRY(ktest_waits__load(skel));
	skel->bss->waits.cpu_count = a->cpu_count;
	skel->bss->waits.slices = a->slices;
	KT_TRY(ktest_waits__attach(skel));
	fds[FD_CELLS] = bpf_map__fd(skel->maps.ktest_cells);
	fds[FD_WAITS] = bpf_map__fd(skel->maps.bss);
	fds[FD_SWITCH] = bpf_link__fd(skel->links.waits_switch);
	fds[FD_WAKEUP] = bpf_link__fd(skel->links.waits_wakeup);
	fds[FD_WAKEUP_NEW] = bpf_link__fd(skel->links.waits_wakeup_new);
	fds[FD_HOTPLUG] = bpf_link__fd(skel->links.waits_hotplug);
	return 0;
}

union control {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(FD_COUNT * sizeof(int))];
};

static _Noreturn void be_child(int socket)
{
	union control control = { 0 };
	struct answer a = { 0 };
	int fds[FD_COUNT];
	struct iovec iov = { &a, sizeof(a) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	a.error = load(fds, &a);
	if (!a.error) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fds)),
						   .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	}
	_exit(sendmsg(socket, &msg, 0) < 0);
}

/* ---- in init ---- */

/* 0, or what went wrong as libbpf says it. */
static int receive(int socket, struct answer *a, int fds[FD_COUNT])
{
	union control control;
	struct iovec iov = { a, sizeof(*a) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = TEMP_FAILURE_RETRY(recvmsg(socket, &msg, MSG_CMSG_CLOEXEC));
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (n != (ssize_t)sizeof(*a))
		return n < 0 ? -errno : -ECHILD;
	if (a->error)
		return a->error;
	if (!c || c->cmsg_len != CMSG_LEN(FD_COUNT * sizeof(int)))
		return -EBADMSG;
	memcpy(fds, CMSG_DATA(c), FD_COUNT * sizeof(int));
	return 0;
}

/* Children would copy the mapping page by page. */
static void *map(int fd, size_t bytes, int prot)
{
	void *at = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);

	return at == MAP_FAILED || madvise(at, bytes, MADV_DONTFORK) ? NULL : at;
}

/* The links stay open: they keep the programs attached. */
static int fetch(int socket, const struct kt_waits_cell **ret_cells, struct kt_waits **ret_waits)
{
	struct answer a;
	int fds[FD_COUNT];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (sizeof(**ret_waits) + page - 1) / page * page;
	int r = receive(socket, &a, fds);

	if (r)
		return r;
	*ret_cells =
		map(fds[FD_CELLS], (size_t)a.slices * a.cpu_count * sizeof(**ret_cells), PROT_READ);
	*ret_waits = map(fds[FD_WAITS], bytes, PROT_READ | PROT_WRITE);
	return *ret_cells && *ret_waits ? 0 : -errno;
}

int kt_waits_load(const struct kt_waits_cell **ret_cells, struct kt_waits **ret_waits,
		  char text[KT_TEXT_MAX])
{
	char why[KT_BPF_ERROR_MAX];
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		snprintf(text, KT_TEXT_MAX, "make a socket: %s", strerror(errno));
		return KT_WAITS_E_REFUSED;
	}
	pid = fork();
	if (!pid)
		be_child(pair[1]);
	close(pair[1]);
	r = pid < 0 ? -errno : fetch(pair[0], ret_cells, ret_waits);
	close(pair[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (!r)
		return 0;
	snprintf(text, KT_TEXT_MAX, "load the programs that record waits: %s",
		 kt_bpf_error_text(why, r));
	return KT_WAITS_E_REFUSED;
}
