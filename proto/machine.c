/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of accelerators and times; see machine.h. */
#include <string.h>

#include "proto/machine.h"

static const char *const accel_names[KT_ACCEL_COUNT_] = {
	[KT_ACCEL_AUTO] = "auto",
	[KT_ACCEL_KVM] = "kvm",
	[KT_ACCEL_TCG] = "tcg",
};

static const char *const time_names[KT_TIME_COUNT_] = {
	[KT_TIME_AUTO] = "auto",
	[KT_TIME_COUNTED] = "counted",
	[KT_TIME_HOST] = "host",
};

/* The index of name; count: not there. */
static unsigned int find(const char *const *names, unsigned int count, const char *name)
{
	unsigned int i = 0;

	while (i < count && strcmp(names[i], name) != 0)
		i++;
	return i;
}

const char *kt_accel_name(enum kt_accel accel)
{
	return (unsigned int)accel < KT_ACCEL_COUNT_ ? accel_names[accel] : "?";
}

int kt_accel_parse(enum kt_accel *ret_accel, const char *name)
{
	unsigned int i = find(accel_names, KT_ACCEL_COUNT_, name);

	if (i == KT_ACCEL_COUNT_)
		return KT_ACCEL_E_NONE;
	*ret_accel = (enum kt_accel)i;
	return 0;
}

const char *kt_time_name(enum kt_time time)
{
	return (unsigned int)time < KT_TIME_COUNT_ ? time_names[time] : "?";
}

int kt_time_parse(enum kt_time *ret_time, const char *name)
{
	unsigned int i = find(time_names, KT_TIME_COUNT_, name);

	if (i == KT_TIME_COUNT_)
		return KT_TIME_E_NONE;
	*ret_time = (enum kt_time)i;
	return 0;
}
