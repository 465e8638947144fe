/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The QEMU process: its inputs, and the description of its exit. It inherits the far ends of
 * five private socket pairs (monitor, control, console, terminal, stderr), the memory files,
 * and the initramfs or the state, and nothing else. What arrives from QEMU is handled in
 * events.c.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "base/cleanup.h"
#include "base/clock.h"
#include "vmm/qemu/args.h"
#include "vmm/qemu/machine.h"

#define COMMANDS_MAX (64u << 10) /* bytes of QMP commands that wait to be sent */

/* Duration of the measurement of the TSC; reading two clocks has an error of some 100 ns. */
#define TSC_MEASURE_NS (2 * KT_NSEC_PER_MSEC)

/* The far ends of the links, closed here once the child runs. */
struct far_ends {
	int monitor, control, console, terminal, errors;
};

static void far_ends_close(struct far_ends *far)
{
	kt_closep(&far->monitor);
	kt_closep(&far->control);
	kt_closep(&far->console);
	kt_closep(&far->terminal);
	kt_closep(&far->errors);
}

/* Keeps the far ends, because a rewind drops bytes that the guest has not received. */
static int keep_far_ends(struct kt_qemu *qemu, const struct far_ends *far)
{
	if (!qemu->vm.ram.private && !qemu->blank)
		return 0;
	KT_TRY(kt_link_keep_far(&qemu->control, far->control));
	return kt_forward(kt_link_keep_far(&qemu->terminal, far->terminal));
}

static int make_links(struct kt_qemu *qemu, struct far_ends *far)
{
	struct kt_loop *loop = qemu->vm.loop;

	KT_TRY(kt_link_init(&qemu->monitor, loop, COMMANDS_MAX, &kt_qemu_monitor_handlers, qemu,
			    &far->monitor));
	KT_TRY(kt_link_init(&qemu->control, loop, KT_VM_SEND_MAX, &kt_qemu_control_handlers, qemu,
			    &far->control));
	KT_TRY(kt_link_init(&qemu->console, loop, 0, &kt_qemu_console_handlers, qemu,
			    &far->console));
	KT_TRY(kt_link_init(&qemu->terminal, loop, KT_VM_SEND_MAX, &kt_qemu_terminal_handlers, qemu,
			    &far->terminal));
	return kt_forward(
		kt_link_init(&qemu->errors, loop, 0, &kt_qemu_errors_handlers, qemu, &far->errors));
}

static int run_program(struct kt_qemu *qemu, const struct far_ends *far, char *const *argv)
{
	int keep[KT_NODES_MAX + 6];
	struct kt_process_spec spec = {
		.argv = (const char *const *)argv,
		.stdin_fd = -1,
		.stdout_fd = far->errors,
		.stderr_fd = far->errors,
		.keep_fds = keep,
		.no_new_privs = true,
		.new_group = true,
	};

	keep[spec.keep_fd_count++] = far->monitor;
	keep[spec.keep_fd_count++] = far->control;
	keep[spec.keep_fd_count++] = far->console;
	keep[spec.keep_fd_count++] = far->terminal;
	if (qemu->vm.bake)
		keep[spec.keep_fd_count++] = qemu->state_fd;
	else if (qemu->vm.config.initrd_fd >= 0 && !qemu->blank)
		keep[spec.keep_fd_count++] = qemu->vm.config.initrd_fd;
	for (unsigned int i = 0; i < qemu->vm.ram.nodes; i++)
		keep[spec.keep_fd_count++] = qemu->vm.ram.fds[i];
	return kt_forward(kt_process_spawn(&qemu->process, &spec));
}

#ifdef __x86_64__
/* A moment on two clocks. */
struct moment {
	uint64_t ns, ticks;
};

/* The closest of 8 tries: a try may be interrupted between the clocks. */
static struct moment now_on_both(void)
{
	uint64_t before, after, ns, best = UINT64_MAX;
	struct moment moment = { 0 };

	for (int i = 0; i < 8; i++) {
		before = __rdtsc();
		ns = kt_now_ns();
		after = __rdtsc();
		if (after - before < best) {
			best = after - before;
			moment = (struct moment){ .ns = ns, .ticks = before + best / 2 };
		}
	}
	return moment;
}

