/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel configurations as text: did what a fragment asks for survive into a
 * final .config? The kernel's own tooling drops a line whose dependencies are
 * not met without a word.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define KT_CONFIG_BYTES_MAX (4u << 20) /* a distribution's has 300 kB */

/*
 * Told of each line of the fragment that did not survive, in order: the line
 * number, the line as it stands, and what the final configuration says instead
 * ("n" where it does not name the option). The strings end with the call.
 */
typedef void kt_config_lost_fn(unsigned int line, const char *wanted, const char *is, void *data);

/*
 * Compares; "# CONFIG_X is not set" asks for CONFIG_X to be n or unknown. Other
 * comments and empty lines ask for nothing. *ret_lost: the number of calls of
 * lost. Condition SYNTAX: *reterr_line of the fragment is none of these.
 */
enum kt_config_condition {
	KT_CONFIG_E_SYNTAX = KT_CONDITION(CONFIG),
};
int kt_config_compare(const char *fragment, const char *config, kt_config_lost_fn *lost, void *data,
		      unsigned int *ret_lost, unsigned int *reterr_line) _kt_must_check_;
