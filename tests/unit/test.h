/* SPDX-License-Identifier: GPL-2.0-only */
/* cmocka with the headers it needs in front. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
