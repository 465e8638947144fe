/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control run: what workers do under the kernel's own scheduler, in the same machine. After the
 * scheduler has ended init starts the workers of a steady scenario once more and measures them for
 * KT_CONTROL_NS. The host compares their rates with those under the scheduler (judge/control.h).
 */
#pragma once

#include "scenario/scenario.h"

#define KT_CONTROL_NS (200 * KT_NSEC_PER_MSEC) /* guest time */

/*
 * Whether the scenario is steady: its only step does nothing but start workers, in cgroups and with
 * properties that stay as they are, so that nothing but the scheduler differs in the control run.
 */
bool kt_scenario_is_steady(const struct kt_scenario *s);
