/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#include "html.h"
#include "json.h"
#include "prometheus.h"
#include "text.h"

const char *report_type(enum tux_report_form form)
{
	switch (form) {
	case TUX_REPORT_PROMETHEUS:
		return "text/plain; version=0.0.4; charset=utf-8";
	case TUX_REPORT_JSON:
		return "application/json";
	case TUX_REPORT_TEXT:
	case TUX_REPORT_READY:
	case TUX_REPORT_MODULES:
		return "text/plain; charset=utf-8";
	case TUX_REPORT_PAGE:
		break;
	}
	return "text/html; charset=utf-8";
}

char *report_write(const struct snapshot *snapshot, enum tux_report_form form, const char *nonce, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		return NULL;
	switch (form) {
	case TUX_REPORT_PROMETHEUS:
		prometheus_write(out, snapshot);
		break;
	case TUX_REPORT_JSON:
		json_write(out, snapshot);
		break;
	case TUX_REPORT_PAGE:
		html_write(out, snapshot, nonce);
		break;
	case TUX_REPORT_TEXT:
		text_write(out, snapshot);
		break;
	case TUX_REPORT_READY:
		fputs(snapshot->ready ? "ready\n" : "not ready\n", out);
		break;
	case TUX_REPORT_MODULES:
		text_write_modules(out, snapshot);
		break;
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
