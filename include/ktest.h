/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The header that scenario files include. A scenario file is compiled for the host (checks)
 * and for the guest (bodies and workloads); its records must be the same on both sides.
 */
#pragma once

#include "ops/op.h"
#include "ops/program.h"
#include "ops/worker.h"
#include "proto/result.h"
#include "scenario/check.h"
#include "scenario/guest.h"
#include "scenario/limit.h"
#include "scenario/scenario.h"
