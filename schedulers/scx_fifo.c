/* SPDX-License-Identifier: GPL-2.0-only */
/* Loader of scx_fifo; scx_fifo.bpf.c describes the scheduler. */
#include "schedulers/main.h"

#include "scx_fifo.skel.h"

KTS_MAIN(scx_fifo, fifo_ops, NULL, NULL)
