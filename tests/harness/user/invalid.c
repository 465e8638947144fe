/* SPDX-License-Identifier: GPL-2.0-only */
/* A user's scenario file that compiles, with records that break the rules. */
#include <ktest.h>

KT_SCENARIO(user_invalid, "names a topology that there is not",
	.topo = KT_TOPO("many CPUs"));

KT_SCENARIO(user_invalid_too, "asks for snapshots without a hold",
	.snapshots = 3);
