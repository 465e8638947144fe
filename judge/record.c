/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of a run; see record.h. One function per message type checks the message and
 * adds it: numbers must be consecutive, counts within limits, names declared. Messages that
 * only change the state of a session are left to machine/, judging to verdict.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "judge/record.h"
#include "monitor/received.h"

#define FINDINGS_MAX	  1000
#define LAST_KIND	  (KT_FINDING_KIND_COUNT_ - 1u) /* largest finding kind in a message */
#define SPAWNS_MAX	  KT_GENERATIONS_MAX
#define OPS_MAX		  16384 /* per run, repetitions included */
#define WORKERS_MAX	  16384
#define STARTS_MAX	  16384 /* starts of programs */
#define WAITS_MAX	  1024
#define BANDWIDTHS_MAX	  16384
#define MESSAGE_LINES_MAX 16 /* of exit information */

int kt_run_record_init(struct kt_run_record *rec)
{
	*rec = (struct kt_run_record){ 0 };
	return kt_forward(kt_snapshots_new(&rec->snapshots));
}

void kt_run_record_deinit(struct kt_run_record *rec)
{
	free(rec->ops);
	free(rec->freezes);
	free(rec->scheds);
	free(rec->findings);
	free(rec->workers);
	free(rec->controls);
	for (size_t i = 0; i < rec->wait_count; i++)
		free(rec->waits[i].cpus);
	free(rec->waits);
	free(rec->bandwidths);
	for (size_t i = 0; i < rec->program_count; i++)
		kt_buf_deinit(&rec->programs[i].tail);
	free(rec->programs);
	kt_snapshots_free(rec->snapshots);
	*rec = (struct kt_run_record){ 0 };
}

static int protocol(struct kt_diag *diag, const char *what)
{
	kt_diag_doing(diag, "record a message of the guest");
	kt_diag_cause(diag, "%s", what);
	return KT_RECORD_E_PROTOCOL;
}

struct kt_sched_record *kt_run_record_spawn(struct kt_run_record *rec, uint32_t spawn)
{
	return spawn && spawn <= rec->sched_count ? &rec->scheds[spawn - 1] : NULL;
}

static int add_spawn(struct kt_run_record *rec, const struct kt_msg_sched *msg,
		     struct kt_diag *diag)
{
	struct kt_sched_record s = { .spawn = msg->spawn,
				     .pid = msg->pid,
				     .spawned_ns = msg->time_ns };

	if (msg->spawn != rec->sched_count + 1 || msg->spawn > SPAWNS_MAX)
		return protocol(diag, "scheduler spawn out of order, or too many of them");
	memcpy(s.name, msg->name, sizeof(s.name));
	return kt_array_append(rec->scheds, rec->sched_count, s);
}

static int add_sched(struct kt_run_record *rec, const struct kt_msg_sched *msg,
		     struct kt_diag *diag)
{
	struct kt_sched_record *s;

	if (msg->event == KT_SCHED_SPAWNED)
		return kt_forward(add_spawn(rec, msg, diag));
	s = kt_run_record_spawn(rec, msg->spawn);
	if (!s)
		return protocol(diag, "event of a scheduler that was never spawned");
	switch (msg->event) {
	case KT_SCHED_ATTACHED:
		if (msg->generation != rec->generations + 1 || s->generation)
			return protocol(diag, "generation out of order");
		s->generation = rec->generations = rec->live = msg->generation;
		/* A scheduler that was live for a moment may have been seen after its loader's end. */
		s->attached_ns = s->ended ? KT_MIN(msg->time_ns, s->ended_ns) : msg->time_ns;
		memcpy(s->ops, msg->ops, sizeof(s->ops));
		return 0;
	case KT_SCHED_DIED:
	case KT_SCHED_EXITED:
		/* After a death, EXITED reports the end of the loader. */
		if (msg->end >= KT_SCHED_END_COUNT_)
			return protocol(diag, "end of a scheduler of unknown kind");
		s->status = msg->status;
		if (!s->ended) {
			s->ended_ns = msg->time_ns;
			s->end = (enum kt_sched_end)msg->end;
		}
		s->ended = true;
		s->died = s->died || msg->event == KT_SCHED_DIED;
		return 0;
	case KT_SCHED_RESTARTED:
		s->ended = s->restarted = true;
		s->ended_ns = msg->time_ns;
		rec->live = 0;
		return 0;
	case KT_SCHED_DETACHED:
		rec->live = 0;
		return 0;
	}
	return protocol(diag, "scheduler event of unknown kind");
}

/*
 * Only the first exit information counts, which is that of the generation: after CPU
 * hotplug, loaders of the kernel's tools attach again by themselves, outside the run. An open
 * message ends with the stream's line that closes it.
 */
