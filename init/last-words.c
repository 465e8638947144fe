/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of PID 1; see last-words.h. A power-off may end the machine with bytes left in its
 * devices. The host therefore sends STOP when it has the last message, and the guest waits up to
 * RELEASE_NS for STOP before it powers off.
 *
 * The signal handler uses only system calls and memory reserved beforehand.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/last-words.h"
#include "proto/console-line.h"

#define RELEASE_NS KT_NSEC_PER_SEC

static struct kt_pid1 *the_pid1;
static struct kt_buf fatal_payload, fatal_frame; /* of reserved size */
static char signal_stack[32u << 10];

static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };

/* Without ACPI the kernel would halt instead of powering off: reset the machine then. */
static _Noreturn void power_off(void)
{
	for (;;) {
		if (!access("/sys/firmware/acpi", F_OK))
			reboot(RB_POWER_OFF);
		reboot(RB_AUTOBOOT);
	}
}

/* Writes one line to the console and waits until the serial port has sent it. */
static void say(const char *line, size_t len)
{
	_cleanup_(kt_closep) int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	while (len) {
		ssize_t n = write(fd, line, len);

		if (n <= 0)
			return;
		line += n;
		len -= (size_t)n;
	}
	tcdrain(fd);
}

/* ---- deliberate ends ---- */

static void await_release(struct kt_pid1 *pid1)
{
	struct kt_channel *ch = &pid1->channel;
	uint64_t deadline = kt_now_ns() + RELEASE_NS;
	struct pollfd pfd = { .fd = ch->fd, .events = POLLIN };
	const char *text;
	struct kt_msg msg;

	while (kt_now_ns() < deadline) {
		struct timespec tick = { .tv_nsec = (long)kt_channel_tick_ns(ch) };
		int r = kt_channel_flush(ch);

		if (!r)
			r = kt_channel_receive(ch);
		if (r && r != KT_CHANNEL_E_MORE)
			return;
		while (!kt_channel_next(ch, &msg, &text))
			if (msg.type == KT_MSG_STOP)
				return;
		if (!kt_channel_pending(ch) && !ch->counted)
			tick.tv_nsec = 50 * KT_NSEC_PER_MSEC;
		if (ppoll(&pfd, 1, &tick, NULL) < 0 && errno != EINTR)
			return;
	}
}

_Noreturn void kt_init_finish(struct kt_pid1 *pid1)
{
	/* Without a job the host waits for no message. */
	if (pid1->has_job)
		await_release(pid1);
	power_off();
}

_Noreturn void kt_init_fail(struct kt_pid1 *pid1, const char *doing, const char *cause, ...)
{
	struct kt_msg msg = { .type = KT_MSG_FAILED };
	char line[sizeof(msg.failed) + sizeof(KT_CONSOLE_FAILED) + 8];
	va_list ap;
	int n;

	snprintf(msg.failed.doing, sizeof(msg.failed.doing), "%s", doing);
	va_start(ap, cause);
	vsnprintf(msg.failed.cause, sizeof(msg.failed.cause), cause, ap);
	va_end(ap);

	n = snprintf(line, sizeof(line), "\n" KT_CONSOLE_FAILED "%s: %s\n", msg.failed.doing,
		     msg.failed.cause);
	say(line, (size_t)n);
	if (pid1->channel.fd >= 0 && !kt_channel_send(&pid1->channel, &msg))
		await_release(pid1);
	power_off();
}

/* ---- fatal signals ---- */

static size_t append_text(char *buf, size_t at, size_t size, const char *s)
{
	while (*s && at < size)
		buf[at++] = *s++;
	return at;
}

static size_t append_hex(char *buf, size_t at, size_t size, uint64_t v)
{
	at = append_text(buf, at, size, "0x");
	for (int shift = 60; shift >= 0 && at < size; shift -= 4)
		if (v >> shift || !shift)
			buf[at++] = "0123456789abcdef"[v >> shift & 15];
	return at;
}

static void say_signal(int sig, uint64_t address, uint64_t ip)
{
	const char *abbrev = sigabbrev_np(sig);
	char line[160];
	size_t at = append_text(line, 0, sizeof(line), "\n" KT_CONSOLE_FAILED "run init: SIG");

	at = append_text(line, at, sizeof(line), abbrev ? abbrev : "?");
	at = append_text(line, at, sizeof(line), " at address ");
	at = append_hex(line, at, sizeof(line), address);
	at = append_text(line, at, sizeof(line), ", ip ");
	at = append_hex(line, at, sizeof(line), ip);
	at = append_text(line, at, sizeof(line), "\n");
	say(line, at);
}

/* Blocks, and does not touch the event loop, which may be what broke. */
static void write_out(int fd, const uint8_t *data, size_t len)
{
	struct timespec tick = { .tv_nsec = KT_CHANNEL_TICK_NS };

	for (int turn = 0; len && turn < 1000; turn++) {
		ssize_t n = write(fd, data, len);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else {
			ppoll(NULL, 0, &tick, NULL);
		}
	}
}

static void send_fatal(int sig, int code, uint64_t address, uint64_t ip)
{
	struct kt_channel *ch = &the_pid1->channel;
	struct pollfd pfd = { .fd = ch->fd, .events = POLLIN };
	struct kt_msg msg = { .type = KT_MSG_FATAL };

	if (ch->fd < 0)
		return;
	msg.fatal.signal = (uint32_t)sig;
	msg.fatal.code = (uint32_t)code;
	msg.fatal.address = address;
	msg.fatal.ip = ip;
	if (kt_msg_encode(&fatal_payload, &msg) ||
	    kt_frame_encode(&fatal_frame, msg.type, ch->seq, fatal_payload.data, fatal_payload.len))
		return;
	if (ch->out.data && ch->out.len > ch->out_pos)
		write_out(ch->fd, ch->out.data + ch->out_pos, ch->out.len - ch->out_pos);
	write_out(ch->fd, fatal_frame.data, fatal_frame.len);
	poll(&pfd, 1, (int)(RELEASE_NS / KT_NSEC_PER_MSEC));
}

static void on_fatal(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	uint64_t ip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	/* si_addr is valid only if the kernel raised the signal. */
	uint64_t address = info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0;

	say_signal(sig, address, ip);
	send_fatal(sig, info->si_code, address, ip);
	power_off();
}

int kt_last_words_init(struct kt_pid1 *pid1)
{
	const stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	/* A second fault, in the handler, ends PID 1, and the kernel panics. */
	struct sigaction sa = { .sa_sigaction = on_fatal,
				.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND };

	the_pid1 = pid1;
	KT_TRY(kt_buf_reserve(&fatal_payload, 128));
	KT_TRY(kt_buf_reserve(&fatal_frame, 256));
	sigfillset(&sa.sa_mask);
	if (sigaltstack(&stack, NULL))
		return kt_raise(-errno);
	for (size_t i = 0; i < KT_ARRAY_SIZE(fatal_signals); i++)
		if (sigaction(fatal_signals[i], &sa, NULL))
			return kt_raise(-errno);
	return 0;
}
