/* SPDX-License-Identifier: GPL-2.0-only */
/* main() of the programs that have none of their own. */
#include "tests/kvm/rig.h"

int main(void)
{
	return rig_main("", NULL, NULL);
}
