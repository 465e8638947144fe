/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything of vm.h that does not depend on the accelerator: names, validation of a spec,
 * access to RAM, saving of RAM, facts of the machine, and the calls of the accelerator's
 * operations. Registers and breakpoints are in vm-debug.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "vmm/backend.h"

/* Bytes; Linux may ignore a smaller node. */
#define NODE_MEMORY_MIN (UINT64_C(16) << 20)

static const struct kt_vm_ops *const accel_ops[KT_ACCEL_COUNT_] = {
	[KT_ACCEL_KVM] = &kt_kvm_ops,
	[KT_ACCEL_TCG] = &kt_qemu_ops,
};

const char *kt_vm_end_reason_name(enum kt_vm_end_reason reason)
{
	static const char *const names[KT_VM_END_COUNT_] = {
		[KT_VM_END_POWEROFF] = "poweroff",
		[KT_VM_END_RESET] = "reset",
		[KT_VM_END_STOPPED] = "stopped",
		[KT_VM_END_ERROR] = "error",
	};

	return (unsigned int)reason < KT_VM_END_COUNT_ ? names[reason] : "?";
}

/* ---- from spec to config ---- */

static int validate_topology(const struct kt_topology *topo, struct kt_diag *diag)
{
	if (!kt_topology_check(topo, diag))
		return 0;
	kt_diag_remedy(diag,
		       "use at least one of each, LLCs a multiple of the nodes, at most %d nodes "
		       "and %d CPUs",
		       KT_NODES_MAX, KT_CPUS_MAX);
	return KT_VM_E_SPEC;
}

/* Rounds the memory up to a multiple of 2 MiB per node. */
static int validate_memory(struct kt_vm_config *config, uint64_t bytes, struct kt_diag *diag)
{
	unsigned int nodes = kt_topology_nodes_all(&config->topo);
	uint64_t unit = nodes * KT_RAM_ALIGN;
	uint64_t min = KT_MAX(KT_VM_MEMORY_MIN, nodes * NODE_MEMORY_MIN);

	if (bytes < min || bytes > KT_VM_MEMORY_MAX) {
		kt_diag_cause(diag, "memory of %llu bytes for %u nodes is out of bounds",
			      (unsigned long long)bytes, nodes);
		kt_diag_remedy(diag, "use %llu MiB to %llu MiB (at least %llu MiB for each node)",
			       (unsigned long long)(min >> 20),
			       (unsigned long long)(KT_VM_MEMORY_MAX >> 20),
			       (unsigned long long)(NODE_MEMORY_MIN >> 20));
		return KT_VM_E_SPEC;
	}
	config->memory_bytes = (bytes + unit - 1) / unit * unit;
	return 0;
}

static int copy_text(char *buf, size_t size, const char *text, const char *what,
		     struct kt_diag *diag)
{
	size_t len = strlen(text);

	if (len >= size)
		return kt_fail(diag, KT_VM_E_SPEC, "the %s is %zu bytes long; the most is %zu",
			       what, len, size - 1);
	memcpy(buf, text, len + 1);
	return 0;
}

static int validate_kernel(struct kt_vm_config *config, const struct kt_vm_spec *spec,
			   struct kt_diag *diag)
{
	if (!spec->kernel_path || !spec->kernel_path[0]) {
		kt_diag_remedy(diag, "build one with 'ktest kernel build'");
		return kt_fail(diag, KT_VM_E_SPEC, "no kernel is given");
	}
	if (spec->cmdline && strpbrk(spec->cmdline, "\n\r"))
		return kt_fail(diag, KT_VM_E_SPEC, "the kernel command line has a line break");
	KT_TRY(copy_text(config->kernel_path, sizeof(config->kernel_path), spec->kernel_path,
			 "kernel's path", diag));
	return kt_forward(copy_text(config->cmdline, sizeof(config->cmdline),
				    spec->cmdline ? spec->cmdline : "", "kernel command line",
				    diag));
}

static int validate_accel(struct kt_vm_config *config, enum kt_accel accel, struct kt_diag *diag)
{
	config->accel = accel;
	if ((unsigned int)accel >= KT_ACCEL_COUNT_ || !accel_ops[accel])
		return kt_fail(diag, KT_VM_E_SPEC, "'%s' is no accelerator", kt_accel_name(accel));
	return 0;
}

static int validate(struct kt_vm_config *config, const struct kt_vm_spec *spec,
		    struct kt_diag *diag)
{
	KT_TRY(validate_accel(config, spec->accel, diag));
	KT_TRY(validate_topology(&config->topo, diag));
	KT_TRY(validate_memory(config, spec->memory_bytes, diag));
	KT_TRY(validate_kernel(config, spec, diag));
	return kt_forward(accel_ops[config->accel]->validate(config, diag));
}

