/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
#include "spawn_message.h"

bool tux_spawn_start_valid(const struct tux_spawn_start *start, const uint8_t *text, uint32_t len)
{
	uint32_t i = 0;

	if (start->kind != TUX_SPAWN_START || start->zero != 0 || start->text_len != len || len > TUX_SPAWN_MAX_TEXT ||
	    start->path_len > TUX_MAX_TARGET || start->path_len >= len || start->prefix_len > start->path_len)
		return false;
	/*@ loop invariant i <= start->path_len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> text[k] != 0;
	  @ loop assigns i;
	  @ loop variant start->path_len - i; */
	while (i < start->path_len && text[i] != 0)
		i++;
	return i == start->path_len && text[0] == '/' && text[i] == 0 && text[len - 1] == 0;
}

uint32_t tux_spawn_variable(const uint8_t *text, uint32_t len, uint32_t at)
{
	uint32_t i = at;
	bool named = false;

	/*@ loop invariant at <= i <= len;
	  @ loop invariant \forall integer k; at <= k < i ==> text[k] != 0;
	  @ loop invariant named ==> \exists integer k; at < k < i && text[k] == '=';
	  @ loop assigns i, named;
	  @ loop variant len - i; */
	while (i < len && text[i] != 0) {
		if (text[i] == '=' && !named) {
			if (i == at)
				return 0;
			named = true;
		}
		i++;
	}
	return named && i < len ? i - at : 0;
}

/* True if a variable begins with a text. */
/*@ requires \valid_read(variable + (0 .. len - 1)) && text_readable(text);
  @ assigns \nothing;
  @ ensures \result ==> text.len <= len && \forall integer k; 0 <= k < text.len ==> text.at[k] > 0 && variable[k] == text.at[k];
  @*/
static bool begins(const uint8_t *variable, uint32_t len, struct tux_text text)
{
	uint32_t i = 0;

	if (text.len > len)
		return false;
	/*@ loop invariant i <= text.len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> text.at[k] > 0 && variable[k] == text.at[k];
	  @ loop assigns i;
	  @ loop variant text.len - i; */
	while (i < text.len && text.at[i] > 0 && variable[i] == (uint8_t)text.at[i])
		i++;
	return i == text.len;
}

/* True for HTTP_PROXY. */
/*@ requires \valid_read(variable + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <==> variable_proxy(variable, len);
  @*/
static bool is_proxy(const uint8_t *variable, uint32_t len)
{
	return len >= 11 && variable[0] == 'H' && variable[1] == 'T' && variable[2] == 'T' && variable[3] == 'P' && variable[4] == '_' &&
	       variable[5] == 'P' && variable[6] == 'R' && variable[7] == 'O' && variable[8] == 'X' && variable[9] == 'Y' &&
	       variable[10] == '=';
}

bool tux_spawn_variable_allowed(const uint8_t *variable, uint32_t len)
{
	if (len < 5 || is_proxy(variable, len))
		return false;
	switch (variable[0]) {
	case 'A':
		return begins(variable, len, TUX_TEXT("AUTH_TYPE="));
	case 'C':
		return begins(variable, len, TUX_TEXT("CONTENT_LENGTH=")) || begins(variable, len, TUX_TEXT("CONTENT_TYPE="));
	case 'D':
		return begins(variable, len, TUX_TEXT("DOCUMENT_ROOT="));
	case 'G':
		return begins(variable, len, TUX_TEXT("GATEWAY_INTERFACE="));
	case 'H':
		return begins(variable, len, TUX_TEXT("HTTP_")) || begins(variable, len, TUX_TEXT("HTTPS="));
	case 'P':
		return begins(variable, len, TUX_TEXT("PATH_INFO=")) || begins(variable, len, TUX_TEXT("PATH_TRANSLATED="));
	case 'Q':
		return begins(variable, len, TUX_TEXT("QUERY_STRING="));
	case 'R':
		return begins(variable, len, TUX_TEXT("REMOTE_")) || begins(variable, len, TUX_TEXT("REQUEST_")) ||
		       begins(variable, len, TUX_TEXT("REDIRECT_STATUS="));
	case 'S':
		return begins(variable, len, TUX_TEXT("SCRIPT_NAME=")) || begins(variable, len, TUX_TEXT("SCRIPT_FILENAME=")) ||
		       begins(variable, len, TUX_TEXT("SERVER_")) || begins(variable, len, TUX_TEXT("SSL_PROTOCOL=")) ||
		       begins(variable, len, TUX_TEXT("SSL_CIPHER=")) || begins(variable, len, TUX_TEXT("SSL_CLIENT_"));
	case 'U':
		return begins(variable, len, TUX_TEXT("UNIQUE_ID="));
	default:
		return false;
	}
}

bool tux_spawn_kill_valid(const struct tux_spawn_kill *order)
{
	return order->kind == TUX_SPAWN_KILL && order->zero == 0;
}

bool tux_spawn_time_valid(const struct tux_spawn_time *order)
{
	return order->kind == TUX_SPAWN_TIME;
}

bool tux_spawn_result_valid(const struct tux_spawn_result *result)
{
	return result->kind >= TUX_SPAWN_STARTED && result->kind <= TUX_SPAWN_ENDED && result->step < TUX_SPAWN_STEPS &&
	       result->end < TUX_SPAWN_ENDS && (result->kind == TUX_SPAWN_FAILED) == (result->step != TUX_SPAWN_AT_NOTHING);
}

uint32_t tux_spawn_descriptors(uint64_t bytes, uint32_t max)
{
	const uint64_t count = bytes / 4;

	return count < max ? (uint32_t)count : max;
}
