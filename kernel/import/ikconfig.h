/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration that a kernel built with CONFIG_IKCONFIG carries in its image: a gzip stream
 * between the marks IKCFG_ST and IKCFG_ED (kernel/configs.c).
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

enum kt_ikconfig_condition {
	KT_IKCONFIG_E_NONE = KT_CONDITION(IKCONFIG), /* no configuration, or a damaged one */
};

/*
 * Writes the configuration in the image of `size` bytes to fd; after KT_IKCONFIG_E_NONE the file
 * may have a part of it. Negative errno: the file cannot be written.
 */
int kt_ikconfig_extract(const void *image, size_t size, int fd) _kt_must_check_;
