/* SPDX-License-Identifier: GPL-2.0-only */
/* Images and kept files of the gate; see image.h. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "machine/bake-cache.h"
#include "measure/gate/image.h"

#define SAVE_NS	     (60 * KT_NSEC_PER_SEC)
#define REGISTERS_NS (5 * KT_NSEC_PER_SEC)

/* ---- the image ---- */

static int publish(struct kt_bake **ret_bake, const struct kt_vm_config *config,
		   struct kt_bake_draft *draft, struct kt_diag *diag)
{
	json_auto_t *facts = kt_vm_facts(config);
	char dir[KT_PATH_MAX];
	int r;

	if (!facts)
		return kt_raise(-ENOMEM);
	KT_TRY(kt_path_format(dir, "%s/gate-%d", draft->parent, (int)getpid()));
	KT_TRY(kt_remove_tree(dir));
	r = kt_bake_publish(draft, dir, facts, diag);
	if (!r)
		r = kt_bake_open(ret_bake, dir, facts, diag);
	(void)kt_fold(kt_remove_tree(dir));
	return kt_forward(r);
}

static int save(struct kt_bake **ret_bake, struct kt_vm *vm, const struct kt_vm_config *config,
		struct kt_diag *diag)
{
	_cleanup_(kt_bake_draft_freep) struct kt_bake_draft *draft = NULL;
	char parent[KT_PATH_MAX];

	KT_TRY(kt_bake_cache_dir(parent));
	KT_TRY(kt_bake_begin(&draft, parent, 1, config->memory_bytes, diag));
	KT_TRY(kt_vm_save(vm, draft, kt_now_ns() + SAVE_NS, diag));
	return kt_forward(publish(ret_bake, config, draft, diag));
}

int kt_gate_save(struct kt_bake **ret_bake, struct kt_vm *vm, const struct kt_vm_config *config,
		 struct kt_diag *diag)
{
	return kt_gate_failed(save(ret_bake, vm, config, diag));
}

/* ---- what is kept of a failure ---- */

static int keep_file(const char *dir, const char *name, int fd)
{
	char path[KT_PATH_MAX];
	_cleanup_(kt_closep) int to = -1;
	struct stat st;
	int r;

	KT_TRY(kt_path_format(path, "%s/%s", dir, name));
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (to < 0 || fstat(fd, &st))
		return kt_raise(-errno);
	r = kt_copy_data(to, fd, st.st_size);
	return !r && ftruncate(to, st.st_size) ? kt_raise(-errno) : kt_forward(r);
}

static int keep_registers(const struct kt_gate_kept *kept, const char *dir, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(KT_VM_REGISTERS_MAX);
	char path[KT_PATH_MAX];
	int r = kt_path_format(path, "%s/registers.txt", dir);

	/* If the registers cannot be read, the file has the reason. */
	if (!r && kt_vm_registers_text(kept->vm, &out, kt_now_ns() + REGISTERS_NS, diag))
		r = kt_buf_printf(&out, "%s\n", diag->cause);
	kt_diag_reset(diag);
	return r ? kt_forward(r) : kt_forward(kt_write_file_atomic(path, out.data, out.len));
}

static int keep_files(const struct kt_gate_kept *kept, const char *dir)
{
	char path[KT_PATH_MAX];

	KT_TRY(kt_path_format(path, "%s/console.log", dir));
	KT_TRY(kt_write_file_atomic(path, kept->console->data, kept->console->len));
	KT_TRY(keep_file(dir, "memory.0", kept->bake->memory_fds[0]));
	return kt_forward(keep_file(dir, "state", kept->bake->state_fd));
}

int kt_gate_keep(const struct kt_gate_kept *kept, const char *dir, struct kt_diag *diag)
{
	int r = keep_files(kept, dir);

	if (!r && kept->vm)
		r = keep_registers(kept, dir, diag);
	if (r < 0)
		kt_diag_cause(diag, "%s: %s", dir, strerror(-r));
	return kt_forward(r);
}