static void take_output_line(struct kt_sched_record *s, struct kt_output_line *line)
{
	line->text[line->len] = 0;
	line->len = 0;
	if (s->exit.open && line == &s->lines[s->exit_stream] &&
	    s->exit_lines++ < MESSAGE_LINES_MAX)
		kt_scx_exit_continue(&s->exit, line->text);
	/* Most lines have no exit information. */
	if (s->exit.kind == KT_SCX_NONE && !kt_scx_exit_from_output(&s->exit, line->text))
		s->exit_stream = line != s->lines;
}

static int add_log(struct kt_run_record *rec, const struct kt_msg_log *msg, struct kt_diag *diag)
{
	struct kt_sched_record *s = kt_run_record_spawn(rec, msg->spawn);
	size_t have, keep = KT_MIN((size_t)msg->data.len, sizeof(s->tail) - 1);
	struct kt_output_line *line;

	if (!s)
		return protocol(diag, "output of a scheduler that was never spawned");
	line = &s->lines[msg->stream == 2];
	for (uint32_t i = 0; i < msg->data.len; i++) {
		if (msg->data.data[i] == '\n')
			take_output_line(s, line);
		else if (line->len < sizeof(line->text) - 1)
			line->text[line->len++] = (char)msg->data.data[i];
	}
	have = KT_MIN(strlen(s->tail), sizeof(s->tail) - 1 - keep);
	memmove(s->tail, s->tail + strlen(s->tail) - have, have);
	if (keep)
		memcpy(s->tail + have, msg->data.data + msg->data.len - keep, keep);
	s->tail[have + keep] = 0;
	return 0;
}

static int add_step(struct kt_run_record *rec, const struct kt_msg_step *msg, struct kt_diag *diag)
{
	if (msg->step >= KT_STEPS_MAX)
		return protocol(diag, "a step that no scenario has");
	if (msg->truncated && !rec->truncated_step)
		rec->truncated_step = msg->step + 1;
	rec->steps[msg->step].truncated = msg->truncated;
	if (msg->ended)
		rec->steps[msg->step].end_ns = msg->time_ns;
	else
		rec->steps[msg->step].start_ns = msg->time_ns;
	return 0;
}

struct kt_scx_exit_info kt_run_record_exit(const struct kt_run_record *rec,
					   const struct kt_sched_record *sched)
{
	struct kt_scx_exit_info info = sched->exit, console = { .kind = KT_SCX_NONE };

	for (unsigned int i = 0; i < rec->console_mark_count; i++)
		(void)!kt_scx_exit_from_console(&console, rec->console_marks[i], sched->ops);
	if (info.kind == KT_SCX_NONE)
		return console;
	if (info.kind == console.kind && strlen(console.message) > strlen(info.message))
		memcpy(info.message, console.message, sizeof(info.message));
	return info;
}

const char *kt_sched_end_name(enum kt_sched_end end)
{
	static const char *const names[] = { "exit", "lives", "forked" };

	_Static_assert(KT_ARRAY_SIZE(names) == KT_SCHED_END_COUNT_, "end without a name");
	return end < KT_SCHED_END_COUNT_ ? names[end] : "unknown";
}

void kt_run_record_mark(struct kt_run_record *rec, const char *text)
{
	if (rec->console_mark_count < KT_ARRAY_SIZE(rec->console_marks))
		snprintf(rec->console_marks[rec->console_mark_count++],
			 sizeof(rec->console_marks[0]), "%s", text);
}

static int add_worker(struct kt_run_record *rec, const struct kt_msg_worker *msg,
		      struct kt_diag *diag)
{
	struct kt_worker_record w = { .msg = *msg };

	if (rec->worker_count + rec->control_count >= WORKERS_MAX ||
	    msg->seen.len != sizeof(w.seen))
		return protocol(diag, "more workers than can be started, or one of other CPUs");
	if (kt_histogram_read(&w.wakes, msg->wakes.data, msg->wakes.len))
		return protocol(diag, "wakes of a worker that are no histogram");
	memcpy(w.seen, msg->seen.data, sizeof(w.seen));
	w.msg.seen = w.msg.wakes = (struct kt_bytes){ NULL, 0 };
	if (msg->control)
		return kt_array_append(rec->controls, rec->control_count, w);
	return kt_array_append(rec->workers, rec->worker_count, w);
}

struct kt_cpu_mask kt_worker_cpus(const struct kt_worker_record *worker)
{
	struct kt_cpu_mask mask = { { 0 } };

