/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loaders that do not fit the kernel; see misfit.h. libbpf prints a line for each thing that it
 * looks for in vain (bpf/libbpf.c: bpf_object__resolve_ksym_func_btf_id(),
 * bpf_map__init_kern_struct_ops(), fixup_verifier_log()); of the verifier's log the line before
 * the explanation or the statistics says what was wrong (kernel/bpf/verifier.c).
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ops/guest/sched/misfit.h"

#define WORDS_MAX 400 /* bytes of a line that are quoted */

/* Lines that name what the kernel lacks; the name is in quotes, or behind the text `before`. */
static const struct {
	const char *mark, *before;
} lacks[] = {
	{ "extern (func ksym) '", "extern (func ksym) '" },
	{ "' is referenced but wasn't resolved", "kfunc '" },
	{ "extern (var ksym) '", "extern (var ksym) '" },
	{ ": Cannot find member ", ": Cannot find member " },
	{ " is not found in kernel BTF", NULL },
	{ "calling kernel function ", "calling kernel function " },
};

/*
 * Releases of kfuncs and members. Linux 6.13 renamed what has "dispatch" or "consume" in its name,
 * 6.17 removed the old names; 7.3 removed scx_bpf_cpu_rq().
 */
static const struct {
	const char *name, *history;
} histories[] = {
#define RENAMED(to) "Linux 6.13 renamed it to " to ", 6.17 removed the old name"
	{ "scx_bpf_dispatch", RENAMED("scx_bpf_dsq_insert") },
	{ "scx_bpf_dispatch_vtime", RENAMED("scx_bpf_dsq_insert_vtime") },
	{ "scx_bpf_consume", RENAMED("scx_bpf_dsq_move_to_local") },
	{ "scx_bpf_dispatch_from_dsq", RENAMED("scx_bpf_dsq_move") },
	{ "scx_bpf_dispatch_vtime_from_dsq", RENAMED("scx_bpf_dsq_move_vtime") },
	{ "scx_bpf_dispatch_from_dsq_set_slice", RENAMED("scx_bpf_dsq_move_set_slice") },
	{ "scx_bpf_dispatch_from_dsq_set_vtime", RENAMED("scx_bpf_dsq_move_set_vtime") },
#undef RENAMED
	{ "scx_bpf_cpu_rq", "Linux 7.3 removed it; scx_bpf_cpu_curr and scx_bpf_locked_rq are in "
			    "6.18 and newer" },
#define NEW_NAME(of) "in Linux 6.13 and newer; 6.12 calls it " of
	{ "scx_bpf_dsq_insert", NEW_NAME("scx_bpf_dispatch") },
	{ "scx_bpf_dsq_insert_vtime", NEW_NAME("scx_bpf_dispatch_vtime") },
	{ "scx_bpf_dsq_move_to_local", NEW_NAME("scx_bpf_consume") },
	{ "scx_bpf_dsq_move", NEW_NAME("scx_bpf_dispatch_from_dsq") },
	{ "scx_bpf_dsq_move_vtime", NEW_NAME("scx_bpf_dispatch_vtime_from_dsq") },
	{ "scx_bpf_dsq_move_set_slice", NEW_NAME("scx_bpf_dispatch_from_dsq_set_slice") },
	{ "scx_bpf_dsq_move_set_vtime", NEW_NAME("scx_bpf_dispatch_from_dsq_set_vtime") },
#undef NEW_NAME
#define UNSOUND	       "the kernel's BTF may be unsound: 'ktest kernel check' says so"
#define SINCE(release) "in Linux " release " and newer"
	{ "scx_bpf_create_dsq", UNSOUND },
	{ "scx_bpf_now", SINCE("6.14") },
	{ "scx_bpf_events", SINCE("6.15") },
	{ "scx_bpf_nr_node_ids", SINCE("6.15") },
	{ "scx_bpf_cpu_node", SINCE("6.15") },
	{ "scx_bpf_get_idle_cpumask_node", SINCE("6.15") },
	{ "scx_bpf_get_idle_smtmask_node", SINCE("6.15") },
	{ "scx_bpf_pick_idle_cpu_node", SINCE("6.15") },
	{ "scx_bpf_pick_any_cpu_node", SINCE("6.15") },
	{ "scx_bpf_select_cpu_and", SINCE("6.16") },
	{ "cgroup_set_bandwidth", SINCE("6.17") },
	{ "scx_bpf_cpu_curr", SINCE("6.18") },
	{ "scx_bpf_locked_rq", SINCE("6.18") },
	{ "scx_bpf_dsq_insert___v2", SINCE("6.19") },
	{ "scx_bpf_reenqueue_local___v2", SINCE("6.19") },
	{ "scx_bpf_dsq_peek", SINCE("6.19") },
#undef SINCE
};

