/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts staged programs; see spawn.h. The child inherits a pipe that execve() closes: end of
 * file means success, an errno in the pipe means failure, and an empty pipe means that the child
 * has not been scheduled yet. Waiting, output and the end of the program are left to the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "ops/guest/spawn.h"
#include "proto/staging.h"

#define ARGV_BYTES_MAX	  (64u << 10)
#define LIBRARY_PATH_MAX  4096
#define LIBRARY_PATH_NAME "LD_LIBRARY_PATH="

/* The arguments of execve(); static, because there is one spawn at a time. */
static struct program {
	char path[KT_SPAWN_PATH_MAX];
	char argv_bytes[ARGV_BYTES_MAX + 1];
	char *argv[KT_ARGS_MAX + 2];
	char library_path[sizeof(LIBRARY_PATH_NAME) + LIBRARY_PATH_MAX];
} program;

/* Reads a whole file of less than `size` bytes. Returns its length, or -1 with errno. */
static ssize_t read_small(const char *dir, const char *name, char *buf, size_t size)
{
	_cleanup_(kt_closep) int fd = -1;
	char path[256];
	size_t len = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while ((n = read(fd, buf + len, size - len)) > 0) {
		len += (size_t)n;
		if (len == size) {
			errno = E2BIG;
			return -1;
		}
	}
	buf[len] = 0;
	return n < 0 ? -1 : (ssize_t)len;
}

int kt_spawn_find(const char *dir, char path[KT_SPAWN_PATH_MAX], char *text, size_t size)
{
	char file[KT_NAME_MAX];
	ssize_t len = read_small(dir, KT_STAGING_PROGRAM, file, sizeof(file));

	if (len >= 0 && kt_staging_is_file(file) &&
	    snprintf(path, KT_SPAWN_PATH_MAX, "%s/" KT_STAGING_BIN "/%s", dir, file) <
		    KT_SPAWN_PATH_MAX)
		return 0;
	snprintf(text, size, "%s/" KT_STAGING_PROGRAM ": %s", dir,
		 len < 0 ? strerror(errno) : "not the name of a program");
	return KT_SPAWN_E_FAILED;
}

static bool split_argv(struct program *p, size_t len)
{
	size_t n = 0;

	for (size_t at = 0; at < len; at += strlen(p->argv_bytes + at) + 1) {
		if (n == KT_ARGS_MAX + 1)
			return false;
		p->argv[n++] = p->argv_bytes + at;
	}
	p->argv[n] = NULL;
	return n > 0;
}

static int load_program(struct program *p, const char *dir, char *text, size_t size)
{
	char *libs = p->library_path + strlen(LIBRARY_PATH_NAME);
	ssize_t len;

	KT_TRY(kt_spawn_find(dir, p->path, text, size));
	len = read_small(dir, KT_STAGING_ARGV, p->argv_bytes, sizeof(p->argv_bytes));
	if (len < 0 || !split_argv(p, (size_t)len)) {
		snprintf(text, size, "%s/%s: %s", dir, KT_STAGING_ARGV,
			 len < 0 ? strerror(errno) : "not a list of arguments");
		return KT_SPAWN_E_FAILED;
	}
	strcpy(p->library_path, LIBRARY_PATH_NAME);
	len = read_small(dir, KT_STAGING_LIBRARY_PATH, libs, LIBRARY_PATH_MAX);
	if (len <= 0)
		p->library_path[0] = 0;
	return 0;
}

static const char *exec_error(const struct program *p, int error)
{
	if (error == ENOENT && !access(p->path, F_OK))
		return "the interpreter it names is not there";
	if (error == ENOEXEC)
		return "it is not a program that this kernel can run";
	return strerror(error);
}

