/* SPDX-License-Identifier: GPL-2.0-only */
/* Child processes: inheritance, end, and death with the parent. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/process.h"
#include "tests/unit/test.h"

#define SPEC(args)                                                               \
	(struct kt_process_spec)                                                 \
	{                                                                        \
		.argv = (args), .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 \
	}

static void read_all(int fd, struct kt_buf *out)
{
	char chunk[256];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		assert_int_equal(kt_buf_append(out, chunk, (size_t)n), 0);
	assert_int_equal(n, 0);
}

/* Runs a shell script to its end; out: stdout of the script. */
static int run_script(const char *script, struct kt_process_spec *spec, struct kt_buf *out)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct kt_process process;
	int pipe_fds[2], status;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	spec->argv = argv;
	spec->stdout_fd = pipe_fds[1];
	assert_int_equal(kt_process_spawn(&process, spec), 0);
	close(pipe_fds[1]);
	read_all(pipe_fds[0], out);
	close(pipe_fds[0]);
	assert_int_equal(kt_process_wait(&process, &status), 0);
	assert_int_equal(process.pid, 0);
	assert_int_equal(process.pidfd, -1);
	return status;
}

TEST(test_output_and_status)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	struct kt_process_spec spec = SPEC(NULL);
	int status;

	spec.cwd = "/";
	status = run_script("pwd; cat; exit 7", &spec, &out);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_string_equal(kt_buf_str(&out), "/\n");
}

TEST(test_exec_failure_is_the_spawns)
{
	const char *const absent[] = { "no-such-program-of-ktest", NULL };
	const char *const folder[] = { "/", NULL };
	const char *const ok[] = { "true", NULL };
	struct kt_process process = KT_PROCESS_INIT;
	struct kt_process_spec spec = SPEC(absent);

	assert_int_equal(kt_process_spawn(&process, &spec), KT_PROCESS_E_NONE);
	spec.argv = folder;
	assert_int_equal(kt_process_spawn(&process, &spec), -EACCES);
	spec.argv = ok;
	spec.cwd = "/no/such/folder";
	assert_int_equal(kt_process_spawn(&process, &spec), -ENOENT);
	assert_int_equal(process.pid, 0);
	/* No child is left to be reaped. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(test_only_kept_descriptors_are_inherited)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	_cleanup_(kt_closep) int kept = fcntl(0, F_DUPFD_CLOEXEC, 50);
	_cleanup_(kt_closep) int hidden = fcntl(0, F_DUPFD_CLOEXEC, 60);
	struct kt_process_spec spec = SPEC(NULL);

	spec.keep_fds = &kept;
	spec.keep_fd_count = 1;
	run_script("for f in 0 1 2 3 4 5 6 7 8 50 60; do "
		   "[ -e /proc/self/fd/$f ] && echo $f; done; true",
		   &spec, &out);
	assert_int_equal(kept, 50);
	assert_int_equal(hidden, 60);
	assert_string_equal(kt_buf_str(&out), "0\n1\n2\n50\n");
	/* The parent keeps FD_CLOEXEC. */
	assert_int_equal(fcntl(kept, F_GETFD), FD_CLOEXEC);
}

TEST(test_no_new_privs_group_and_signals)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	struct kt_process_spec spec = SPEC(NULL);
	sigset_t blocked, old;

	spec.no_new_privs = true;
	spec.new_group = true;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	signal(SIGUSR2, SIG_IGN);
	run_script("grep -E '^(NoNewPrivs|SigBlk|SigIgn)' /proc/self/status;"
		   "set -- $(cat /proc/self/stat); [ $5 = $$ ] && echo own group",
		   &spec, &out);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_string_equal(kt_buf_str(&out),
			    "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
			    "NoNewPrivs:\t1\nown group\n");
}

TEST(test_pidfd_tells_of_the_end)
{
	const char *const argv[] = { "true", NULL };
	struct kt_process_spec spec = SPEC(argv);
	struct kt_process process;
	struct pollfd pfd = { .events = POLLIN };
	int status;

	assert_int_equal(kt_process_spawn(&process, &spec), 0);
	pfd.fd = process.pidfd;
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(kt_process_wait(&process, &status), 0);
	assert_int_equal(status, 0);
	assert_int_equal(kt_process_wait(&process, &status), -ECHILD);
	kt_process_kill(&process);
}

TEST(test_kill_reaps)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	struct kt_process_spec spec = SPEC(argv);
	struct kt_process process;
	pid_t pid;

	assert_int_equal(kt_process_spawn(&process, &spec), 0);
	pid = process.pid;
	kt_process_kill(&process);
	assert_int_equal(process.pid, 0);
	assert_int_equal(kill(pid, 0), -1);
	kt_process_kill(&process);
}

/* A killed parent takes its child along: the child's end of the pipe closes. */
TEST(test_child_dies_with_its_parent)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	struct kt_process_spec spec = SPEC(argv);
	struct pollfd pfd = { .events = POLLIN };
	struct kt_process process;
	int pipe_fds[2];
	pid_t parent;
	char c;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	parent = fork();
	if (!parent) {
		spec.stdout_fd = pipe_fds[1];
		if (!kt_process_spawn(&process, &spec))
			raise(SIGKILL);
		_exit(1);
	}
	close(pipe_fds[1]);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	pfd.fd = pipe_fds[0];
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(read(pipe_fds[0], &c, 1), 0);
	close(pipe_fds[0]);
}
