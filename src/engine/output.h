/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * output.h: the inside of an output of the public interface.
 */
#ifndef SS_ENGINE_OUTPUT_H
#define SS_ENGINE_OUTPUT_H

#include "write/out.h"

struct ss_output {
	struct out *out;
};

#endif
