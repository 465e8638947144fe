/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From what is known of a run to what is concluded. A fault of the machine or
 * the host never counts against a scheduler, and nothing passes that did not do
 * what it was asked to.
 */
#pragma once

#include "judge/result.h"

/* Fills in verdict, could_not_run and cause of result from the rest of it and its cell. */
void kt_verdict_decide(struct kt_run_result *result);
