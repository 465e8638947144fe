/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux machines for the gate; see linux.h. The image of a cell is made from a clone of the warm
 * bake with the cell's number of vCPUs: attach the scheduler, write the pattern, start the
 * load, save.
 *
 * The probe runs in an executor slot of the restored machine. The host then freezes the machine,
 * compares the kernel's text with the saved text, and checks the marks on the console.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "kernel/elf.h"
#include "machine/baking.h"
#include "measure/gate/image.h"
#include "measure/gate/linux.h"
#include "machine/config.h"
#include "machine/stage/initramfs.h"
#include "machine/session.h"
#include "scenario/cell.h"

#define MEMORY_BYTES KT_MIB(256)
#define FREEZE_NS    (5 * KT_NSEC_PER_SEC)
#define OUTPUT_MAX   (64u << 10)
#define CONSOLE_MAX  (1u << 20)

/* The kernel's text, from the ELF header: guest-physical address and size in bytes. */
struct text {
	uint64_t gpa;
	uint64_t len;
};

struct gate {
	const struct kt_gate_spec *spec;
	struct kt_gate_cell cell;
	struct text text;
	char text_digest[17]; /* XXH3-64 of the text at the save */
	char pattern[24];     /* seed of the pattern, in decimal */
	/* The image of the cell. */
	char topology[32];
	struct kt_cell machine; /* without a scenario */
	struct kt_vm_config config;
	struct kt_bake *bake; /* owned */
	/* The held machine. */
	struct kt_session *session; /* owned */
	char complaint[512];	    /* first mark on the console; "": none */
	struct kt_buf console;
};

/* ---- what a machine says ---- */

static void on_message(void *arg, const struct kt_msg *msg)
{
	struct gate *g = arg;

	if (msg->type == KT_MSG_SCHED && msg->sched.event == KT_SCHED_DIED && !g->complaint[0])
		snprintf(g->complaint, sizeof(g->complaint), "the scheduler has died");
}

static void on_console(void *arg, const void *data, size_t len)
{
	struct gate *g = arg;

	/* The end of the console's output matters: a full buffer starts anew. */
	if (g->console.len + len > CONSOLE_MAX)
		g->console.len = 0;
	(void)kt_fold(kt_buf_append(&g->console, data, len));
}

static void on_mark(void *arg, enum kt_console_mark mark, const char *text)
{
	struct gate *g = arg;

	if (!g->complaint[0])
		snprintf(g->complaint, sizeof(g->complaint), "%s", text);
}

/* ---- one machine ---- */

static void discard(void *arg)
{
	struct gate *g = arg;

	g->session = kt_session_free(g->session);
	g->console.len = 0;
	g->complaint[0] = '\0';
}

/* Translates a kt_session_condition; diag is set already. */
static int condition_of(int r)
{
	return r == KT_SESSION_E_CANCELLED ? KT_GATE_E_CANCELLED : kt_gate_failed(r);
}

static int open_machine(struct gate *g, const struct kt_session_spec *spec, struct kt_diag *diag)
{
	return kt_gate_failed(kt_session_open(&g->session, spec, diag));
}

static int begin_machine(struct gate *g, struct kt_diag *diag)
{
	static const struct kt_session_handlers handlers = { .on_message = on_message,
							     .on_console = on_console,
							     .on_mark = on_mark };
	/* No deadline: a machine without progress is ended by machine/watch.h. */
	const struct kt_session_owner owner = { .handlers = &handlers,
						.arg = g,
						.doing = "try out restored machines",
						.deadline_ns = UINT64_MAX,
						.cancel_fd = g->spec->cancel_fd };

	kt_session_begin(g->session, &owner);
	return condition_of(kt_session_ready(g->session, diag));
}

static int freeze(struct gate *g, struct kt_diag *diag)
{
	return kt_gate_failed(kt_session_freeze(g->session, kt_now_ns() + FREEZE_NS, diag));
}

