/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal of interactive commands; see terminal.h. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/terminal.h"

int kt_terminal_take(void)
{
	int fd = open(KT_TERMINAL, O_RDWR);

	if (fd < 0 || ioctl(fd, TIOCSCTTY, 1))
		return -1;
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) < 0)
			return -1;
	if (fd > 2)
		close(fd);
	return 0;
}

void kt_terminal_resize(const struct kt_msg_winsize *size)
{
	/* Stays open, because the kernel forgets the size of a closed terminal. */
	static int fd = -1;
	const struct winsize ws = { .ws_row = size->rows, .ws_col = size->columns };

	/* The end of the last session hung up the descriptor. */
	if (fd >= 0 && ioctl(fd, TIOCSWINSZ, &ws))
		kt_closep(&fd);
	if (fd >= 0)
		return;
	fd = open(KT_TERMINAL, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	/* In a machine without a terminal, kt_terminal_take() fails and reports that. */
	if (fd >= 0)
		(void)ioctl(fd, TIOCSWINSZ, &ws);
}
