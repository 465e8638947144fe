/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fuzz target is one file with this function. It is built twice: with the
 * driver in driver.c, which replays the corpus and seeded mutations of it as a
 * test, and, on request (-Dfuzzers=true), with libFuzzer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