/* Runs a command, whose wait status must be 0; otherwise diag has the command's output. */
static int run_command(struct gate *g, const char *const *argv, struct kt_diag *diag)
{
	struct kt_command_result result = { .out = KT_BUF_INIT(OUTPUT_MAX),
					    .err = KT_BUF_INIT(OUTPUT_MAX) };
	const struct kt_command_spec spec = { .argv = argv };
	int r;

	r = kt_session_command(&result, g->session, &spec, NULL, 0, diag);
	if (r == KT_COMMAND_E_SLOTS || r == KT_COMMAND_E_SPEC ||
	    (!r && (result.command.error || result.command.status))) {
		kt_diag_cause(diag, "%s: %s%s%s", argv[0], result.command.text,
			      result.out.len ? kt_buf_str(&result.out) : "",
			      result.err.len ? kt_buf_str(&result.err) : "");
		r = KT_COMMAND_E_SPEC;
	}
	kt_buf_deinit(&result.out);
	kt_buf_deinit(&result.err);
	return condition_of(r);
}

/* ---- the kernel's text ---- */

static int find_text(struct text *ret_text, const char *path, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct kt_elf_section section;
	struct kt_elf elf;
	struct stat st;
	void *image;
	int r;

	if (fd < 0 || fstat(fd, &st))
		return kt_raise(-errno);
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		return kt_raise(-errno);
	r = kt_elf_open(&elf, image, (size_t)st.st_size, diag);
	if (!r)
		r = kt_elf_section(&elf, ".text", &section);
	/* __START_KERNEL_map, arch/x86/include/asm/page_64_types.h; valid without KASLR. */
	if (!r)
		*ret_text = (struct text){ .gpa = section.header.sh_addr - 0xffffffff80000000,
					   .len = section.header.sh_size };
	munmap(image, (size_t)st.st_size);
	if (r > 0)
		kt_diag_cause(diag, "%s is no vmlinux with a section .text", path);
	return r > 0 ? KT_GATE_E_UNFIT : kt_forward(r);
}

/* The machine must be frozen. */
static int digest_text(const struct gate *g, char ret_text[17], struct kt_diag *diag)
{
	_cleanup_(kt_freep) void *buf = malloc(g->text.len);
	int r = buf ? kt_vm_mem_read(g->session->vm, KT_GPA(g->text.gpa), buf, g->text.len) :
		      kt_raise(-ENOMEM);

	if (r > 0)
		return kt_fail(diag, KT_GATE_E_FAILED, "the kernel's text is not in RAM");
	if (!r)
		snprintf(ret_text, 17, "%016llx",
			 (unsigned long long)XXH3_64bits(buf, g->text.len));
	return kt_forward(r);
}

/* ---- the image of a cell ---- */

static struct kt_stage_request stage_of(const struct gate *g, unsigned int part)
{
	return (struct kt_stage_request){ .cell = &g->machine,
					  .module = g->spec->module,
					  .parts = part };
}

static int configure(struct gate *g, struct kt_diag *diag)
{
	const struct kt_cell_wishes wishes = { .topology = g->topology,
					       .memory_bytes = MEMORY_BYTES,
					       .accel = g->spec->accel,
					       .time = g->spec->time,
					       .kernel = g->spec->kernel->path,
					       .build_id = g->spec->kernel->build_id,
					       .has_seed = true,
					       .seed = g->spec->seed,
					       .scheduler = g->cell.scheduler,
					       .scheduler_name = "gate" };

	snprintf(g->topology, sizeof(g->topology), "1n1l%uc1t", g->cell.vcpus);
	KT_TRY(kt_gate_failed(kt_cell_init(&g->machine, NULL, &wishes, diag)));
	return kt_gate_failed(kt_machine_config(&g->config, &g->machine.machine, -1, diag));
}

