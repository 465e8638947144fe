/* SPDX-License-Identifier: GPL-2.0-only */
/* Loader of scx_maps; scx_maps.bpf.c describes the scheduler. */
#include "schedulers/main.h"

#include "tests/monitor/scx_maps.h"
#include "scx_maps.skel.h"

KTS_MAIN(scx_maps, maps_ops, NULL, NULL)
