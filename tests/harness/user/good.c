/* SPDX-License-Identifier: GPL-2.0-only */
/* A user's scenario file: what the tree's options would refuse is the user's own affair. */
#include <ktest.h>

#if KT_NOT_DEFINED_ANYWHERE
#error "the tree's -Wundef -Werror"
#endif
#ifdef KTEST_VERSION
#error "a define of the tree"
#endif

int count_of_the_user(int unused);
int count_of_the_user(int unused)
{
	int not_used;

	return 1;
}

KT_HOST_CHECK(runs_on_the_host)
{
	KT_EXPECT_EQ(ck, kt_check_generations(ck), 0);
}

KT_GUEST_SCENARIO(user_good, "is as good as any",
	.check = KT_CHECK(runs_on_the_host))
{
	KT_G_EXPECT_MSG(kg, count_of_the_user(0) == 1, "the body does not run");
}
