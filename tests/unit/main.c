/* SPDX-License-Identifier: GPL-2.0-only */
/* main() of the programs that have none of their own. */
#include "tests/unit/test.h"

int main(void)
{
	return test_run("");
}
