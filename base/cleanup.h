/* SPDX-License-Identifier: GPL-2.0-only */
/* Scope-bound clean-up, and small macros for sizes and pointers. */
#pragma once

#include <dirent.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define KT_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define KT_MIN(a, b)                    \
	({                              \
		__typeof__(a) _a = (a); \
		__typeof__(b) _b = (b); \
		_a < _b ? _a : _b;      \
	})
#define KT_MAX(a, b)                    \
	({                              \
		__typeof__(a) _a = (a); \
		__typeof__(b) _b = (b); \
		_a > _b ? _a : _b;      \
	})
#define kt_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Take pointer or descriptor out of a variable and leave NULL or -1 for its clean-up. */
#define kt_steal_ptr(ptr)                   \
	({                                  \
		__typeof__(ptr) _p = (ptr); \
		(ptr) = NULL;               \
		_p;                         \
	})

static inline int kt_steal_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

/* Closes *fd if it is open and leaves -1. */
static inline void kt_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void kt_freep(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

static inline void kt_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

static inline void kt_closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
	*dir = NULL;
}

/* Declares kt_x_freep() for `struct x *kt_x_free(struct x *)`. */
#define KT_DEFINE_FREEP(type, fn)          \
	static inline void fn##p(type **p) \
	{                                  \
		*p = fn(*p);               \
	}
