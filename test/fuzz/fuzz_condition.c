/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions and the decision that follows from them, against a model of RFC 9110 13. The first octet chooses
 * the validators, the rest are field lines.
 */
#include <string.h>

#include "condition.h"
#include "date.h"
#include "list_model.h"
#include "response.h"

static const char *const names[] = {
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range",
};

enum { SIZE = 1000, MODIFIED = 784111777 };

static uint32_t lines_of(const struct tux_request *req, enum tux_field_name name, uint32_t *last)
{
	uint32_t count = 0;

	*last = 0;
	for (uint32_t i = 0; i < req->fields.count; i++) {
		if (req->fields.line[i].known == name) {
			*last = i;
			count++;
		}
	}
	return count;
}

static bool is_weak(struct text tag)
{
	return tag.len >= 2 && memcmp(tag.at, "W/", 2) == 0;
}

/* RFC 9110 8.8.3.2. */
static bool same_tag(struct text one, struct text other, bool strong)
{
	size_t one_skip = is_weak(one) ? 2 : 0, other_skip = is_weak(other) ? 2 : 0;

	if (other.len == 0 || (strong && (is_weak(one) || is_weak(other))))
		return false;
	return one.len - one_skip == other.len - other_skip &&
	       memcmp(one.at + one_skip, other.at + other_skip, one.len - one_skip) == 0;
}

static struct text our_tag(const struct tux_validators *validators)
{
	return (struct text){ (const char *)validators->etag, validators->etag_len };
}

static bool any_tag(const uint8_t *buf, const struct tux_request *req, enum tux_field_name name,
                    const struct tux_validators *validators, bool strong)
{
	static struct text part[LIST_MODEL_MAX + 1];

	for (uint32_t i = 0; i < req->fields.count; i++) {
		size_t count;

		if (req->fields.line[i].known != name)
			continue;
		if (text_is(text_of(buf, req, i), "*"))
			return true;
		count = text_split(text_of(buf, req, i), ',', part);
		for (size_t k = 0; k < count; k++)
			if (part[k].len > 0 && same_tag(part[k], our_tag(validators), strong))
				return true;
	}
	return false;
}

/* The one date that the field gives; false when there is another line, no date, or nothing to compare with. */
static bool date_of(const uint8_t *buf, const struct tux_request *req, enum tux_field_name name,
                    const struct tux_validators *validators, int64_t *date)
{
	uint32_t line;

	if (lines_of(req, name, &line) != 1 || validators->last_modified < 0)
		return false;
	return tux_date_parse(buf + req->fields.line[line].value.off, req->fields.line[line].value.len, validators->now, date);
}

/* RFC 9110 13.2.2, steps 1 to 4. */
static enum tux_condition model_evaluate(const uint8_t *buf, const struct tux_request *req,
                                         const struct tux_validators *validators)
{
	bool match = true, none_match = true; /* what the fields ask for holds */
	uint32_t line;
	int64_t date;

	if (lines_of(req, TUX_FIELD_IF_MATCH, &line) > 0)
		match = any_tag(buf, req, TUX_FIELD_IF_MATCH, validators, true);
	else if (date_of(buf, req, TUX_FIELD_IF_UNMODIFIED_SINCE, validators, &date))
		match = validators->last_modified <= date;
	if (lines_of(req, TUX_FIELD_IF_NONE_MATCH, &line) > 0)
		none_match = !any_tag(buf, req, TUX_FIELD_IF_NONE_MATCH, validators, false);
	else if (date_of(buf, req, TUX_FIELD_IF_MODIFIED_SINCE, validators, &date))
		none_match = validators->last_modified > date;
	if (!match)
		return TUX_CONDITION_FAILED;
	return none_match ? TUX_CONDITION_PASSED : TUX_CONDITION_NOT_MODIFIED;
}

/* RFC 9110 13.1.5. */
static bool model_range_applies(const uint8_t *buf, const struct tux_request *req,
                                const struct tux_validators *validators)
{
	uint32_t line, count = lines_of(req, TUX_FIELD_IF_RANGE, &line);
	int64_t date;

	if (count != 1)
		return count == 0;
	if (date_of(buf, req, TUX_FIELD_IF_RANGE, validators, &date))
		return date == validators->last_modified && date < validators->now;
	return text_of(buf, req, line).len > 0 && text_of(buf, req, line).at[0] == '"' &&
	       same_tag(text_of(buf, req, line), our_tag(validators), true);
}

/* What conditions and Range lead to together: step 5, and 304 or 412 before it. */
static void check_decision(const uint8_t *buf, const struct tux_request *req, const struct tux_validators *validators,
                           enum tux_condition condition, bool applies)
{
	struct tux_facts facts = { .size = SIZE, .validators = *validators };
	struct tux_range ranges[TUX_MAX_RANGES];
	uint32_t line, count = 0;
	uint16_t status = 200;
	struct tux_plan plan;

	if (condition == TUX_CONDITION_FAILED) {
		status = 412;
	} else if (condition == TUX_CONDITION_NOT_MODIFIED) {
		status = 304;
	} else if (applies && lines_of(req, TUX_FIELD_RANGE, &line) == 1) {
		enum tux_range_verdict verdict = tux_range_parse(buf, req->fields.line[line].value, SIZE, ranges, &count);

		status = verdict == TUX_RANGE_SATISFIABLE ? 206 : verdict == TUX_RANGE_UNSATISFIABLE ? 416 : 200;
	}
	forget(&plan, sizeof(plan));
	tux_respond_decide(buf, req, &facts, &plan);
	require(plan.status == status && plan.range_count == count);
	require_written(plan.range, count * sizeof(plan.range[0]));
	require(memcmp(plan.range, ranges, count * sizeof(ranges[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tags[] = { NULL, "\"abc\"", "W/\"abc\"", "\"\"" };
	static const int64_t clocks[] = { MODIFIED - 1, MODIFIED, MODIFIED + 1, 1784000000 };
	static struct tux_request req;
	struct tux_validators validators;
	enum tux_condition condition;
	bool applies;
	uint8_t *buf;

	if (size == 0 || size > LIST_MODEL_MAX)
		return 0;
	validators = (struct tux_validators){
		.etag = (const uint8_t *)tags[data[0] & 3],
		.etag_len = (data[0] & 3) != 0 ? (uint32_t)strlen(tags[data[0] & 3]) : 0,
		.now = clocks[data[0] >> 2 & 3],
		.last_modified = (data[0] & 16) != 0 ? -1 : MODIFIED,
	};
	buf = request_of_lines(names, sizeof(names) / sizeof(names[0]), data + 1, size - 1, &req);
	if (buf == NULL)
		return 0;
	condition = tux_condition_evaluate(buf, &req, &validators);
	applies = tux_condition_range_applies(buf, &req, &validators);
	require(condition == model_evaluate(buf, &req, &validators));
	require(applies == model_range_applies(buf, &req, &validators));
	check_decision(buf, &req, &validators, condition, applies);
	free(buf);
	return 0;
}
