/* SPDX-License-Identifier: GPL-2.0-only */
/* A user's scenario file that does not compile. */
#include <ktest.h>

KT_SCENARIO(user_bad, "has a field that there is not",
	.no_such_field = 1);

KT_SCENARIO(user_bad_too, "is in the same file");