static int get_warm(struct gate *g, struct kt_baked *baked, struct kt_diag *diag)
{
	const struct kt_baking_request req = { .config = g->config,
					       .stage = stage_of(g, KT_INITRAMFS_BASE),
					       .cancel_fd = g->spec->cancel_fd };
	int r = kt_baking_get(baked, &req, diag);

	return r == KT_BAKING_E_CANCELLED ? KT_GATE_E_CANCELLED : kt_gate_failed(r);
}

static int attach(struct gate *g, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = -1;
	const struct kt_stage_request req = stage_of(g, KT_INITRAMFS_STAGED);

	KT_TRY(kt_gate_failed(kt_stage_build(&fd, &req, diag)));
	KT_TRY(condition_of(kt_session_stage(g->session, fd, diag)));
	return condition_of(kt_session_attach(g->session, "gate", KT_ATTACH_TIMEOUT_NS, diag));
}

/* Starts one task per CPU that never sleeps and runs on in the clones. */
static int start_load(struct gate *g, struct kt_command *loads, struct kt_diag *diag)
{
	static const struct kt_command_handlers none = { 0 };
	char cpu[16];
	const char *const argv[] = { ":spin", cpu, NULL };
	const struct kt_command_spec spec = { .argv = argv };
	int r = 0;

	for (unsigned int i = 0; i < g->cell.vcpus && !r; i++) {
		snprintf(cpu, sizeof(cpu), "%u", i);
		r = kt_command_start(&loads[i], &g->session->commands, &spec, &none, NULL);
	}
	if (r > 0)
		kt_diag_cause(diag, "there are no slots for %u tasks", g->cell.vcpus);
	return kt_gate_failed(r);
}

static int fill(struct gate *g, struct kt_command *loads, struct kt_diag *diag)
{
	const char *const pattern[] = { ":probe", "fill", g->pattern, NULL };
	bool busy = g->cell.load == KT_GATE_BUSY;
	uint32_t slots = busy ? g->cell.vcpus + 2 : 2;

	KT_TRY(begin_machine(g, diag));
	KT_TRY(condition_of(kt_session_slots(g->session, slots, diag)));
	if (g->cell.scheduler)
		KT_TRY(attach(g, diag));
	KT_TRY(run_command(g, pattern, diag));
	if (busy)
		KT_TRY(start_load(g, loads, diag));
	KT_TRY(freeze(g, diag));
	return kt_forward(digest_text(g, g->text_digest, diag));
}

static int make_image(struct gate *g, struct kt_bake *warm, struct kt_diag *diag)
{
	const struct kt_session_spec spec = { .config = g->config, .bake = warm, .saveable = true };
	struct kt_command loads[KT_SLOTS_MAX];
	int r = open_machine(g, &spec, diag);

	if (!r) {
		r = fill(g, loads, diag);
		/* The loads run on in the clones; here nobody waits for their end. */
		kt_commands_forget(&g->session->commands);
	}
	if (!r)
		r = kt_gate_save(&g->bake, g->session->vm, &g->config, diag);
	discard(g);
	return kt_forward(r);
}

static int bake(void *arg, const struct kt_gate_cell *cell, struct kt_diag *diag)
{
	_cleanup_(kt_baked_deinit) struct kt_baked warm = { .bake = NULL };
	struct gate *g = arg;
	int r;

	discard(g);
	g->bake = kt_bake_free(g->bake);
	g->cell = *cell;
	if (cell->vcpus + 2 > KT_SLOTS_MAX)
		return kt_fail(diag, KT_GATE_E_FAILED, "%u vCPUs; the most is %d", cell->vcpus,
			       KT_SLOTS_MAX - 2);
	r = configure(g, diag);
	if (!r)
		r = get_warm(g, &warm, diag);
	if (!r)
		r = make_image(g, warm.bake, diag);
	return kt_doing(diag, r, "make the image");
}

/* ---- a cycle ---- */

