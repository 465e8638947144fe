/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process of a slot; see slots.h. It waits on a socket for an order, becomes the command by
 * execve(), and answers only if that fails. Streams and the end of the command are left to init.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/slot/builtin.h"
#include "init/environment.h"
#include "init/slot/slots.h"
#include "init/terminal.h"

#define ORDER_FD 3
#define PATH	 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static char order_bytes[KT_SLOT_ORDER_MAX];

struct order {
	struct kt_slot_order head;
	char *argv[KT_EXEC_ARGS_MAX + 1];
	char *env[KT_EXEC_ARGS_MAX + 1];
	char *program; /* "": argv[0] */
	char *cwd;
};

static void answer(int error, const char *what)
{
	struct kt_slot_answer a = { .error = (uint32_t)error };

	if (error)
		snprintf(a.text, sizeof(a.text), "%.900s: %s", what, strerror(error));
	if (send(ORDER_FD, &a, sizeof(a), MSG_NOSIGNAL) < 0)
		_exit(126);
}

static _Noreturn void fail(int error, const char *what)
{
	answer(error, what);
	_exit(127);
}

/* init has checked that the strings are NUL-terminated and fit. */
static char *split(char **list, char *text, uint32_t len)
{
	size_t n = 0;

	for (uint32_t at = 0; at < len; at += (uint32_t)strlen(text + at) + 1)
		list[n++] = text + at;
	list[n] = NULL;
	return text + len;
}

static void receive(struct order *o)
{
	ssize_t n = TEMP_FAILURE_RETRY(recv(ORDER_FD, order_bytes, sizeof(order_bytes) - 1, 0));
	char *rest = order_bytes + sizeof(o->head);

	if (n < (ssize_t)sizeof(o->head))
		_exit(0);
	memcpy(&o->head, order_bytes, sizeof(o->head));
	rest = split(o->argv, rest, o->head.argv_len);
	o->program = split(o->env, rest, o->head.env_len);
	o->cwd = o->program + o->head.program_len;
}

static void set_environment(const struct order *o)
{
	clearenv();
	if (setenv("PATH", PATH, 1) || setenv("HOME", "/", 1) ||
	    (o->head.terminal && setenv("TERM", "linux", 1)))
		fail(errno, "the environment");
	kt_environment_library_path();
	for (char *const *e = o->env; *e; e++)
		if (putenv(*e))
			fail(errno, *e);
}

static _Noreturn void become(struct order *o)
{
	set_environment(o);
	if (o->cwd[0] && chdir(o->cwd))
		fail(errno, o->cwd);
	if (o->head.terminal && kt_terminal_take())
		fail(ENODEV, "the machine's terminal, " KT_TERMINAL);
	if (o->argv[0][0] == ':') {
		int status = kt_builtin_run(o->argv);

		if (status < 0)
			fail(-status, o->argv[0]);
		fflush(NULL);
		_exit(status);
	}
	if (o->program[0])
		execv(o->program, o->argv);
	else
		execvp(o->argv[0], o->argv);
	fail(errno, o->program[0] ? o->program : o->argv[0]);
}

void kt_slot_run(int order_fd, const int fds[3])
{
	static struct order o;
	int copies[4];

	/* Move the descriptors away from the numbers that they get below. */
	for (int i = 0; i < 4; i++)
		copies[i] = fcntl(i < 3 ? fds[i] : order_fd, F_DUPFD_CLOEXEC, 16);
	for (int i = 0; i < 3; i++)
		if (dup2(copies[i], i) < 0)
			_exit(126);
	if (dup3(copies[3], ORDER_FD, O_CLOEXEC) < 0)
		_exit(126);
	close_range(ORDER_FD + 1, UINT_MAX, 0);
	if (chdir("/"))
		_exit(126);
	for (;;) {
		receive(&o);
		if (strcmp(o.argv[0], ":"))
			become(&o);
		answer(0, "");
	}
}
