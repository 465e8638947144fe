/* SPDX-License-Identifier: GPL-2.0-only */
/* A user's scenario file that compiles for the host alone. */
#include <ktest.h>

KT_GUEST_SCENARIO(user_bad_in_the_guest, "calls what there is not")
{
#ifdef KT_GUEST
	no such statement;
#endif
}
