/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child processes; see process.h.
 *
 * fork(2), then only calls in the child that are safe whatever other threads were doing:
 * system calls and exec. (glibc's execvp() searches PATH on the stack, without memory from
 * the heap and without locks.) A pipe that exec closes carries the errno of a failure to
 * the parent, so that kt_process_spawn() reports a missing program. All descriptors of
 * ktest are O_CLOEXEC; the child clears the flag of kept descriptors.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"

static int give_stdio(const struct kt_process_spec *spec)
{
	const int wanted[3] = { spec->stdin_fd, spec->stdout_fd, spec->stderr_fd };
	int moved[3];

	/* First to numbers above 2, so that no dup2() overwrites a later source. */
	for (int i = 0; i < 3; i++) {
		int fd = wanted[i];

		if (fd < 0)
			fd = open("/dev/null", (i ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
		moved[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (moved[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(moved[i], i) < 0)
			return -errno;
	return 0;
}

static int keep_descriptors(const struct kt_process_spec *spec)
{
	for (unsigned int i = 0; i < spec->keep_fd_count; i++) {
		int flags = fcntl(spec->keep_fds[i], F_GETFD);

		if (flags < 0 || fcntl(spec->keep_fds[i], F_SETFD, flags & ~FD_CLOEXEC))
			return -errno;
	}
	return 0;
}

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The child's half. Returns only on failure, as kt_process_spawn() does. */
static int become(const struct kt_process_spec *spec, pid_t parent)
{
	int r;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	if (getppid() != parent) /* the parent died before prctl(2) */
		return -ESRCH;
	if (spec->new_group && setpgid(0, 0))
		return -errno;
	if (spec->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (spec->cwd && chdir(spec->cwd))
		return -errno;
	r = give_stdio(spec);
	if (!r)
		r = keep_descriptors(spec);
	if (r)
		return r;
	reset_signals();
	execvp(spec->argv[0], (char *const *)(uintptr_t)spec->argv);
	return errno == ENOENT ? KT_PROCESS_E_NONE : -errno;
}

static _Noreturn void run_child(const struct kt_process_spec *spec, pid_t parent, int status_fd)
{
	int high = fcntl(status_fd, F_DUPFD_CLOEXEC, 3), r;
	ssize_t ignored;

	r = high < 0 ? -errno : become(spec, parent);
	ignored = write(high < 0 ? status_fd : high, &r, sizeof(r));
	(void)ignored;
	_exit(127);
}

/* The result of the child's execve(2): 0 or the result of become(). */
static int read_exec_status(int fd)
{
	int r = 0;
	ssize_t n = TEMP_FAILURE_RETRY(read(fd, &r, sizeof(r)));

	if (n < 0)
		return -errno;
	return n == sizeof(r) ? r : 0;
}

int kt_process_spawn(struct kt_process *ret_process, const struct kt_process_spec *spec)
{
	struct kt_process child = KT_PROCESS_INIT;
	pid_t parent = getpid();
	int status[2], r;

	if (!spec->argv || !spec->argv[0])
		return kt_raise(-EINVAL);
	if (pipe2(status, O_CLOEXEC))
		return kt_raise(-errno);
	child.pid = fork();
	if (!child.pid)
		run_child(spec, parent, status[1]);
	r = child.pid < 0 ? -errno : 0;
	close(status[1]);
	if (!r)
		r = read_exec_status(status[0]);
	close(status[0]);
	if (!r) {
		child.pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
		if (child.pidfd < 0)
			r = -errno;
	}
	if (r) {
		if (child.pid > 0)
			kt_process_kill(&child);
		return r > 0 ? kt_forward(r) : kt_raise(r);
	}
	*ret_process = child;
	return 0;
}

int kt_process_wait(struct kt_process *process, int *ret_status)
{
	int status;

	if (process->pid <= 0)
		return kt_raise(-ECHILD);
	if (TEMP_FAILURE_RETRY(waitpid(process->pid, &status, 0)) < 0)
		return kt_raise(-errno);
	kt_closep(&process->pidfd);
	process->pid = 0;
	*ret_status = status;
	return 0;
}

void kt_process_kill(struct kt_process *process)
{
	if (process->pid > 0) {
		kill(process->pid, SIGKILL);
		TEMP_FAILURE_RETRY(waitpid(process->pid, NULL, 0));
	}
	kt_closep(&process->pidfd);
	process->pid = 0;
}

/* ---- memory of another process ---- */

int kt_process_batch_add(struct kt_process_batch *batch, uint64_t address, void *to, size_t len,
			 bool *ret_read)
{
	*ret_read = false;
	batch->local[batch->count] = (struct iovec){ to, len };
	batch->remote[batch->count] = (struct iovec){ (void *)(uintptr_t)address, len };
	batch->read[batch->count++] = ret_read;
	return batch->count == KT_PROCESS_BATCH ? kt_forward(kt_process_batch_read(batch)) : 0;
}

/* The call ends early at memory that the process does not have; that range is left out. */
int kt_process_batch_read(struct kt_process_batch *batch)
{
	size_t done = 0;

	while (done < batch->count) {
		size_t left = batch->count - done;
		ssize_t n = process_vm_readv(batch->pid, batch->local + done, left,
					     batch->remote + done, left, 0);

		if (n < 0 && errno != EFAULT)
			return kt_raise(-errno);
		for (; done < batch->count && n >= (ssize_t)batch->local[done].iov_len; done++) {
			n -= (ssize_t)batch->local[done].iov_len;
			*batch->read[done] = true;
		}
		done += done < batch->count;
	}
	batch->count = 0;
	return 0;
}
