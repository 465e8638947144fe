/* SPDX-License-Identifier: GPL-2.0-only */
/* Loader of scx_vtime; scx_vtime.bpf.c describes the scheduler. */
#include "schedulers/main.h"

#include "scx_vtime.skel.h"

KTS_MAIN(scx_vtime, vtime_ops, NULL, NULL)
