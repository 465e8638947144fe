/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes from the devices to the loop; see outbox.h. */
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "vmm/kvm/device/outbox.h"

int kt_outbox_init(struct kt_outbox *outbox)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return kt_raise(-errno);
	*outbox = (struct kt_outbox){ .fd = fd };
	pthread_mutex_init(&outbox->lock, NULL); /* with default attributes both always succeed */
	pthread_cond_init(&outbox->room, NULL);
	return 0;
}

void kt_outbox_deinit(struct kt_outbox *outbox)
{
	if (outbox->fd <= 0)
		return;
	kt_closep(&outbox->fd);
	kt_buf_deinit(&outbox->buf);
	pthread_cond_destroy(&outbox->room);
	pthread_mutex_destroy(&outbox->lock);
}

void kt_outbox_put(struct kt_outbox *outbox, const void *data, size_t len)
{
	bool first;
	int r;

	pthread_mutex_lock(&outbox->lock);
	first = !outbox->buf.len && !outbox->error;
	r = kt_buf_append(&outbox->buf, data, len);
	if (r)
		outbox->error = r;
	if (first)
		eventfd_write(outbox->fd, 1); /* every take resets it */
	pthread_mutex_unlock(&outbox->lock);
}

void kt_outbox_wait_room(struct kt_outbox *outbox)
{
	pthread_mutex_lock(&outbox->lock);
	while (outbox->buf.len >= KT_OUTBOX_MAX && !outbox->hurry)
		pthread_cond_wait(&outbox->room, &outbox->lock);
	pthread_mutex_unlock(&outbox->lock);
}

void kt_outbox_hurry(struct kt_outbox *outbox, bool hurry)
{
	pthread_mutex_lock(&outbox->lock);
	outbox->hurry = hurry;
	pthread_cond_broadcast(&outbox->room);
	pthread_mutex_unlock(&outbox->lock);
}

int kt_outbox_take(struct kt_outbox *outbox, struct kt_buf *ret_buf)
{
	eventfd_t count;
	int r;

	pthread_mutex_lock(&outbox->lock);
	eventfd_read(outbox->fd, &count); /* nothing to read is fine */
	*ret_buf = outbox->buf;
	outbox->buf = KT_BUF_INIT(0);
	r = outbox->error;
	outbox->error = 0;
	pthread_cond_broadcast(&outbox->room);
	pthread_mutex_unlock(&outbox->lock);
	return r ? kt_raise(r) : 0;
}