	for (unsigned int cpu = 0; cpu < KT_CPUS_MAX; cpu++)
		kt_cpu_mask_set(&mask, cpu, worker->seen[cpu] > 0);
	return mask;
}

/* ---- programs ---- */

struct kt_program_record *kt_run_record_program(struct kt_run_record *rec, uint32_t start)
{
	return start && start <= rec->program_count ? &rec->programs[start - 1] : NULL;
}

/* The name becomes part of a file name: only declared names are accepted. */
static int add_program(struct kt_run_record *rec, const struct kt_msg_program *msg,
		       struct kt_diag *diag)
{
	const struct kt_program_decl *decl = kt_program_find(rec->declared, msg->name);
	const struct kt_program_record program = { .decl = decl,
						   .pid = msg->pid,
						   .start_ns = msg->time_ns,
						   .tail = KT_BUF_INIT(2 * KT_PROGRAM_TAIL_MAX) };

	if (!decl || msg->start != rec->program_count + 1 || msg->start > STARTS_MAX)
		return protocol(diag, "a program that is not declared, or started out of order");
	return kt_array_append(rec->programs, rec->program_count, program);
}

/* Cuts the tail only when it has doubled, so that few bytes are moved. */
static int keep_tail(struct kt_buf *tail, const struct kt_bytes *data)
{
	size_t keep = KT_MIN(data->len, KT_PROGRAM_TAIL_MAX);

	if (tail->len + keep > 2 * KT_PROGRAM_TAIL_MAX)
		kt_buf_consume(tail, tail->len - KT_PROGRAM_TAIL_MAX);
	return kt_forward(kt_buf_append(tail, data->data + data->len - keep, keep));
}

struct kt_bytes kt_program_tail(const struct kt_program_record *program)
{
	const struct kt_buf *tail = &program->tail;
	size_t len = KT_MIN(tail->len, (size_t)KT_PROGRAM_TAIL_MAX);

	return (struct kt_bytes){ len ? tail->data + tail->len - len : NULL, (uint32_t)len };
}

static int add_program_output(struct kt_run_record *rec, const struct kt_msg_program_output *msg,
			      struct kt_diag *diag)
{
	struct kt_program_record *p = kt_run_record_program(rec, msg->start);
	uint64_t *bytes = p ? &rec->program_bytes[p->decl - rec->declared] : NULL;

	if (!p || p->ended || msg->data.len > KT_PROGRAM_OUTPUT_MAX - *bytes)
		return protocol(diag, "output of a program that does not run, or too much of it");
	*bytes += msg->data.len;
	p->output_bytes += msg->data.len;
	return kt_forward(keep_tail(&p->tail, &msg->data));
}

static int end_program(struct kt_run_record *rec, const struct kt_msg_program_end *msg,
		       struct kt_diag *diag)
{
	struct kt_program_record *p = kt_run_record_program(rec, msg->start);

	if (!p || p->ended)
		return protocol(diag, "end of a program that does not run");
	p->ended = true;
	p->asked = msg->asked;
	p->status = msg->status;
	p->end_ns = msg->time_ns;
	p->dropped_bytes = msg->dropped;
	return 0;
}

/* ---- ops, freezes, findings ---- */

static int add_op(struct kt_run_record *rec, const struct kt_msg_op *msg, struct kt_diag *diag)
{
	if (rec->op_count >= OPS_MAX || msg->error >= KT_OP_ERROR_COUNT_)
		return protocol(diag, "more ops than a scenario can have, or an unknown error");
	rec->has_open_op = false;
	return kt_array_append(rec->ops, rec->op_count, *msg);
}

/* Refuses a freeze that no scenario can request, before the host freezes the machine. */
static int add_freeze(struct kt_run_record *rec, const struct kt_msg_freeze *msg,
		      struct kt_diag *diag)
{
	if (rec->freeze_count >= (size_t)KT_STEPS_MAX * KT_OPS_MAX)
		return protocol(diag, "more freezes than a scenario can have");
	if (msg->number != rec->freeze_count + 1 ||
	    (rec->freeze_count && !rec->freezes[rec->freeze_count - 1].over))
		return protocol(diag, "freeze out of order");
	if (msg->pause_ns < KT_FREEZE_NS_MIN || msg->pause_ns > KT_FREEZE_NS_MAX)
		return protocol(diag, "freeze for a time that no scenario can ask for");
	return kt_array_append(rec->freezes, rec->freeze_count,
			       (struct kt_freeze_record){ .pause_ns = msg->pause_ns });
}

void kt_run_record_thawed(struct kt_run_record *rec, const struct kt_msg_thawed *thawed)
{
	struct kt_freeze_record *f = &rec->freezes[rec->freeze_count - 1];

	f->over = true;
	f->stood_ns = thawed->stood_ns;
	memcpy(f->error, thawed->text, sizeof(f->error));
}

