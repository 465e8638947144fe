/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios whose body runs commands that were staged with --file, one after the
 * other: in an ordinary machine, and in one that can itself run machines. The
 * list is /etc/commands of the guest, one command per line, its fields parted by
 * tabs:
 *
 *   LABEL  SECONDS  STATUS  TRIES  PROGRAM  ARGUMENT...
 *
 * A command passes if one of at most TRIES tries ends with STATUS within SECONDS. The output of
 * each try goes to the host at once, between a line "=== LABEL" and a line "=== LABEL: STATUS
 * after N ms".
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ktest.h>

#define LIST	   "/etc/commands"
#define FIELDS_MAX 64

struct command {
	char *fields[FIELDS_MAX + 1]; /* NULL-terminated */
	const char *label;
	int seconds;
	int status;
	int tries;
	char **argv;
};

static bool parse_command(struct command *c, char *line)
{
	unsigned int n = 0;

	line[strcspn(line, "\n")] = 0;
	for (char *field = strtok(line, "\t"); field && n < FIELDS_MAX; field = strtok(NULL, "\t"))
		c->fields[n++] = field;
	c->fields[n] = NULL;
	if (n < 5)
		return false;
	c->label = c->fields[0];
	c->seconds = atoi(c->fields[1]);
	c->status = atoi(c->fields[2]);
	c->tries = atoi(c->fields[3]);
	c->argv = c->fields + 4;
	return true;
}

static _Noreturn void become(char **argv)
{
	setpgid(0, 0);
	execv(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Whether it ended by itself; *ret_status as of waitpid(2). */
static bool await(pid_t pid, int seconds, int *ret_status)
{
	struct pollfd fd = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	bool ended = poll(&fd, 1, seconds * 1000) == 1;

	if (!ended)
		kill(-pid, SIGKILL);
	waitpid(pid, ret_status, 0);
	close(fd.fd);
	return ended;
}

/* Whether it ended by itself; *ret_exit: its status, or 128 and a signal. */
static bool try_command(struct kt_guest *kg, const struct command *c, int *ret_exit)
{
	uint64_t start = kt_now_ns();
	int status = 0;
	bool ended;
	pid_t pid;

	printf("=== %s\n", c->label);
	pid = fork();
	if (!pid)
		become(c->argv);
	KT_G_EXPECT_MSG(kg, pid > 0, "fork: %s", strerror(errno));
	ended = pid > 0 && await(pid, c->seconds, &status);
	*ret_exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	printf("=== %s: %d after %llu ms\n", c->label, *ret_exit,
	       (unsigned long long)((kt_now_ns() - start) / KT_NSEC_PER_MSEC));
	return ended;
}

static void run_command(struct kt_guest *kg, const struct command *c)
{
	int exit_status = 0;
	bool ended = false;

	for (int i = 0; i < c->tries && !(ended && exit_status == c->status); i++)
		ended = try_command(kg, c, &exit_status);
	if (!ended)
		kt_guest_fail(kg, __FILE__, __LINE__, "'%s' did not end within %d s", c->label,
			      c->seconds);
	else
		KT_G_EXPECT_MSG(kg, exit_status == c->status, "'%s' ended with %d; %d was expected",
				c->label, exit_status, c->status);
}

static void set_environment(void)
{
	static const char *const variables[][2] = {
		{ "HOME", "/tmp" },
		{ "NO_COLOR", "1" },
		{ "PATH", "/usr/bin" },
		{ "KTEST_LIBEXEC", "/opt/ktest" },
		{ "KTEST_KERNEL", "/boot/vmlinux" },
		/* tests/kvm, tests/vm */
		{ "KTEST_TEST_PATIENCE", "6" },
		{ "KTEST_TEST_CYCLES", "5" },
		{ "KTEST_TEST_ACCEL", "kvm" },
		{ "KTEST_TEST_GUEST", "/opt/tests/vm-guest" },
		{ "KTEST_TEST_GUEST_KERNEL", "/opt/tests/guest-kernel" },
	};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		setenv(variables[i][0], variables[i][1], 1);
}

static void run_list(struct kt_guest *kg)
{
	FILE *list = fopen(LIST, "re");
	char line[4096];
	unsigned int n = 0;

	KT_G_ASSERT_MSG(kg, list, "no " LIST ": stage one with --file");
	set_environment();
	for (; fgets(line, sizeof(line), list); n++) {
		struct command c;

		KT_G_ASSERT_MSG(kg, parse_command(&c, line), LIST ": line %u is no command", n + 1);
		run_command(kg, &c);
	}
	fclose(list);
	KT_G_EXPECT_MSG(kg, n > 0, LIST " is empty");
}

KT_GUEST_SCENARIO(commands, "runs the commands that were staged for it",
	.memory = KT_MIB(512), .timeout = KT_SEC(60))
{
	run_list(kg);
}

KT_GUEST_SCENARIO(commands_with_kvm, "the same in a machine that can itself run machines",
	.topo = KT_TOPO("1n1l1c1t"),
	.memory = KT_MIB(1536),
	.nested = true,
	.modules = KT_MODULES("kvm-amd"),
	.timeout = KT_SEC(420))
{
	KT_G_ASSERT_MSG(kg, !access("/dev/kvm", R_OK | W_OK), "no /dev/kvm: %s", strerror(errno));
	run_list(kg);
}
