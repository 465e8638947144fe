/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine that is saved in a folder of the program's own, for programs that take its clones. */
#pragma once

#include "base/fs.h"
#include "bench/common.h"
#include "vmm/image/bake.h"
#include "vmm/vm.h"

#define RAM_BYTES (UINT64_C(128) << 20)
#define LIMIT_NS  (10 * KT_NSEC_PER_SEC)

struct saved_machine {
	struct kt_loop *loop;
	struct kt_vm_config config;
	char parent[64], dir[KT_PATH_MAX];
	struct kt_bake *bake;
};

/* Starts the machine that is to be saved. */
static inline struct kt_vm *bench_start(struct saved_machine *b, const struct kt_vm_spec *spec,
					const struct kt_vm_handlers *handlers)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm *vm;

	*b = (struct saved_machine){ .parent = "/tmp/ktest-bench-XXXXXX" };
	check(mkdtemp(b->parent) ? 0 : -errno, &diag);
	check(kt_loop_new(&b->loop, &diag), &diag);
	check(kt_vm_config_init(&b->config, spec, &diag), &diag);
	check(kt_vm_new(&vm, &b->config, b->loop, handlers, NULL, &diag), &diag);
	check(kt_vm_start(vm, kt_now_ns() + LIMIT_NS, &diag), &diag);
	return vm;
}

/* Saves the machine, which is frozen, and frees it. */
static inline void bench_save(struct saved_machine *b, struct kt_vm *vm)
{
	json_t *facts = kt_vm_facts(&b->config);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_bake_draft *draft;

	check(kt_path_format(b->dir, "%s/image", b->parent), &diag);
	check(kt_bake_begin(&draft, b->parent, 1, RAM_BYTES, &diag), &diag);
	check(kt_vm_save(vm, draft, kt_now_ns() + LIMIT_NS, &diag), &diag);
	check(kt_bake_publish(draft, b->dir, facts, &diag), &diag);
	check(kt_bake_open(&b->bake, b->dir, facts, &diag), &diag);
	kt_bake_draft_free(draft);
	json_decref(facts);
	kt_vm_free(vm);
}

static inline struct kt_vm *bench_restore(struct saved_machine *b,
					  const struct kt_vm_handlers *handlers)
{
	const struct kt_vm_restore_spec spec = { .config = &b->config, .bake = b->bake };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm *vm;

	check(kt_vm_restore(&vm, &spec, b->loop, handlers, NULL, kt_now_ns() + LIMIT_NS, &diag),
	      &diag);
	return vm;
}

static inline void bench_free(struct saved_machine *b)
{
	kt_bake_free(b->bake);
	kt_loop_free(b->loop);
	check(kt_remove_tree(b->parent), NULL);
}