struct text {
	const char *p;
	size_t len;
};

static struct text line_at(const char *output, const char *p)
{
	const char *begin = memrchr(output, '\n', (size_t)(p - output));
	struct text line = { .p = begin ? begin + 1 : output };

	line.len = KT_MIN(strcspn(line.p, "\n"), (size_t)WORDS_MAX);
	return line;
}

/* The line that ends with the newline at end; empty: none. */
static struct text line_before(const char *output, const char *end)
{
	return end > output ? line_at(output, end) : (struct text){ .p = "" };
}

static size_t name_length(const char *p)
{
	return strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

static const char *history_of(const char *name, size_t len)
{
	const char *flavour;
	for (size_t i = 0; i < KT_ARRAY_SIZE(histories); i++)
		if (strlen(histories[i].name) == len && !memcmp(histories[i].name, name, len))
			return histories[i].history;
	/* libbpf takes NAME___ANYTHING for NAME. */
	flavour = memmem(name, len, "___", 3);
	return flavour ? history_of(name, (size_t)(flavour - name)) : NULL;
}

static bool find_lack(char *words, size_t size, const char *output)
{
	static const char incompatible[] = "incompatible with vmlinux";
	const char *found = NULL, *name, *history = NULL;
	struct text line;
	size_t i, len;

	for (i = 0; i < KT_ARRAY_SIZE(lacks); i++) {
		found = strstr(output, lacks[i].mark);
		if (found)
			break;
	}
	if (!found)
		return false;
	line = line_at(output, found);
	snprintf(words, size, "%.*s", (int)line.len, line.p);
	name = lacks[i].before ? strstr(line.p, lacks[i].before) : NULL;
	if (name && name < line.p + line.len) {
		name += strlen(lacks[i].before);
		history = history_of(name, name_length(name));
	}
	len = strlen(words);
	if (memmem(line.p, line.len, incompatible, strlen(incompatible)))
		history = UNSOUND;
	if (history)
		snprintf(words + len, size - len, " (%.*s: %s)", (int)name_length(name), name,
			 history);
	return true;
}

/* Where the verifier's words about the cause end; NULL: there are none. */
static const char *end_of_cause(const char *output)
{
	/* From Linux 7.3 on an explanation follows, else statistics, else nothing. */
	static const char *const next[] = { "\n\nVerification failed:", "\nprocessed ", NULL };
	const char *end = strstr(output, "-- END PROG LOAD LOG --"), *found;

	for (const char *const *n = next; end && *n; n++) {
		found = strstr(output, *n);
		if (found && found < end)
			return found;
	}
	return end ? memrchr(output, '\n', (size_t)(end - output)) : NULL;
}

static bool is_state(const struct text *line)
{
	return !strncmp(line->p, "old state:", 10) || !strncmp(line->p, "cur state:", 10);
}

static bool find_refusal(char *words, size_t size, const char *output)
{
	static const char at[] = "\nAt:\n";
	const char *end = end_of_cause(output), *place = strstr(output, at);
	struct text line;

	if (!end || end == output)
		return false;
	line = line_before(output, end);
	/* What the verifier compared is said behind what was wrong. */
	while (is_state(&line))
		line = line_before(output, line.p - 1);
	if (!line.len)
		return false;
	snprintf(words, size, "the verifier refuses it: %.*s", (int)line.len, line.p);
	if (!place)
		return true;
	line = line_at(output, place + strlen(at));
	size -= strlen(words);
	words += strlen(words);
	while (line.len && *line.p == ' ') {
		line.p++;
		line.len--;
	}
	snprintf(words, size, ", at %.*s", (int)line.len, line.p);
	return true;
}

bool kt_misfit_find(char *words, size_t size, const char *output)
{
	return find_lack(words, size, output) || find_refusal(words, size, output);
}