/* In the child: becomes the program, or writes errno to error_fd. */
static _Noreturn void become(struct program *p, int out_fd, int err_fd, int error_fd)
{
	char *envp[] = { (char[]){ "PATH=/bin:/sbin:/usr/bin:/usr/sbin" }, (char[]){ "HOME=/" },
			 p->library_path[0] ? p->library_path : NULL, NULL };
	int null_fd = open("/dev/null", O_RDONLY);
	int error;

	if (null_fd >= 0 && dup2(null_fd, 0) >= 0 && dup2(out_fd, 1) >= 0 && dup2(err_fd, 2) >= 0) {
		if (null_fd > 2)
			close(null_fd);
		execve(p->path, p->argv, envp);
	}
	error = errno;
	if (write(error_fd, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

struct pipe_pair {
	int ends[2];
};

#define PIPE_PAIR_NONE ((struct pipe_pair){ { -1, -1 } })

static void close_pair(struct pipe_pair *p)
{
	kt_closep(&p->ends[0]);
	kt_closep(&p->ends[1]);
}

void kt_spawn_close(struct kt_spawn *spawn)
{
	kt_closep(&spawn->out_fds[0]);
	kt_closep(&spawn->out_fds[1]);
	kt_closep(&spawn->sync_fd);
}

int kt_spawn_begin(struct kt_spawn *ret_spawn, struct kt_pid1 *pid1,
		   const struct kt_spawn_spec *spec, char *text, size_t size)
{
	_cleanup_(close_pair) struct pipe_pair out = PIPE_PAIR_NONE;
	_cleanup_(close_pair) struct pipe_pair err = PIPE_PAIR_NONE;
	_cleanup_(close_pair) struct pipe_pair sync = PIPE_PAIR_NONE;
	pid_t pid;
	int r;

	r = load_program(&program, spec->dir, text, size);
	if (r)
		return r;
	if (pipe2(out.ends, O_CLOEXEC) || pipe2(sync.ends, O_CLOEXEC) ||
	    fcntl(out.ends[0], F_SETFL, O_NONBLOCK))
		return kt_raise(-errno);
	if (!spec->one_output &&
	    (pipe2(err.ends, O_CLOEXEC) || fcntl(err.ends[0], F_SETFL, O_NONBLOCK)))
		return kt_raise(-errno);
	pid = kt_pid1_fork_into(pid1, spec->cgroup_fd, spec->on_exit, spec->arg);
	if (pid < 0)
		return kt_raise(-errno);
	if (!pid)
		become(&program, out.ends[1], spec->one_output ? out.ends[1] : err.ends[1],
		       sync.ends[1]);
	*ret_spawn = (struct kt_spawn){ pid,
					{ kt_steal_fd(&out.ends[0]), kt_steal_fd(&err.ends[0]) },
					kt_steal_fd(&sync.ends[0]) };
	return 0;
}

/* execve() closes the child's end of the pipe, which no other process has. */
int kt_spawn_result(const struct kt_spawn *spawn, char *text, size_t size)
{
	int error = 0;
	ssize_t n = read(spawn->sync_fd, &error, sizeof(error));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return KT_SPAWN_E_AGAIN;
	if (n != sizeof(error))
		return 0;
	snprintf(text, size, "%s: %s", program.path, exec_error(&program, error));
	return KT_SPAWN_E_FAILED;
}

int kt_spawn_staged(struct kt_spawn *ret_spawn, struct kt_pid1 *pid1,
		    const struct kt_spawn_spec *spec, char *text, size_t size)
{
	int r;

	KT_TRY(kt_spawn_begin(ret_spawn, pid1, spec, text, size));
	do
		r = kt_spawn_result(ret_spawn, text, size);
	while (r == KT_SPAWN_E_AGAIN);
	kt_closep(&ret_spawn->sync_fd);
	if (r)
		kt_spawn_close(ret_spawn);
	return r;
}

/* ---- the end of a program's output ---- */

void kt_tail_keep(struct kt_tail *tail, const char *data, size_t len)
{
	size_t keep;

	if (len > KT_TAIL_MAX) {
		data += len - KT_TAIL_MAX;
		len = KT_TAIL_MAX;
	}
	keep = KT_MIN(tail->len, KT_TAIL_MAX - len);
	memmove(tail->text, tail->text + tail->len - keep, keep);
	for (size_t i = 0; i < len; i++)
		tail->text[keep + i] = data[i] ? data[i] : '?';
	tail->len = keep + len;
	tail->text[tail->len] = 0;
}

/* A loader's EXIT line says enough: the dump after it may be long. */
void kt_tail_append(const struct kt_tail *tail, char *text)
{
	const char *told = tail->text + (tail->len > KT_TAIL_TOLD ? tail->len - KT_TAIL_TOLD : 0);
	const char *end = strstr(tail->text, "\nEXIT: ");
	size_t len = strlen(text);

	if (tail->len)
		snprintf(text + len, KT_TEXT_MAX - len, "; its output ends: %s",
			 end ? end + 1 : told);
	else
		snprintf(text + len, KT_TEXT_MAX - len, "; it printed nothing");
	/* Newlines at the end of the output are not part of the message. */
	for (len = strlen(text); len && text[len - 1] == '\n'; len--)
		text[len - 1] = 0;
}
