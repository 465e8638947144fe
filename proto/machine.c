/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of accelerators; see machine.h. */
#include <string.h>

#include "proto/machine.h"

static const char *const accel_names[KT_ACCEL_COUNT_] = {
	[KT_ACCEL_AUTO] = "auto",
	[KT_ACCEL_KVM] = "kvm",
	[KT_ACCEL_TCG] = "tcg",
};

const char *kt_accel_name(enum kt_accel accel)
{
	return (unsigned int)accel < KT_ACCEL_COUNT_ ? accel_names[accel] : "?";
}

int kt_accel_parse(enum kt_accel *ret_accel, const char *name)
{
	for (unsigned int i = 0; i < KT_ACCEL_COUNT_; i++)
		if (!strcmp(accel_names[i], name)) {
			*ret_accel = (enum kt_accel)i;
			return 0;
		}
	return KT_ACCEL_E_NONE;
}