int kt_vm_config_init(struct kt_vm_config *ret_config, const struct kt_vm_spec *spec,
		      struct kt_diag *diag)
{
	struct kt_vm_config config = {
		.topo = spec->topo,
		.initrd_fd = spec->initrd_fd,
		.counted = spec->counted,
		.even_turns = spec->even_turns,
		.nested = spec->nested,
		.perf = spec->perf,
		.seed = spec->seed,
	};
	int r;

	r = validate(&config, spec, diag);
	if (r) {
		kt_diag_doing(diag, "configure the machine");
		return kt_forward(r);
	}
	*ret_config = config;
	return 0;
}

/* ---- the machine ---- */

static struct kt_vm like_of(const struct kt_vm_config *config, struct kt_loop *loop,
			    const struct kt_vm_handlers *handlers, void *arg)
{
	return (struct kt_vm){ .ops = accel_ops[config->accel],
			       .config = *config,
			       .loop = loop,
			       .handlers = handlers,
			       .arg = arg };
}

int kt_vm_new(struct kt_vm **ret_vm, const struct kt_vm_config *config, struct kt_loop *loop,
	      const struct kt_vm_handlers *handlers, void *arg, struct kt_diag *diag)
{
	const struct kt_vm like = like_of(config, loop, handlers, arg);

	return kt_forward(like.ops->create(ret_vm, &like, diag));
}

struct kt_vm *kt_vm_free(struct kt_vm *vm)
{
	return vm ? vm->ops->free(vm) : NULL;
}

int kt_vm_start(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	return kt_forward(vm->ops->start(vm, deadline_ns, diag));
}

int kt_vm_freeze(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	return kt_forward(vm->ops->freeze(vm, deadline_ns, diag));
}

int kt_vm_thaw(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	return kt_forward(vm->ops->thaw(vm, deadline_ns, diag));
}

/* ---- saving and restoring ---- */

static int cannot(struct kt_diag *diag, const struct kt_vm *vm, const char *what)
{
	return kt_fail(diag, KT_VM_E_CANNOT, "%s cannot %s", kt_accel_name(vm->config.accel), what);
}

static int save_bank(const struct kt_vm *vm, size_t index, struct kt_bake_draft *draft,
		     uint8_t *buf, size_t size)
{
	const struct kt_vm_bank *bank = &vm->ram.banks[index];

	for (uint64_t at = 0; at < bank->len; at += size) {
		KT_TRY(kt_fold(kt_ram_read(&vm->ram, KT_GPA(bank->start.v + at), buf, size)));
		KT_TRY(kt_bake_write_memory(draft, bank->node, vm->ram.offsets[index] + at, buf,
					    size));
	}
	return 0;
}

/* The sizes of banks are multiples of 2 MiB. */
static int save_ram(const struct kt_vm *vm, struct kt_bake_draft *draft, struct kt_diag *diag)
{
	_cleanup_(kt_freep) uint8_t *buf = malloc(KT_RAM_ALIGN);
	int r = buf ? 0 : kt_raise(-ENOMEM);

	for (size_t i = 0; i < vm->ram.bank_count && !r; i++)
		r = save_bank(vm, i, draft, buf, KT_RAM_ALIGN);
	if (r)
		kt_diag_cause(diag, "copy the machine's memory: %s", strerror(-r));
	return kt_forward(r);
}

int kt_vm_save(struct kt_vm *vm, struct kt_bake_draft *draft, uint64_t deadline_ns,
	       struct kt_diag *diag)
{
	int r;

	if (draft->nodes != vm->ram.nodes || draft->node_bytes != vm->ram.node_bytes)
		return kt_raise(-EINVAL);
	r = vm->ops->save ? vm->ops->save(vm, draft, deadline_ns, diag) :
			    cannot(diag, vm, "save machines");
	if (!r)
		r = save_ram(vm, draft, diag);
	return kt_doing(diag, r, "save the machine");
}

static int add_machine_facts(json_t *facts, const struct kt_vm_config *config)
{
	char topo[KT_TOPOLOGY_TEXT_MAX], memory[32];

	snprintf(memory, sizeof(memory), "%llu", (unsigned long long)config->memory_bytes);
	kt_topology_format(&config->topo, topo);
	if (json_object_set_new(facts, "accelerator", json_string(kt_accel_name(config->accel))) ||
	    json_object_set_new(facts, "topology", json_string(topo)) ||
	    json_object_set_new(facts, "memory", json_string(memory)) ||
	    json_object_set_new(facts, "kind of machine",
				json_string(config->counted ? "counted time" :
					    config->nested  ? "nested" :
							      "plain")))
		return kt_raise(-ENOMEM);
	return 0;
}

