/* SPDX-License-Identifier: GPL-2.0-only */
/* A result as JSON, for result.json and for --json. */
#pragma once

#include <jansson.h>

#include "judge/result.h"

#define KT_RESULT_VERSION 2 /* 2: "exit" of a scheduler is an object */

/* New reference; NULL without memory. */
json_t *kt_result_json(const struct kt_run_result *result);
