/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compares the text of a configuration fragment with the final .config. Kconfig silently
 * drops a line of the fragment whose dependencies are not met.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define KT_CONFIG_BYTES_MAX (4u << 20) /* the .config of a distribution has 300 kB */

enum kt_config_condition {
	KT_CONFIG_E_SYNTAX = KT_CONDITION(CONFIG), /* malformed line in the fragment */
};

/*
 * Called in order with each line of the fragment that the .config lost. line: line number
 * in the fragment; wanted: the line; is: the value in .config, "n" if .config does not
 * name the option. Strings are borrowed for the call.
 */
typedef void kt_config_lost_fn(unsigned int line, const char *wanted, const char *is, void *data);

/*
 * Calls lost for each lost line. "CONFIG_X=..." requires this value; "# CONFIG_X is not
 * set" requires n or an unknown option; "# or" between two settings requires one of the two,
 * and the first is reported; other comments and empty lines require nothing. *ret_lost: number
 * of calls. KT_CONFIG_E_SYNTAX: line *reterr_line of the fragment has another form.
 */
int kt_config_compare(const char *fragment, const char *config, kt_config_lost_fn *lost, void *data,
		      unsigned int *ret_lost, unsigned int *reterr_line) _kt_must_check_;
