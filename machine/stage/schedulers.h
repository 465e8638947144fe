/* SPDX-License-Identifier: GPL-2.0-only */
/* The schedulers that come with ktest: the names that need no path. */
#pragma once

struct kt_own_scheduler {
	const char *name; /* NULL ends the table */
	const char *doc;  /* its policy, as in docs/schedulers.md */
};

/* Sorted by name. */
extern const struct kt_own_scheduler kt_own_schedulers[];
