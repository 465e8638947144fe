/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one header a scenario file includes. The file is compiled twice, for the
 * host (checks) and for the guest (bodies); the tables must come out the same.
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
