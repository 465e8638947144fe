/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The line that PID 1 of the guest writes to the console when it fails without a control
 * channel, before the channel is open or after a fatal signal:
 *
 *   KT_CONSOLE_FAILED <doing>: <cause>
 */
#pragma once

#define KT_CONSOLE_FAILED "ktest-init: FAILED "
