/* SPDX-License-Identifier: GPL-2.0-only */
/* A user's scenario file that C would let pass and that could not be linked. */
#include <ktest.h>

KT_HOST_CHECK(has_a_typo)
{
	KT_EXPCT_EQ(ck, 1, 1);
}

KT_SCENARIO(user_typo, "calls a macro by a wrong name",
	.check = KT_CHECK(has_a_typo));
