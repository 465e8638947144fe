/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel stacks; see stack.h. Source: arch/x86/kernel/unwind_frame.c, show_trace_log_lvl() of
 * dumpstack.c, __switch_to_asm() of arch/x86/entry/entry_64.S, which leaves a struct
 * inactive_task_frame at thread.sp. The size of a stack is that of its mapping (CONFIG_VMAP_STACK).
 * The whole stack is read at once, and every step goes up.
 */
#include <string.h>

#include "base/cleanup.h"
#include "monitor/facts/sched-private.h"
#include "monitor/facts/stack.h"

#define STACK_MAX (64u << 10) /* bytes; THREAD_SIZE is 16 KiB, 32 KiB with KASAN */
#define WORD	  sizeof(uint64_t)

enum { SP, BASE, AREA, AREA_PAGES, FRAME_BP, FRAME_IP, PLACES };

static const char *const paths[PLACES] = {
	[SP] = "task_struct.thread.sp",	       [BASE] = "task_struct.stack",
	[AREA] = "task_struct.stack_vm_area",  [AREA_PAGES] = "vm_struct.nr_pages",
	[FRAME_BP] = "inactive_task_frame.bp", [FRAME_IP] = "inactive_task_frame.ret_addr",
};

static const struct kt_group group = { "kernel stacks", 0, PLACES };

/* Addresses of functions, and of those of the scheduler. */
struct text {
	uint64_t start, end, sched_start, sched_end;
};

struct walk {
	uint64_t sp;	 /* address of words[0] */
	uint64_t *words; /* up to the end of the stack; owned */
	size_t count;
	struct text text;
};

static int find_text(struct kt_reader *reader, struct text *text, struct kt_diag *diag)
{
	KT_TRY(kt_read_symbol(reader, "_stext", &text->start, diag));
	KT_TRY(kt_read_symbol(reader, "_etext", &text->end, diag));
	/* Without them no function is the scheduler's. */
	if (kt_read_symbol(reader, "__sched_text_start", &text->sched_start, NULL) ||
	    kt_read_symbol(reader, "__sched_text_end", &text->sched_end, NULL))
		text->sched_start = text->sched_end = 0;
	return 0;
}

static int read_stack(struct kt_reader *reader, const struct kt_place *places, uint64_t task,
		      struct walk *walk, struct kt_diag *diag)
{
	uint64_t base = 0, area = 0, size = 0;

	KT_TRY(kt_read_pointer(reader, task, &places[BASE], &base, diag));
	KT_TRY(kt_read_number(reader, task, &places[SP], &walk->sp, diag));
	KT_TRY(kt_read_pointer(reader, task, &places[AREA], &area, diag));
	KT_TRY(kt_read_number(reader, area, &places[AREA_PAGES], &size, diag));
	size *= KT_PAGE_SIZE;
	if (size > STACK_MAX || walk->sp < base || walk->sp - base >= size || walk->sp % WORD)
		return kt_fail(diag, KT_STACK_E_BROKEN,
			       "%s: its stack is at %#llx, thread.sp %#llx", reader->trail.text,
			       (unsigned long long)base, (unsigned long long)walk->sp);
	walk->count = (size - (walk->sp - base)) / WORD;
	walk->words = calloc(walk->count, WORD);
	if (!walk->words)
		return kt_raise(-ENOMEM);
	return kt_forward(kt_read_bytes(reader, walk->sp, walk->words, walk->count * WORD, diag));
}

static bool is_text(const struct text *text, uint64_t ip)
{
	return ip >= text->start && ip < text->end;
}

static bool is_sched(const struct text *text, uint64_t ip)
{
	return ip - 1 >= text->sched_start && ip - 1 < text->sched_end;
}

static void add_frame(struct kt_stack *stack, uint64_t ip, bool reliable)
{
	if (stack->count < KT_STACK_FRAMES_MAX)
		stack->frames[stack->count++] =
			(struct kt_stack_frame){ .ip = ip, .reliable = reliable };
}

/* Index of the word at an address of the stack; the count: it is not there. */
static size_t index_of(const struct walk *walk, uint64_t at)
{
	if (at < walk->sp || at % WORD || (at - walk->sp) / WORD >= walk->count)
		return walk->count;
	return (at - walk->sp) / WORD;
}

/* Goes over all words; those where a frame pointer leads to are reliable. */
static void collect(const struct walk *walk, const struct kt_place *places, struct kt_stack *stack)
{
	size_t frame = places[FRAME_BP].offset / WORD; /* of the saved frame pointer */

	for (size_t i = places[FRAME_IP].offset / WORD; i < walk->count; i++) {
		bool reliable = frame < walk->count && i == frame + 1;

		if (!is_text(&walk->text, walk->words[i]))
			continue;
		add_frame(stack, walk->words[i], reliable);
		/* A frame pointer that leads down is never come to. */
		if (reliable)
			frame = index_of(walk, walk->words[frame]);
	}
}

/* The innermost frame that is not the scheduler's; false: there is none. */
static bool take_wait_channel(struct kt_stack *stack, const struct text *text, bool reliable)
{
	for (size_t i = 0; i < stack->count; i++) {
		const struct kt_stack_frame *frame = &stack->frames[i];

		if ((reliable && !frame->reliable) || is_sched(text, frame->ip))
			continue;
		stack->wait_channel = frame->ip;
		stack->wait_is_reliable = reliable;
		return true;
	}
	return false;
}

static void free_words(struct walk *walk)
{
	free(walk->words);
}

int kt_stack_read(struct kt_sched_view *sched, uint64_t task, struct kt_stack *ret_stack,
		  struct kt_diag *diag)
{
	_cleanup_(free_words) struct walk walk = { .words = NULL };
	struct kt_reader *reader = sched->walk.reader;
	struct kt_place places[PLACES];
	char lacks[1][KT_LACKS_MAX];
	uint64_t on_cpu = 0;
	KT_TRAIL(&reader->trail, "stack");

	kt_types_resolve(reader->types, paths, &group, 1, places, lacks);
	if (lacks[0][0])
		return kt_fail(diag, KT_STACK_E_LACKS, "%s", lacks[0]);
	KT_TRY(kt_sched_require(sched, KT_SCHED_TASKS, diag));
	KT_TRY(kt_sched_number(sched, task, KT_TASK_ON_CPU, &on_cpu, diag));
	if (on_cpu)
		return kt_fail(diag, KT_STACK_E_RUNNING, "the task runs");
	KT_TRY(find_text(reader, &walk.text, diag));
	KT_TRY(read_stack(reader, places, task, &walk, diag));
	*ret_stack = (struct kt_stack){ .count = 0 };
	collect(&walk, places, ret_stack);
	if (!take_wait_channel(ret_stack, &walk.text, true))
		take_wait_channel(ret_stack, &walk.text, false);
	return 0;
}
