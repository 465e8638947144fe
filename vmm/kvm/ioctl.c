/* SPDX-License-Identifier: GPL-2.0-only */
/* Checked ioctl(2); see ioctl.h. */
#include <string.h>

#include "vmm/kvm/ioctl.h"

int kt_ioctl_by_name(int fd, unsigned long request, unsigned long arg, int *ret_value,
		     struct kt_diag *diag, const char *name)
{
	int r;

	do
		r = ioctl(fd, request, arg);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		r = -errno;
		kt_diag_cause(diag, "%s: %s", name, strerror(-r));
		return kt_raise(r);
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
