/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Derives the verdict from the result of a run. A fault of the machine or of the host
 * never counts against a scheduler, and a run passes only if it did all that its scenario
 * requires.
 */
#pragma once

#include "judge/result.h"

/* Sets result->verdict, ->could_not_run and ->cause from the other members of result. */
void kt_verdict_decide(struct kt_run_result *result);