int kt_run_record_finding(struct kt_run_record *rec, const struct kt_msg_finding *finding,
			  bool from_guest)
{
	struct kt_finding f = { .line = finding->line,
				.from_guest = from_guest,
				.kind = (enum kt_finding_kind)KT_MIN(finding->kind, LAST_KIND) };

	if (rec->finding_count >= FINDINGS_MAX)
		return 0;
	memcpy(f.file, finding->file, sizeof(f.file));
	memcpy(f.text, finding->text, sizeof(f.text));
	return kt_array_append(rec->findings, rec->finding_count, f);
}

static int add_wait(struct kt_run_record *rec, const struct kt_msg_wait *msg, struct kt_diag *diag)
{
	size_t count = msg->cpus.len / KT_WAIT_CPU_BYTES;
	struct kt_cursor c = kt_cursor_over(msg->cpus.data, msg->cpus.len);
	struct kt_wait_record w = { .msg = *msg };
	int r;

	if (rec->wait_count == WAITS_MAX || rec->wait_end.recorded)
		return protocol(diag, "too many waits");
	if (msg->cpus.len % KT_WAIT_CPU_BYTES || count > KT_CPUS_MAX || msg->use >= KT_USE_COUNT_ ||
	    msg->end_ns < msg->start_ns)
		return protocol(diag, "a malformed wait");
	w.msg.cpus = (struct kt_bytes){ 0 };
	w.cpus = calloc(count + 1, sizeof(*w.cpus));
	if (!w.cpus)
		return kt_raise(-ENOMEM);
	for (; w.cpu_count < count; w.cpu_count++)
		w.cpus[w.cpu_count] = kt_wait_cpu_read(&c);
	r = kt_array_append(rec->waits, rec->wait_count, w);
	if (r)
		free(w.cpus);
	return kt_forward(r);
}

static int add_snapshot(struct kt_run_record *rec, const struct kt_msg *msg, struct kt_diag *diag)
{
	int r = kt_snapshots_receive(rec->snapshots, msg, diag);

	return r > 0 ? KT_RECORD_E_PROTOCOL : kt_forward(r);
}

int kt_run_record_add(struct kt_run_record *rec, const struct kt_msg *msg, struct kt_diag *diag)
{
	switch (msg->type) {
	case KT_MSG_HELLO:
		rec->hello = msg->hello;
		return 0;
	case KT_MSG_RESULT:
		rec->result = msg->result;
		rec->has_result = true;
		return 0;
	case KT_MSG_STEP:
		return kt_forward(add_step(rec, &msg->step, diag));
	case KT_MSG_OP_BEGIN:
		rec->open_op = msg->op_begin;
		rec->has_open_op = true;
		return 0;
	case KT_MSG_OP:
		return kt_forward(add_op(rec, &msg->op, diag));
	case KT_MSG_WORKER:
		return kt_forward(add_worker(rec, &msg->worker, diag));
	case KT_MSG_PROGRAM:
		return kt_forward(add_program(rec, &msg->program, diag));
	case KT_MSG_PROGRAM_OUTPUT:
		return kt_forward(add_program_output(rec, &msg->program_output, diag));
	case KT_MSG_PROGRAM_END:
		return kt_forward(end_program(rec, &msg->program_end, diag));
	case KT_MSG_SCHED:
		return kt_forward(add_sched(rec, &msg->sched, diag));
	case KT_MSG_LOG:
		return kt_forward(add_log(rec, &msg->log, diag));
	case KT_MSG_FREEZE:
		return kt_forward(add_freeze(rec, &msg->freeze, diag));
	case KT_MSG_FINDING:
		return kt_forward(kt_run_record_finding(rec, &msg->finding, true));
	case KT_MSG_BANDWIDTH:
		if (rec->bandwidth_count == BANDWIDTHS_MAX)
			return protocol(diag, "too many bandwidths");
		return kt_array_append(rec->bandwidths, rec->bandwidth_count, msg->bandwidth);
	case KT_MSG_WAIT:
		return kt_forward(add_wait(rec, &msg->wait, diag));
	case KT_MSG_WAITS:
		rec->wait_end = msg->waits;
		return 0;
	case KT_MSG_BTF:
	case KT_MSG_SNAPSHOT:
	case KT_MSG_MAP:
	case KT_MSG_SNAPSHOT_END:
		return kt_forward(add_snapshot(rec, msg, diag));
	}
	if (msg->type < KT_MSG_HELLO)
		return protocol(diag, "a message that only the host sends");
	return 0; /* not part of the record */
}
