/* SPDX-License-Identifier: GPL-2.0-only */
/* Loader of scx_fifo; what the scheduler does is told in scx_fifo.bpf.c. */
#include "schedulers/main.h"

#include "scx_fifo.skel.h"

KTS_MAIN(scx_fifo, fifo_ops, NULL, NULL)
