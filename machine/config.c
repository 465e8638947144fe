/* SPDX-License-Identifier: GPL-2.0-only */
/* Conversion of a cell's machine; see config.h. */
#include "machine/config.h"

int kt_machine_config(struct kt_vm_config *ret_config, const struct kt_cell_machine *m,
		      int initrd_fd, struct kt_diag *diag)
{
	const struct kt_vm_spec spec = {
		.accel = m->accel,
		.topo = m->topo,
		.memory_bytes = m->memory_bytes,
		.kernel_path = m->kernel,
		.initrd_fd = initrd_fd,
		.cmdline = m->cmdline,
		.counted = m->time == KT_TIME_COUNTED,
		.nested = m->nested,
		.perf = m->perf,
		.seed = m->seed,
	};

	return kt_forward(kt_vm_config_init(ret_config, &spec, diag));
}