json_t *kt_vm_facts(const struct kt_vm_config *config)
{
	const struct kt_vm_ops *ops = accel_ops[config->accel];
	json_t *facts = json_object();

	if (facts && !add_machine_facts(facts, config) &&
	    (!ops->add_facts || !ops->add_facts(facts, config)))
		return facts;
	json_decref(facts);
	return NULL;
}

int kt_vm_new_blank(struct kt_vm **ret_vm, const struct kt_vm_config *config, struct kt_loop *loop,
		    const struct kt_vm_handlers *handlers, void *arg, struct kt_diag *diag)
{
	const struct kt_vm like = like_of(config, loop, handlers, arg);
	int r = like.ops->new_blank ? like.ops->new_blank(ret_vm, &like, diag) :
				      cannot(diag, &like, "make blank machines");

	return kt_doing(diag, r, "make a blank machine");
}

int kt_vm_expect(struct kt_vm *vm, struct kt_bake *bake, struct kt_diag *diag)
{
	int r;

	vm->bake = bake;
	r = vm->ops->expect(vm, diag);
	return kt_doing(diag, r, "tell a blank machine its bake");
}

static int check_blank(const struct kt_vm *blank, const struct kt_bake *bake, struct kt_diag *diag)
{
	if (!blank || !blank->bake || blank->bake == bake)
		return 0;
	return kt_fail(diag, kt_raise(-EINVAL), "it was made for another image");
}

int kt_vm_restore(struct kt_vm **ret_vm, const struct kt_vm_restore_spec *spec,
		  struct kt_loop *loop, const struct kt_vm_handlers *handlers, void *arg,
		  uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_vm like = like_of(spec->config, loop, handlers, arg);
	int r = check_blank(spec->blank, spec->bake, diag);

	like.bake = spec->bake;
	like.saveable = spec->saveable;
	like.blank = spec->blank;
	if (r)
		kt_vm_free(spec->blank);
	else
		r = like.ops->restore ? like.ops->restore(ret_vm, &like, deadline_ns, diag) :
					cannot(diag, &like, "restore machines");
	return kt_doing(diag, r, "restore the machine");
}

int kt_vm_rewind(struct kt_vm *vm, struct kt_diag *diag)
{
	int r;

	if (!vm->ops->rewind || !vm->bake || vm->saveable)
		r = cannot(diag, vm, "rewind this machine");
	else
		r = vm->ops->rewind(vm, diag);
	return kt_doing(diag, r, "rewind the machine");
}

void kt_vm_restore_times(const struct kt_vm *vm, struct kt_vm_restore_times *ret_times)
{
	*ret_times = vm->times;
}

int kt_vm_stop(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	return kt_forward(vm->ops->stop(vm, deadline_ns, diag));
}

int kt_vm_send(struct kt_vm *vm, enum kt_vm_stream stream, const void *data, size_t len)
{
	return kt_forward(vm->ops->send(vm, stream, data, len));
}

int kt_vm_stats(struct kt_vm *vm, struct kt_vcpu_stats *ret_stats, unsigned int max)
{
	return kt_forward(vm->ops->stats(vm, ret_stats, max));
}

uint64_t kt_vm_stand_still_ns(const struct kt_vm *vm)
{
	return vm->ops->stand_still_ns ? vm->ops->stand_still_ns(vm) : 0;
}

unsigned int kt_vm_exits(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_exits *ret_exits,
			 unsigned int max)
{
	return vm->ops->exits ? vm->ops->exits(vm, vcpu, ret_exits, max) : 0;
}

/* ---- guest-physical memory ---- */

int kt_vm_mem_read(struct kt_vm *vm, kt_gpa_t gpa, void *buf, size_t len)
{
	return kt_forward(kt_ram_read(&vm->ram, gpa, buf, len));
}

int kt_vm_mem_read_pieces(struct kt_vm *vm, struct kt_memory_piece *pieces, size_t count)
{
	return kt_forward(kt_ram_read_pieces(&vm->ram, pieces, count));
}

int kt_vm_mem_write(struct kt_vm *vm, kt_gpa_t gpa, const void *buf, size_t len)
{
	return kt_forward(kt_ram_write(&vm->ram, gpa, buf, len));
}

int kt_vm_mem_map(struct kt_vm *vm, kt_gpa_t gpa, size_t len, struct kt_vm_mapping *ret_mapping)
{
	return kt_forward(kt_ram_map(&vm->ram, gpa, len, ret_mapping));
}

void kt_vm_mem_unmap(struct kt_vm *vm, struct kt_vm_mapping *mapping)
{
	if (mapping->base_)
		munmap(mapping->base_, mapping->base_len_);
	*mapping = (struct kt_vm_mapping){ .data = NULL };
}

const struct kt_vm_bank *kt_vm_mem_banks(const struct kt_vm *vm, size_t *ret_count)
{
	*ret_count = vm->ram.bank_count;
	return vm->ram.banks;
}
