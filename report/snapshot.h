/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot as JSON, for the artefacts: every typed value under its name. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "monitor/snapshots.h"

/* New reference to an object; -ENOMEM. */
int kt_snapshot_json(json_t **ret_json, const struct kt_snapshot *snapshot) _kt_must_check_;

/* "periodic", "attached", "ending"; static. */
const char *kt_snapshot_cause_name(uint32_t cause);
