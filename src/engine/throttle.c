/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/throttle.h"

#include "base/attr.h"
#include "base/clock.h"

#define WINDOW_NS  (500 * NS_PER_MS)
#define LONGEST_NS NS_PER_SEC
#define SLACK      0.7 /* below this part of the limit the rate may rise again */
#define RECOVERY   0.8 /* by this factor of the period */

enum { PATIENCE = 2 }; /* windows: the first looks load symbols, which costs only once */

void throttle_init(struct throttle *throttle, double limit, uint64_t period_ns, uint64_t now_ns,
		   uint64_t cpu_ns)
{
	*throttle = (struct throttle){
		.limit = limit,
		.wanted_ns = period_ns,
		.period_ns = period_ns,
		.from_ns = now_ns,
		.cpu_ns = cpu_ns,
	};
}

static uint64_t slow_down(const struct throttle *throttle, double used)
{
	double period = (double)throttle->period_ns * used / throttle->limit;

	/* who wants to look less than once a second may */
	return (uint64_t)MIN(period, (double)MAX(LONGEST_NS, throttle->wanted_ns));
}

static uint64_t next_period(struct throttle *throttle, double used)
{
	if (used > throttle->limit) {
		if (++throttle->over >= PATIENCE)
			return slow_down(throttle, used);
		return throttle->period_ns;
	}
	throttle->over = 0;
	if (used < SLACK * throttle->limit)
		return MAX(throttle->wanted_ns, (uint64_t)((double)throttle->period_ns * RECOVERY));
	return throttle->period_ns;
}

bool throttle_note(struct throttle *throttle, uint64_t now_ns, uint64_t cpu_ns)
{
	uint64_t window = now_ns - throttle->from_ns, before = throttle->period_ns;

	if (throttle->limit <= 0 || window < MAX(WINDOW_NS, throttle->period_ns))
		return false;
	throttle->period_ns =
		next_period(throttle, (double)(cpu_ns - throttle->cpu_ns) / (double)window);
	throttle->from_ns = now_ns;
	throttle->cpu_ns = cpu_ns;
	if (throttle->period_ns > throttle->wanted_ns)
		throttle->longest_ns = MAX(throttle->longest_ns, throttle->period_ns);
	return throttle->period_ns != before;
}
