/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk image in QEMU's qcow2 format with an empty disk and one internal snapshot, whose
 * state is made of given bytes. A running QEMU takes in the state of a machine only from an
 * internal snapshot.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KT_QCOW2_TAG   "1"		     /* the snapshot's name */
#define KT_QCOW2_BYTES (UINT64_C(256) << 20) /* bytes of state that fit */
#define KT_QCOW2_AT    (UINT64_C(7) << 16)   /* offset of the contiguous state in the file */

/*
 * Makes the image as a memory file, *ret_fd, owned by the caller. -EFBIG: len exceeds
 * KT_QCOW2_BYTES.
 */
int kt_qcow2_make(int *ret_fd, const void *state, size_t len) _kt_must_check_;
