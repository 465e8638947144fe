/* SPDX-License-Identifier: GPL-2.0-only */
/* Checked ioctl(2); see ioctl.h. */
#include <string.h>
#include <unistd.h>

#include "vmm/kvm/ioctl.h"

int kt_ioctl_by_name(int fd, unsigned long request, unsigned long arg, int *ret_value,
		     struct kt_diag *diag, const char *name)
{
	int r = (int)TEMP_FAILURE_RETRY(ioctl(fd, request, arg));

	if (r < 0) {
		r = -errno;
		return kt_fail(diag, kt_raise(r), "%s: %s", name, strerror(-r));
	}
	if (ret_value)
		*ret_value = r;
	return 0;
}

int kt_ioctl_run(int vcpu_fd)
{
	if (ioctl(vcpu_fd, KVM_RUN, 0) >= 0)
		return 0;
	switch (errno) {
	case EINTR:
		return KT_KVM_RUN_E_KICKED;
	case EAGAIN:
		return KT_KVM_RUN_E_AGAIN;
	default:
		return kt_raise(-errno);
	}
}
