/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks; see task.h. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "monitor/facts/sched-private.h"
#include "monitor/facts/task.h"

#define CGROUP_DEPTH_MAX 64

/* Bits of __state and their letters, in the order of task_state_to_char(): include/linux/sched.h. */
static char letter_of(uint32_t bits)
{
	static const char letters[] = "SDTtXZPI";
	/* TASK_INTERRUPTIBLE, _UNINTERRUPTIBLE, __TASK_STOPPED, __TASK_TRACED, EXIT_DEAD,
	 * EXIT_ZOMBIE, TASK_PARKED; TASK_NOLOAD with UNINTERRUPTIBLE is "I". */
	if (!(bits & 0x7f))
		return bits ? '?' : 'R';
	if ((bits & 0x402) == 0x402)
		return 'I';
	return letters[__builtin_ctz(bits & 0x7f)];
}

/* The class is named by the symbol that it is: "ext_sched_class". */
static void name_class(struct kt_sched_view *sched, uint64_t class, char ret_name[16])
{
	const char *name, *end;
	uint64_t offset;

	snprintf(ret_name, 16, "?");
	if (kt_symbols_name(sched->walk.reader->symbols, class, &name, &offset) || offset)
		return;
	end = strstr(name, "_sched_class");
	if (end && end - name < 16)
		snprintf(ret_name, 16, "%.*s", (int)(end - name), name);
}

static int read_allowed(struct kt_sched_view *sched, uint64_t at, struct kt_task *task,
			struct kt_diag *diag)
{
	uint8_t bits[KT_CPUS_MAX / 8] = { 0 };
	uint64_t mask = 0;

	KT_TRY(kt_read_pointer(sched->walk.reader, at, &sched->places[KT_TASK_ALLOWED], &mask,
			       diag));
	KT_TRAIL(&sched->walk.reader->trail, "task_struct.cpus_ptr");
	KT_TRY(kt_read_bytes(sched->walk.reader, mask, bits, (sched->cpus.count + 63) / 64 * 8,
			     diag));
	for (unsigned int cpu = 0; cpu < sched->cpus.count; cpu++)
		task->allowed[cpu] = bits[cpu / 8] >> cpu % 8 & 1;
	return 0;
}

static int read_ids(struct kt_sched_view *sched, uint64_t at, struct kt_task *task,
		    struct kt_diag *diag)
{
	const struct kt_place *comm = &sched->places[KT_TASK_COMM];
	size_t size = KT_MIN(sizeof(task->comm), (size_t)comm->size + 1);
	uint32_t pid = 0, tgid = 0;

	KT_TRY(kt_sched_number32(sched, at, KT_TASK_PID, &pid, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_TASK_TGID, &tgid, diag));
	task->pid = (int32_t)pid;
	task->tgid = (int32_t)tgid;
	KT_TRAIL(&sched->walk.reader->trail, "task_struct.comm");
	return kt_forward(
		kt_read_text(sched->walk.reader, at + comm->offset, task->comm, size, diag));
}

int kt_task_read(struct kt_sched_view *sched, uint64_t at, struct kt_task *ret_task,
		 struct kt_diag *diag)
{
	struct kt_task task = { .at = at };
	uint64_t class = 0, on_cpu = 0;
	uint32_t prio = 0;

	KT_TRY(kt_sched_require(sched, KT_SCHED_TASKS, diag));
	KT_TRY(read_ids(sched, at, &task, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_TASK_STATE, &task.state_bits, diag));
	KT_TRY(kt_sched_number(sched, at, KT_TASK_CLASS, &class, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_TASK_POLICY, &task.policy, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_TASK_PRIO, &prio, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_TASK_CPU, &task.cpu, diag));
	KT_TRY(kt_sched_number(sched, at, KT_TASK_ON_CPU, &on_cpu, diag));
	KT_TRY(read_allowed(sched, at, &task, diag));
	task.state = letter_of(task.state_bits);
	task.prio = (int32_t)prio;
	task.on_cpu = on_cpu;
	name_class(sched, class, task.class);
	*ret_task = task;
	return 0;
}

int kt_task_ext_read(struct kt_sched_view *sched, uint64_t at, struct kt_task_ext *ret_ext,
		     struct kt_diag *diag)
{
	struct kt_task_ext ext = { .dsq = 0 };
	uint32_t sticky = 0;

