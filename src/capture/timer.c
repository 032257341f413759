/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/timer.h"

#include <errno.h>
#include <string.h>

#include "base/attr.h"

static const struct timer_ops *const timers[] = { &timer_bpf, &timer_perf };

const char *const timer_names[] = { "bpf", "perf", "no", NULL };

static int open_one(const struct timer_ops *ops, const struct target *target,
		    const struct timer *like, struct timer **ret, struct ss_error *err)
{
	return ops->open(target, like && like->ops == ops ? like : NULL, ret, err);
}

int timer_open(const char *name, const struct target *target, const struct timer *like,
	       struct timer **ret, struct ss_error *err)
{
	bool tried = false;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		if (name && strcmp(timers[i]->name, name) != 0)
			continue;
		tried = true;
		r = open_one(timers[i], target, like, ret, err);
		if (r == 0)
			break;
	}
	if (!tried)
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL, "no timer is called '%s'", name);
	return r;
}

void timer_close(struct timer *timer)
{
	if (timer)
		timer->ops->close(timer);
}
