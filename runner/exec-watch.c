/* SPDX-License-Identifier: GPL-2.0-only */
/* The scheduler and the console of a command's machine; see exec-watch.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "judge/death.h"
#include "report/artifacts.h"
#include "runner/exec-watch.h"

int kt_exec_watch_init(struct kt_exec_watch *watch)
{
	watch->console = KT_BUF_INIT(KT_CONSOLE_MAX);
	watch->log = KT_BUF_INIT(KT_LOG_MAX);
	return kt_forward(kt_run_record_init(&watch->record));
}

void kt_exec_watch_deinit(struct kt_exec_watch *watch)
{
	kt_buf_deinit(&watch->console);
	kt_buf_deinit(&watch->log);
	kt_run_record_deinit(&watch->record);
}

/* Without the rest, if it is too much. */
static void keep(struct kt_buf *buf, const void *data, size_t len)
{
	(void)kt_fold(kt_buf_append(buf, data, KT_MIN(len, buf->max - buf->len)));
}

int kt_exec_watch_message(struct kt_exec_watch *watch, const struct kt_msg *msg,
			  struct kt_diag *diag)
{
	if (msg->type != KT_MSG_SCHED && msg->type != KT_MSG_LOG)
		return 0;
	if (msg->type == KT_MSG_LOG)
		keep(&watch->log, msg->log.data.data, msg->log.data.len);
	return kt_forward(kt_run_record_add(&watch->record, msg, diag));
}

void kt_exec_watch_console(struct kt_exec_watch *watch, const void *data, size_t len)
{
	keep(&watch->console, data, len);
}

void kt_exec_watch_mark(struct kt_exec_watch *watch, const char *text)
{
	kt_run_record_mark(&watch->record, text);
}

/* ---- what comes of it ---- */

static void take_complaints(const struct kt_run_record *rec, struct kt_exec_remarks *remarks)
{
	for (unsigned int i = 0; i < rec->console_mark_count; i++)
		if (!kt_scx_is_exit_line(rec->console_marks[i]))
			memcpy(remarks->complaints[remarks->complaint_count++],
			       rec->console_marks[i], sizeof(rec->console_marks[i]));
}

static void write_all(const struct kt_exec_watch *watch, const char *death,
		      struct kt_artifacts *art)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);

	kt_artifacts_append(art, KT_ARTIFACTS_CONSOLE, watch->console.data, watch->console.len);
	kt_artifacts_append(art, "sched-1.log", watch->log.data, watch->log.len);
	if (!kt_buf_printf(&text, "%s\n", death))
		kt_artifacts_write(art, "death.txt", text.data, text.len, 0644);
}

static void keep_artifacts(const struct kt_exec_watch *watch, const char *death,
			   struct kt_exec_remarks *remarks, const char *base)
{
	_cleanup_(kt_freep) struct kt_artifacts *art = calloc(1, sizeof(*art));

	if (!art || kt_artifacts_open(art, base, "exec", &remarks->lost))
		return;
	snprintf(remarks->artifacts, sizeof(remarks->artifacts), "%s", art->dir);
	write_all(watch, death, art);
	remarks->lost = art->error;
	kt_artifacts_close(art);
}

bool kt_exec_watch_conclude(const struct kt_exec_watch *watch, struct kt_exec_remarks *remarks,
			    const char *base)
{
	const struct kt_run_record *rec = &watch->record;
	char text[KT_DEATH_TEXT_MAX];

	take_complaints(rec, remarks);
	for (size_t i = 0; i < rec->sched_count; i++) {
		const struct kt_sched_record *s = &rec->scheds[i];

		if (!kt_death_is(rec, s))
			continue;
		kt_diag_cause(&remarks->death, "%s", kt_death_describe(rec, s, text, sizeof(text)));
		keep_artifacts(watch, text, remarks, base);
		return true;
	}
	return false;
}
