/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checking the requirements of ktest on the host, one item per requirement; an item that is not
 * good has a remedy. Only `qemu --version` is executed, and nothing is changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"

enum kt_health {
	KT_HEALTH_GOOD,
	KT_HEALTH_NOTE, /* ktest works, but slower or without some features */
	KT_HEALTH_BAD,	/* ktest cannot run scenarios */
};

struct kt_doctor_item {
	const char *name; /* static */
	enum kt_health health;
	struct kt_diag diag; /* cause: the state of the host, good or bad */
};

#define KT_DOCTOR_ITEMS_MAX 16

/* Fills in at most KT_DOCTOR_ITEMS_MAX items. Returns their number. */
size_t kt_doctor_look(struct kt_doctor_item *items);
