/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What PID 1 of the guest writes to the console for the host to find. While the
 * control channel is not up, and in a fatal signal, this is the only way to be
 * heard: one line,
 *
 *   KT_CONSOLE_FAILED <doing>: <cause>
 */
#pragma once

#define KT_CONSOLE_FAILED "ktest-init: FAILED "
