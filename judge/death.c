/* SPDX-License-Identifier: GPL-2.0-only */
/* Deaths of schedulers; see death.h. What follows from a death is left to verdict.c. */
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "judge/death.h"

#define WORDS_MAX 240 /* bytes of a loader's last words that are shown */

bool kt_death_is(const struct kt_run_record *rec, const struct kt_sched_record *s)
{
	if (!s->generation)
		return false;
	return s->died || (rec->live == s->generation && !s->ended &&
			   kt_run_record_exit(rec, s).kind >= KT_SCX_ERROR);
}

/* Whether the kernel ended the scheduler for a reason of its own. */
static bool is_the_kernels(enum kt_scx_exit kind)
{
	return kind != KT_SCX_NONE && kind != KT_SCX_DONE && kind != KT_SCX_UNREG;
}

/* ---- texts ---- */

char *kt_death_status(uint32_t status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "exit status %d", WEXITSTATUS(status));
	return buf;
}

static void append(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + len, size - len, fmt, ap);
	va_end(ap);
}

/* Where the line that ends at `end` begins; empty lines are skipped: *end is moved. */
static const char *line_before(const char *text, const char **end)
{
	const char *start;

	while (*end > text && ((*end)[-1] == '\n' || (*end)[-1] == '\r'))
		--*end;
	for (start = *end; start > text && start[-1] != '\n'; start--)
		;
	return start;
}

/*
 * The last words of a loader: its last line of output, without the hint that Rust adds to a
 * panic. A panic has two lines, the place and the message. "" if it printed nothing.
 */
static void last_words(const struct kt_sched_record *s, char words[WORDS_MAX])
{
	static const char hint[] = "note: run with `RUST_BACKTRACE", panicked[] = " panicked at ";
	const char *end = s->tail + strlen(s->tail), *before, *line = line_before(s->tail, &end);
	size_t n = 0;

	if (!strncmp(line, hint, sizeof(hint) - 1) && line > s->tail) {
		end = line;
		line = line_before(s->tail, &end);
	}
	before = line;
	if (line > s->tail) {
		const char *place = line_before(s->tail, &before);
		const char *at = strstr(place, panicked);

		line = at && at < before ? place : line;
	}
	for (; line < end && n < WORDS_MAX - 1; line++)
		words[n++] = *line == '\n' ? ' ' : *line;
	words[n] = 0;
}

/* How the loader ended the scheduler. */
static void describe_loader(char *buf, size_t size, const struct kt_sched_record *s)
{
	char words[WORDS_MAX];

	kt_death_status(s->status, buf, size);
	if (s->end == KT_SCHED_END_LIVES)
		snprintf(buf, size, "the loader lives, its scheduler is no longer attached");
	else if (s->end == KT_SCHED_END_FORKED)
		append(buf, size,
		       " of the loader, while the kernel ran its scheduler on: it forked"
		       " away, and a loader must stay in the foreground");
	last_words(s, words);
	if (words[0])
		append(buf, size, ": '%s'", words);
}

char *kt_death_describe(const struct kt_run_record *rec, const struct kt_sched_record *s, char *buf,
			size_t size)
{
	const struct kt_scx_exit_info exit = kt_run_record_exit(rec, s);
	char how[KT_TEXT_MAX];

	if (is_the_kernels(exit.kind))
		kt_scx_exit_format(&exit, how, sizeof(how));
	else
		describe_loader(how, sizeof(how), s);
	snprintf(buf, size, "scheduler '%s' (generation %u) died unexpectedly", s->name,
		 s->generation);
	if (s->ended)
		append(buf, size, ", %.1f s after it attached",
		       (double)(s->ended_ns - s->attached_ns) / 1e9);
	append(buf, size, ": %s", how);
	return buf;
}

/* ---- expected deaths ---- */

char *kt_death_expected(const struct kt_expected_death *expected, bool with_message, char *buf,
			size_t size)
{
	const char *message = expected->message ?: expected->regex;
	uint32_t status = expected->signal ? (uint32_t)expected->signal :
					     W_EXITCODE((uint32_t)expected->status, 0);

	buf[0] = 0;
	if (expected->kind)
		append(buf, size, "%s", kt_scx_exit_name(expected->kind));
	if (expected->kind && (expected->has_status || expected->signal))
		append(buf, size, " and ");
	if (expected->has_status || expected->signal)
		kt_death_status(status, buf + strlen(buf), size - strlen(buf));
	if (with_message && message)
		append(buf, size, " with message '%s'", message);
	return buf;
}

static bool has_match(const char *pattern, const char *text)
{
	regex_t regex;
	bool found;

	/* Cannot fail: the check of the scenario has compiled the pattern. */
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	found = !regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	return found;
}

/* The part of the loader's end that differs. A loader that lives has none. */
static const char *difference_of_loader(const struct kt_expected_death *expected,
					const struct kt_sched_record *s)
{
	bool ended = s->ended && s->end != KT_SCHED_END_LIVES;

	if (expected->has_status &&
	    (!ended || !WIFEXITED(s->status) || (int)WEXITSTATUS(s->status) != expected->status))
		return "status";
	if (expected->signal &&
	    (!ended || !WIFSIGNALED(s->status) || (int)WTERMSIG(s->status) != expected->signal))
		return "signal";
	return NULL;
}

const char *kt_death_difference(const struct kt_expected_death *expected,
				const struct kt_run_record *rec, const struct kt_sched_record *s)
{
	const struct kt_scx_exit_info exit = kt_run_record_exit(rec, s);
	const char *message = is_the_kernels(exit.kind) ? exit.message : s->tail, *part;

	if (!expected)
		return "";
	if (expected->kind && exit.kind != expected->kind)
		return "kind";
	if (expected->has_code && (!exit.has_code || exit.code != expected->code))
		return "code";
	part = difference_of_loader(expected, s);
	if (part)
		return part;
	if ((expected->message && !strstr(message, expected->message)) ||
	    (expected->regex && !has_match(expected->regex, message)))
		return "message";
	return NULL;
}
