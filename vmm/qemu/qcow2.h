/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk image of QEMU's own form with no disk in it, and one internal snapshot, whose
 * saved state are bytes of ours. It is the way into a running QEMU for them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <stddef.h>

#include "base/error.h"

#define KT_QCOW2_TAG   "1"		     /* the snapshot's name */
#define KT_QCOW2_BYTES (UINT64_C(256) << 20) /* more than this does not fit */
#define KT_QCOW2_AT    (UINT64_C(7) << 16)   /* where the bytes are in the file, in one piece */

/* Makes the image as a memory file (*ret_fd, owned by the caller). -EFBIG. */
int kt_qcow2_make(int *ret_fd, const void *state, size_t len) _kt_must_check_;
