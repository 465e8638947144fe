/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checked ioctl(2) to KVM. The compiler compares the size that a request encodes with the
 * size of the argument; diag names the request that failed.
 *
 *   kt_ioctl(fd, KVM_GET_REGS, &regs, diag)            struct argument
 *   kt_ioctl_value(fd, KVM_CREATE_VM, 0, &vm_fd, diag) number in, number out
 *   kt_ioctl_run(fd)                                   KVM_RUN
 *
 * EINTR: the first two repeat the request, which has changed nothing. kt_ioctl_run() does not
 * repeat: there EINTR is the answer to a kick.
 */
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "base/diag.h"
#include "base/error.h"

/*
 * 0, or negative errno with diag. arg points to a struct of the size that the request
 * encodes.
 */
#define kt_ioctl(fd, request, arg, diag)                                                         \
	({                                                                                       \
		_Static_assert(_IOC_SIZE(request) == sizeof(*(arg)),                             \
			       "argument of another size than " #request " encodes");            \
		kt_ioctl_by_name((fd), (request), (unsigned long)(arg), NULL, (diag), #request); \
	})

/*
 * For requests that take a number. 0 with the result, which is never negative, in *ret_value
 * (may be NULL); or negative errno with diag.
 */
#define kt_ioctl_value(fd, request, value, ret_value, diag)                                        \
	({                                                                                         \
		_Static_assert(_IOC_SIZE(request) == 0, #request " takes a struct, not a number"); \
		kt_ioctl_by_name((fd), (request), (value), (ret_value), (diag), #request);         \
	})

enum kt_kvm_run_condition {
	KT_KVM_RUN_E_KICKED = KT_CONDITION(KVM_RUN), /* EINTR: a signal, or immediate_exit */
	KT_KVM_RUN_E_AGAIN, /* EAGAIN: the vCPU waited for its SIPI and something happened */
};

/* 0: kvm_run has the exit reason. A condition of enum kt_kvm_run_condition; negative errno. */
int kt_ioctl_run(int vcpu_fd) _kt_must_check_;

/* What kt_ioctl() and kt_ioctl_value() expand to. */
int kt_ioctl_by_name(int fd, unsigned long request, unsigned long arg, int *ret_value,
		     struct kt_diag *diag, const char *name) _kt_must_check_;
