/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioctl(2) to KVM, checked. The size that a request encodes is compared with
 * the argument's when the caller is compiled, and a fault names the request:
 *
 *   kt_ioctl(fd, KVM_GET_REGS, &regs, diag)            struct argument
 *   kt_ioctl_value(fd, KVM_CREATE_VM, 0, &vm_fd, diag) number in, number out
 *   kt_ioctl_run(fd)                                   KVM_RUN
 *
 * EINTR: the first two start again, for they change nothing when they are
 * interrupted. KVM_RUN does not: there it is the answer to a kick.
 */
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "base/diag.h"
#include "base/error.h"

/* 0, or a negative errno with diag. arg points to what the request's size says. */
#define kt_ioctl(fd, request, arg, diag)                                                         \
	({                                                                                       \
		_Static_assert(_IOC_SIZE(request) == sizeof(*(arg)),                             \
			       "argument of another size than " #request " encodes");            \
		kt_ioctl_by_name((fd), (request), (unsigned long)(arg), NULL, (diag), #request); \
	})

/*
 * For requests that take a number and no struct. 0 with the result (never
 * negative) in *ret_value, which may be NULL; or a negative errno with diag.
 */
#define kt_ioctl_value(fd, request, value, ret_value, diag)                                        \
	({                                                                                         \
		_Static_assert(_IOC_SIZE(request) == 0, #request " takes a struct, not a number"); \
		kt_ioctl_by_name((fd), (request), (value), (ret_value), (diag), #request);         \
	})

enum kt_run_condition {
	KT_RUN_E_KICKED = KT_CONDITION(KVM_RUN), /* EINTR: a signal, or immediate_exit */
	KT_RUN_E_AGAIN, /* EAGAIN: the vCPU waited for its SIPI and something happened */
};

/* 0: kvm_run says why the guest was left. A condition of kt_run_condition; negative errno. */
int kt_ioctl_run(int vcpu_fd) _kt_must_check_;

/* What the macros expand to. */
int kt_ioctl_by_name(int fd, unsigned long request, unsigned long arg, int *ret_value,
		     struct kt_diag *diag, const char *name) _kt_must_check_;
