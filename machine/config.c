/* SPDX-License-Identifier: GPL-2.0-only */
/* Conversion of a cell's machine; see config.h. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <elf.h>

#include "base/cleanup.h"
#include "machine/config.h"

/*
 * Whether the kernel is one that others built: a bzImage, where ktest boots the vmlinux of its own
 * kernels. With 250 ticks per second in place of 1000 such a kernel hangs without even turns; ktest's
 * own runs without, and the same twice.
 */
static bool is_of_others(const char *kernel)
{
	_cleanup_(kt_closep) int fd = open(kernel, O_RDONLY | O_CLOEXEC);
	char magic[SELFMAG];

	return fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) &&
	       memcmp(magic, ELFMAG, SELFMAG);
}

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
		.even_turns = is_of_others(m->kernel ?: ""),
		.nested = m->nested,
		.perf = m->perf,
		.seed = m->seed,
	};

	return kt_forward(kt_vm_config_init(ret_config, &spec, diag));
}