static int acquire(void *arg, struct kt_phases *phases, struct kt_diag *diag)
{
	struct gate *g = arg;
	const struct kt_session_spec spec = { .config = g->config, .bake = g->bake };
	int r;

	KT_TRY(g->session ? 0 : open_machine(g, &spec, diag));
	kt_phases_add_restore(phases, g->session->vm);
	r = begin_machine(g, diag);
	if (!r)
		kt_phases_add(phases, "agent", g->session->ready_ns - g->session->begin_ns);
	return kt_forward(r);
}

static int check_host_side(struct gate *g, struct kt_diag *diag)
{
	char digest[17];

	KT_TRY(digest_text(g, digest, diag));
	if (strcmp(digest, g->text_digest))
		return kt_fail(diag, KT_GATE_E_FAILED,
			       "the kernel's text was %s when it was saved, and is %s",
			       g->text_digest, digest);
	if (g->complaint[0])
		return kt_fail(diag, KT_GATE_E_FAILED, "on its console: %s", g->complaint);
	return 0;
}

static const char *module_name(const char *path, char *buf, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(buf, size, "%s", slash ? slash + 1 : path);
	buf[strcspn(buf, ".")] = '\0';
	return buf;
}

/* The pattern belongs to the image; the seed of the cycle is not needed here. */
static int probe(void *arg, uint64_t seed, struct kt_phases *phases, struct kt_diag *diag)
{
	struct gate *g = arg;
	char name[KT_NAME_MAX];
	const char *const argv[] = {
		":probe", "check", g->pattern,
		g->spec->module ? module_name(g->spec->module, name, sizeof(name)) : NULL, NULL
	};
	uint64_t start_ns = kt_now_ns();
	int r = run_command(g, argv, diag);

	kt_phases_add(phases, "probe", kt_now_ns() - start_ns);
	KT_TRY(r);
	KT_TRY(freeze(g, diag));
	return kt_forward(check_host_side(g, diag));
}

static int release(void *arg, struct kt_phases *phases, struct kt_diag *diag)
{
	struct gate *g = arg;
	uint64_t start_ns = kt_now_ns();
	int r;

	if (g->cell.mode == KT_GATE_FRESH) {
		discard(g);
		kt_phases_add(phases, "release", kt_now_ns() - start_ns);
		return 0;
	}
	r = kt_session_rewind(g->session, diag);
	kt_phases_add(phases, "release", kt_now_ns() - start_ns);
	return kt_gate_failed(r);
}

/* ---- what is kept of a failure ---- */

static int keep(void *arg, const char *dir, struct kt_diag *diag)
{
	struct gate *g = arg;
	const struct kt_gate_kept kept = {
		.console = &g->console,
		.bake = g->bake,
		.vm = g->session ? g->session->vm : NULL,
	};

	if (g->session && !g->session->ended)
		(void)kt_fold(kt_session_freeze(g->session, kt_now_ns() + FREEZE_NS, diag));
	return kt_forward(kt_gate_keep(&kept, dir, diag));
}

static void close_gate(void *arg)
{
	struct gate *g = arg;

	discard(g);
	kt_bake_free(g->bake);
	kt_buf_deinit(&g->console);
	free(g);
}

int kt_gate_linux_open(struct kt_gate_machines *ret_machines, const struct kt_gate_spec *spec,
		       struct kt_diag *diag)
{
	struct gate *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return kt_raise(-ENOMEM);
	g->spec = spec;
	g->console = KT_BUF_INIT(0);
	snprintf(g->pattern, sizeof(g->pattern), "%llu", (unsigned long long)spec->seed);
	r = find_text(&g->text, spec->kernel->path, diag);
	if (r) {
		close_gate(g);
		return kt_forward(r);
	}
	*ret_machines = (struct kt_gate_machines){ .arg = g,
						   .surface = kt_accel_name(spec->accel),
						   .bake = bake,
						   .acquire = acquire,
						   .probe = probe,
						   .release = release,
						   .keep = keep,
						   .discard = discard,
						   .close = close_gate };
	return 0;
}