	KT_TRY(kt_sched_require(sched, KT_SCHED_EXT, diag));
	KT_TRY(kt_sched_number(sched, at, KT_EXT_DSQ, &ext.dsq, diag));
	if (ext.dsq)
		KT_TRY(kt_sched_number(sched, ext.dsq, KT_DSQ_ID, &ext.dsq_id, diag));
	KT_TRY(kt_sched_number(sched, at, KT_EXT_RUNNABLE_AT, &ext.runnable_at, diag));
	KT_TRY(kt_sched_number(sched, at, KT_EXT_SLICE, &ext.slice_ns, diag));
	KT_TRY(kt_sched_number(sched, at, KT_EXT_VTIME, &ext.vtime, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_EXT_FLAGS, &ext.flags, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_EXT_DSQ_FLAGS, &ext.dsq_flags, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_EXT_WEIGHT, &ext.weight, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_EXT_STICKY_CPU, &sticky, diag));
	ext.sticky_cpu = (int32_t)sticky;
	*ret_ext = ext;
	return 0;
}

/* ---- cgroups ---- */

/* Puts "/name" before what path has; what does not fit is left out. */
static bool prepend(char path[KT_TASK_CGROUP_MAX], const char *name)
{
	size_t have = strlen(path), len = strlen(name) + 1;

	if (have + len >= KT_TASK_CGROUP_MAX)
		return false;
	memmove(path + len, path, have + 1);
	path[0] = '/';
	memcpy(path + 1, name, len - 1);
	return true;
}

int kt_task_cgroup(struct kt_sched_view *sched, uint64_t at, char ret_path[KT_TASK_CGROUP_MAX],
		   struct kt_diag *diag)
{
	struct kt_reader *reader = sched->walk.reader;
	uint64_t set = 0, cgroup = 0, node = 0, parent = 0, name = 0;
	char text[256], path[KT_TASK_CGROUP_MAX] = "";

	KT_TRY(kt_sched_require(sched, KT_SCHED_CGROUPS, diag));
	KT_TRY(kt_read_pointer(reader, at, &sched->places[KT_TASK_CGROUPS], &set, diag));
	KT_TRY(kt_read_pointer(reader, set, &sched->places[KT_CSET_CGROUP], &cgroup, diag));
	KT_TRY(kt_read_pointer(reader, cgroup, &sched->places[KT_CGROUP_NODE], &node, diag));
	for (unsigned int i = 0; i < CGROUP_DEPTH_MAX; i++, node = parent) {
		KT_TRY(kt_sched_number(sched, node, KT_NODE_PARENT, &parent, diag));
		if (!parent)
			break;
		KT_TRY(kt_read_pointer(reader, node, &sched->places[KT_NODE_NAME], &name, diag));
		KT_TRY(kt_read_text(reader, name, text, sizeof(text), diag));
		if (!prepend(path, text))
			break;
	}
	snprintf(ret_path, KT_TASK_CGROUP_MAX, "%s", path[0] ? path : "/");
	return 0;
}

/* ---- threads ---- */

int kt_threads_begin(struct kt_threads *ret_threads, struct kt_sched_view *sched, size_t max,
		     struct kt_diag *diag)
{
	uint64_t init = 0;

	KT_TRY(kt_sched_require(sched, KT_SCHED_THREADS, diag));
	KT_TRY(kt_read_symbol(sched->walk.reader, "init_task", &init, diag));
	*ret_threads = (struct kt_threads){
		.processes = kt_list_begin(&sched->walk, init + sched->places[KT_TASK_TASKS].offset,
					   max),
	};
	return 0;
}

/* Moves on to the next process's list of threads. */
static int next_process(struct kt_threads *threads, struct kt_sched_view *sched,
			struct kt_diag *diag)
{
	size_t max = threads->processes.max, seen = threads->threads.count;
	uint64_t node = 0, signal = 0;

	KT_TRY(kt_list_next(&threads->processes, &node, diag));
	KT_TRY(kt_read_pointer(sched->walk.reader, node - sched->places[KT_TASK_TASKS].offset,
			       &sched->places[KT_TASK_SIGNAL], &signal, diag));
	threads->threads =
		kt_list_begin(&sched->walk, signal + sched->places[KT_SIGNAL_THREADS].offset, max);
	threads->threads.count = seen; /* max is of all threads together */
	threads->in_process = true;
	return 0;
}

int kt_threads_next(struct kt_threads *threads, struct kt_sched_view *sched, uint64_t *ret_task,
		    struct kt_diag *diag)
{
	uint64_t node = 0;
	int r = KT_WALK_E_END;

	while (r == KT_WALK_E_END) {
		if (!threads->in_process)
			KT_TRY(next_process(threads, sched, diag));
		r = kt_list_next(&threads->threads, &node, diag);
		threads->in_process = !r;
	}
	*ret_task = node - sched->places[KT_TASK_THREAD].offset;
	return kt_forward(r);
}
