/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the state of sched_ext; see scx-state.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ops/guest/kernel-file.h"
#include "ops/guest/sched/scx-state.h"

struct kt_scx_state kt_scx_state_read(void)
{
	struct kt_scx_state st;

	kt_kernel_file_read(KT_SCX_DIR "state", st.state, sizeof(st.state));
	kt_kernel_file_read(KT_SCX_DIR "root/ops", st.ops, sizeof(st.ops));
	return st;
}

int kt_scx_log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

void kt_scx_log_read(struct kt_scx_log *log, int fd)
{
	char record[4096]; /* PRINTKRB_RECORD_MAX and PRINTK_PREFIX_MAX of the kernel are less */
	ssize_t n;

	/* One record per read; EPIPE: records were overwritten meanwhile. */
	while (fd >= 0 && ((n = read(fd, record, sizeof(record) - 1)) > 0 ||
			   (n < 0 && (errno == EPIPE || errno == EINTR)))) {
		record[n > 0 ? n : 0] = 0;
		if (!strstr(record, "sched_ext: BPF scheduler \""))
			continue;
		if (strstr(record, "\" enabled"))
			log->enabled = true;
		if (strstr(record, "\" disabled ("))
			log->asked = strstr(record, "(unregistered from the main kernel)");
	}
}
