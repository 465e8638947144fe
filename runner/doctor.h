/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ktest needs of the machine it runs on, looked at piece by piece: each
 * finding has a remedy where something is missing. Nothing is started but
 * `qemu --version`, nothing is changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"

enum kt_health {
	KT_HEALTH_GOOD,
	KT_HEALTH_NOTE, /* ktest works without it, but slower or with less */
	KT_HEALTH_BAD,	/* ktest cannot run scenarios */
};

struct kt_doctor_item {
	const char *name; /* static */
	enum kt_health health;
	struct kt_diag diag; /* its cause is what was found, good or bad */
};

#define KT_DOCTOR_ITEMS_MAX 16

/* Fills in at most KT_DOCTOR_ITEMS_MAX items and returns how many there are. */
size_t kt_doctor_look(struct kt_doctor_item *items);