/* Accurate to some 50 ppm; the guest refines it later. */
uint32_t kt_qemu_tsc_khz(void)
{
	struct moment from = now_on_both(), to;
	uint64_t khz;

	do
		to = now_on_both();
	while (to.ns - from.ns < TSC_MEASURE_NS);
	khz = (to.ticks - from.ticks) * 1000000 / (to.ns - from.ns);
	return khz <= UINT32_MAX ? (uint32_t)khz : 0;
}
#else
uint32_t kt_qemu_tsc_khz(void)
{
	return 0;
}
#endif

static int start_program(struct kt_qemu *qemu, const struct far_ends *far)
{
	_cleanup_(kt_qemu_args_deinit) struct kt_qemu_args args = KT_QEMU_ARGS_INIT;
	const struct kt_qemu_given given = {
		.qmp = far->monitor,
		.control = far->control,
		.console = far->console,
		.terminal = far->terminal,
		.initrd = qemu->vm.config.initrd_fd,
		.ram = qemu->vm.ram.fds,
		.incoming = qemu->vm.bake || qemu->blank,
		.blank = qemu->blank,
		.private_ram = qemu->vm.ram.private,
		.tsc_khz = qemu->vm.bake || qemu->blank ? 0 : kt_qemu_tsc_khz(),
	};

	KT_TRY(kt_qemu_args_build(&args, &qemu->vm.config, &given));
	return kt_forward(run_program(qemu, far, args.argv));
}

/* Returns 0, KT_PROCESS_E_NONE or a negative errno. */
static int spawn(struct kt_qemu *qemu)
{
	_cleanup_(far_ends_close) struct far_ends far = { -1, -1, -1, -1, -1 };

	KT_TRY(make_links(qemu, &far));
	KT_TRY(keep_far_ends(qemu, &far));
	KT_TRY(start_program(qemu, &far));
	return kt_forward(kt_loop_add_io(qemu->vm.loop, &qemu->child_exit, qemu->process.pidfd,
					 POLLIN, kt_qemu_on_child_exit, qemu));
}

int kt_qemu_spawn(struct kt_qemu *qemu, struct kt_diag *diag)
{
	int r = spawn(qemu);

	if (!r)
		return 0;
	kt_diag_doing(diag, "start %s", KT_QEMU_PROGRAM);
	if (r != KT_PROCESS_E_NONE) {
		kt_diag_cause(diag, "%s", strerror(-r));
		return kt_forward(r);
	}
	kt_diag_cause(diag, "no such program in $PATH");
	kt_diag_remedy(diag, "install QEMU (Debian: apt-get install qemu-system-x86)");
	return KT_VM_E_CANNOT;
}

/*
 * Copies the end of QEMU's stderr to buf, at most size - 1 bytes: on one line, printable, and
 * without QEMU's name at the start of each line.
 */
static void last_words(const struct kt_buf *text, char *buf, size_t size)
{
	static const char prefix[] = KT_QEMU_PROGRAM ": ";
	size_t len = 0, skip = text->len > size - 1 ? text->len - (size - 1) : 0;
	const char *p = (const char *)text->data + skip;
	size_t left = text->len - skip;

	while (left) {
		if (left > sizeof(prefix) - 1 && !memcmp(p, prefix, sizeof(prefix) - 1)) {
			p += sizeof(prefix) - 1;
			left -= sizeof(prefix) - 1;
			continue;
		}
		buf[len++] = *p >= ' ' && *p <= '~' ? *p : ' ';
		p++;
		left--;
	}
	while (len && buf[len - 1] == ' ')
		len--;
	buf[len] = '\0';
}

void kt_qemu_describe_exit(const struct kt_qemu *qemu, int status, struct kt_diag *diag)
{
	char words[512];

	last_words(&qemu->error_text, words, sizeof(words));
	kt_diag_doing(diag, "run the machine");
	if (WIFSIGNALED(status))
		kt_diag_cause(diag, "QEMU was killed by signal %d (%s)%s%s", WTERMSIG(status),
			      strsignal(WTERMSIG(status)), words[0] ? ": " : "", words);
	else
		kt_diag_cause(diag, "QEMU ended with status %d%s%s", WEXITSTATUS(status),
			      words[0] ? ": " : " and wrote no message", words);
}
